"""What every sink promises, whatever the other side does: deliver and say so, or a SinkError that says why."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from tools.parts.mosquitto import PASSWORDS

from dhishoom.errors import SinkError
from dhishoom.messages import local_place
from dhishoom.nouns import Alert, Site
from dhishoom.service.alert_office import AlertOffice
from dhishoom.service.alert_text import Wording
from dhishoom.service.alerting import Alerting
from dhishoom.service.couriers import Line
from dhishoom.service.rules import Rule
from dhishoom.sinks.apprise import AppriseSink
from dhishoom.sinks.cap import CapSink
from dhishoom.sinks.console import ConsoleSink
from dhishoom.sinks.email import EmailSink
from dhishoom.sinks.mqtt import MqttSink
from dhishoom.sinks.webhook import WebhookSink
from dhishoom.stores.memory import MemoryStore

from .examples import an_alert, an_incident
from .other_sides import MISBEHAVIOURS, closed_port, in_time, misbehaving, receiving, wait_until

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SOON_S = 0.3
"""The other side may take so long; all tests end in a small multiple of it."""


def webhook_to(port: int) -> WebhookSink:
    """On this machine."""
    return WebhookSink(f"http://127.0.0.1:{port}/", SECRET, place=local_place, allow_private=True, timeout_s=SOON_S)


def email_to(port: int) -> EmailSink:
    """On this machine, which may be plain text."""
    return EmailSink("127.0.0.1", port, "a@x.org", ["b@x.org"], allow_plain_text=True, timeout_s=SOON_S)


def mqtt_to(port: int, **options: Any) -> MqttSink:
    """On this machine."""
    return MqttSink("127.0.0.1", port, place=local_place, **{"timeout_s": SOON_S, **options})


def apprise_to(port: int) -> AppriseSink:
    """Apprise's plainest service: JSON over HTTP."""
    return AppriseSink(f"json://127.0.0.1:{port}/?rto={SOON_S}&cto={SOON_S}")


NETWORKED = {"webhook": webhook_to, "email": email_to, "mqtt": mqtt_to, "apprise": apprise_to}


@dataclass(frozen=True, slots=True)
class Pair:
    """A sink and what has arrived at its other side."""

    sink: Any
    arrived: Any


def console(_: Path, __: ExitStack) -> Pair:
    """A stream."""
    stream = io.StringIO()
    return Pair(ConsoleSink(stream), stream.getvalue)


def cap(folder: Path, _: ExitStack) -> Pair:
    """A folder."""
    sink = CapSink(folder / "cap", Site(), sender="a@x.org")
    return Pair(sink, lambda: "".join(path.read_text("utf-8") for path in (folder / "cap").iterdir()))


def webhook(_: Path, until_end: ExitStack) -> Pair:
    """A web server."""
    server = until_end.enter_context(receiving())
    return Pair(webhook_to(server.server_port), lambda: "".join(_text(body) for _, body in server.posts))


def apprise(_: Path, until_end: ExitStack) -> Pair:
    """A web server, by Apprise."""
    server = until_end.enter_context(receiving())
    return Pair(apprise_to(server.server_port), lambda: "".join(_text(body) for _, body in server.posts))


def email(_: Path, until_end: ExitStack) -> Pair:
    """An SMTP server."""
    mailbox = Mailbox()
    controller = Controller(mailbox, hostname="127.0.0.1", port=closed_port())
    controller.start()
    until_end.callback(controller.stop)
    return Pair(email_to(controller.port), lambda: "".join(mailbox.texts))


def mqtt(_: Path, until_end: ExitStack, broker: Any) -> Pair:
    """A Mosquitto broker, and a subscriber."""
    import paho.mqtt.client as paho

    heard, subscribed = list[bytes](), threading.Event()
    client = paho.Client(paho.CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
    client.username_pw_set("bridge", PASSWORDS["bridge"])
    client.on_subscribe = lambda *_: subscribed.set()
    client.on_message = lambda _client, _data, message: heard.append(message.payload)
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    until_end.callback(client.loop_stop)
    until_end.callback(client.disconnect)
    client.subscribe("dhishoom/alerts/alert", 1)
    assert subscribed.wait(60)
    sink = mqtt_to(broker.port, user="bridge", password=PASSWORDS["bridge"], timeout_s=10.0)
    return Pair(sink, lambda: "".join(_text(body) for body in heard))


class Mailbox:
    """Takes every message."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    async def handle_DATA(self, _: Any, __: Any, envelope: Any) -> str:
        """Keep its text."""
        import email as mail
        from email import policy

        message = mail.message_from_bytes(envelope.content, policy=policy.default)
        self.texts.append(message.get_content().replace("\r\n", "\n"))
        return "250 OK queued as 4711"


def _text(body: bytes) -> str:
    found = json.loads(body)
    return str(found.get("message") or found["data"]["text"])


@pytest.fixture(params=[console, cap, webhook, apprise, email, mqtt], ids=lambda made: made.__name__)
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Pair]:
    """Every sink with another side that behaves."""
    real = (request.getfixturevalue("mosquitto"),) if request.param is mqtt else ()
    with ExitStack() as until_end:
        made = request.param(tmp_path, until_end, *real)
        yield made
        made.sink.close()


def alerts() -> list[Alert]:
    """An incident's beginning, middle and end."""
    kinds = ("new", "update", "cancel")
    return [an_alert(an_incident(revision=number), kind) for number, kind in enumerate(kinds, 1)]


def test_what_is_delivered_has_arrived_and_the_answer_is_told(pair: Pair) -> None:
    """Beginning, update and end, each with the words that a dispatcher reads."""
    for alert in alerts():
        assert pair.sink.deliver(alert)
        first_line = alert.text.splitlines()[0]
        assert wait_until(lambda line=first_line: line in pair.arrived())  # type: ignore[misc]


def test_the_same_alert_twice_is_taken_twice(pair: Pair) -> None:
    """At least once: whoever was killed before it could be noted delivers again."""
    assert pair.sink.deliver(alerts()[0])
    assert pair.sink.deliver(alerts()[0])


def test_a_sink_can_be_closed_before_it_has_delivered_and_twice(pair: Pair) -> None:
    """The service ends whenever it is told to."""
    pair.sink.close()
    pair.sink.close()


@pytest.mark.parametrize("kind", NETWORKED)
@pytest.mark.parametrize("misbehaviour", MISBEHAVIOURS)
def test_an_other_side_that_misbehaves_is_left_in_time(kind: str, misbehaviour: str) -> None:
    """Whatever it does, the delivery ends, names who failed, and may be tried again."""
    if (kind, misbehaviour) == ("apprise", "drips"):
        pytest.skip("Apprise has a limit for each step, and none for all of them; its courier alone waits")
    with misbehaving(MISBEHAVIOURS[misbehaviour]) as port:
        sink = NETWORKED[kind](port)
        with pytest.raises(SinkError) as caught:
            in_time(lambda: sink.deliver(alerts()[0]))
        sink.close()
    assert caught.value.retry
    assert "127.0.0.1" in str(caught.value) or "Apprise" in str(caught.value)


@pytest.mark.parametrize("kind", NETWORKED)
def test_an_other_side_that_is_down_may_come_back(kind: str) -> None:
    """Nobody listens: tried again later."""
    sink = NETWORKED[kind](closed_port())
    with pytest.raises(SinkError) as caught:
        in_time(lambda: sink.deliver(alerts()[0]))
    sink.close()
    assert caught.value.retry


def test_sinks_that_fail_hold_up_no_other_and_lose_nothing(tmp_path: Path) -> None:
    """One good sink among all that misbehave, in their own threads: it gets everything; the log says why."""
    with ExitStack() as until_end:
        ports = {name: until_end.enter_context(misbehaving(how)) for name, how in MISBEHAVIOURS.items()}
        redirecting = until_end.enter_context(receiving(307))
        good = webhook(tmp_path, until_end)
        sinks = {
            f"{kind} {name}": NETWORKED[kind](port) for name, port in ports.items() for kind in ("webhook", "email")
        }
        sinks |= {
            "down": webhook_to(closed_port()),
            "redirects": webhook_to(redirecting.server_port),
            "good": good.sink,
        }
        office = Office(sinks)
        until_end.callback(office.stop)

        for number in range(3):
            office.hear(an_incident(f"i{number}"))

        assert wait_until(lambda: office.count("good", "delivered") == 3)
        assert wait_until(lambda: all(office.failed(name) for name in sinks if name != "good"))
        assert wait_until(lambda: office.count("redirects", "dead") == 3)
        assert all(office.count(name, "queued") == 3 for name in sinks if name not in ("good", "redirects"))
        assert all(any(f"sink {name}:" in line for line in office.log) for name in sinks if name != "good")


class Office:
    """Couriers at work over a store in memory."""

    def __init__(self, sinks: dict[str, Any]) -> None:
        self.store, self.log = MemoryStore(), list[str]()
        alerting = Alerting(
            [Rule(name="all", sinks=tuple(sinks), sensors_min=1)], self.store, Wording(place=local_place)
        )
        self._office = AlertOffice(
            alerting, self.store, {name: Line(sink=sink) for name, sink in sinks.items()}, self._publish
        )
        self._threads = [threading.Thread(target=worker.run, daemon=True) for worker in self._office.workers]
        for thread in self._threads:
            thread.start()

    def hear(self, incident: Any) -> None:
        """As the pipeline stores it."""
        letters = self._office.letters(incident)
        self.store.put_incidents([incident], letters)
        self._office.posted(letters)

    def count(self, sink: str, state: Any) -> int:
        """Letters of a sink that are so."""
        return len(self.store.letters(sink=sink, state=state))

    def failed(self, sink: str) -> bool:
        """Whether a letter to it says why it did not arrive."""
        return any(one.why and one.attempts for one in self.store.letters(sink=sink))

    def stop(self) -> None:
        """To the end of every thread."""
        for worker in self._office.workers:
            worker.stop()
        for thread in self._threads:
            thread.join(60)
            assert not thread.is_alive()

    def _publish(self, kind: str, payload: dict[str, Any]) -> None:
        if kind == "notice":
            self.log.append(payload["detail"])
