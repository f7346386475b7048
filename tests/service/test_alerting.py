"""Alerts from decision to delivery, with sinks that fail in each of their ways and a clock that the test turns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from dhishoom.errors import SinkError
from dhishoom.messages import local_place
from dhishoom.nouns import NS_PER_S, Alert
from dhishoom.service.alerting import Alerting
from dhishoom.service.outbox import Courier, Queued, backoff_s
from dhishoom.service.rules import Rule

from .test_rules import NOON_NS, incident


class Scripted:
    """A sink that answers each delivery with the next of its script, then takes everything."""

    def __init__(self, *script: SinkError | None) -> None:
        self.script = list(script)
        self.taken: list[str] = []

    def deliver(self, alert: Alert) -> None:
        failure = self.script.pop(0) if self.script else None
        if failure:
            raise failure
        self.taken.append(f"{alert.kind} {alert.incident.rounds}")

    def close(self) -> None:
        """Nothing to free."""


class Desk:
    """A rule, an outbox, sinks and a clock."""

    def __init__(self, outbox: MemoryOutbox, rule: Rule, **sinks: Scripted) -> None:
        self.outbox, self.now_ns, self.log = outbox, NOON_NS, list[str]()
        self.alerting = Alerting([rule], outbox, local_place, link_base="http://127.0.0.1:8080")
        self.couriers = [
            Courier(name, sink, outbox, self.log.append, jitter=lambda: 1.0) for name, sink in sinks.items()
        ]

    def deliver_at(self, seconds: float) -> None:
        self.now_ns = NOON_NS + round(seconds * NS_PER_S)
        for courier in self.couriers:
            courier.deliver_due(self.now_ns)


class MemoryOutbox:
    """The outbox in its plainest form."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str], dict[str, object]] = {}
        self.told: list[tuple[str, Alert]] = []

    def queue_alert(self, sink_name: str, rule_name: str, alert: Alert, *, due_ns: int) -> bool:
        if (sink_name, alert.alert_id) in self.rows:
            return False
        self.rows[sink_name, alert.alert_id] = {"alert": alert, "due": due_ns, "attempts": 0, "state": "queued"}
        if all(other.alert_id != alert.alert_id for _, other in self.told):
            self.told.append((rule_name, alert))
        return True

    def due_alerts(self, sink_name: str, *, now_ns: int, limit: int) -> Sequence[Queued]:
        due: list[Queued] = []
        for (name, _), row in self.rows.items():
            if name != sink_name or row["state"] != "queued":
                continue
            if row["due"] > now_ns and row["attempts"]:  # type: ignore[operator]
                break
            if row["due"] <= now_ns:  # type: ignore[operator]
                due.append(Queued(alert=row["alert"], attempts=row["attempts"]))  # type: ignore[arg-type]
        return due[:limit]

    def settle_alert(self, sink_name: str, alert_id: str, *, state: str, why: str, now_ns: int) -> None:
        row = self.rows.get((sink_name, alert_id))
        if row and row["state"] == "queued":
            row.update(state=state, why=why)

    def postpone_alert(self, sink_name: str, alert_id: str, *, due_ns: int, why: str) -> None:
        row = self.rows[sink_name, alert_id]
        row.update(due=due_ns, attempts=row["attempts"] + 1, why=why)  # type: ignore[operator]

    def alerts_told(self, rule_name: str, *, since_ns: int) -> Sequence[Alert]:
        return [alert for name, alert in self.told if name == rule_name and alert.created_ns >= since_ns]


RULE = Rule(name="all", sinks=("radio",))
LATER = SinkError("the line is down", retry=True)
NEVER = SinkError("the number is unknown", retry=False)


@pytest.fixture
def outbox() -> MemoryOutbox:
    return MemoryOutbox()


def test_an_incident_is_told_once_updated_and_cancelled(outbox: MemoryOutbox) -> None:
    """A dispatcher reads the shot, then the burst it became, then that it was none."""
    radio = Scripted()
    desk = Desk(outbox, RULE, radio=radio)
    burst = incident(revision=2, rounds=3)
    for what, verdict in ((incident(), None), (incident(), None), (burst, None), (burst, "dismissed")):
        desk.alerting.tell(what, verdict=verdict, now_ns=desk.now_ns)
    desk.deliver_at(0)
    desk.deliver_at(1)
    assert radio.taken == ["new 1", "update 3", "cancel 3"]


def test_a_failing_line_is_tried_again_in_order(outbox: MemoryOutbox) -> None:
    """An update never overtakes the alert it updates, and nothing is sent twice."""
    radio = Scripted(LATER, LATER)
    desk = Desk(outbox, RULE, radio=radio)
    desk.alerting.tell(incident(), verdict=None, now_ns=NOON_NS)
    desk.alerting.tell(incident(revision=2, rounds=3), verdict=None, now_ns=NOON_NS)
    for second in range(10):
        desk.deliver_at(second)
    assert radio.taken == ["new 1", "update 3"]
    assert len(desk.log) == 2
    assert "the line is down" in desk.log[0]


def test_one_sink_that_fails_holds_up_no_other(outbox: MemoryOutbox) -> None:
    """Each sink has its own courier and its own rows."""
    radio, page = Scripted(*[LATER] * 50), Scripted()
    desk = Desk(outbox, replace(RULE, sinks=("radio", "page")), radio=radio, page=page)
    desk.alerting.tell(incident(), verdict=None, now_ns=NOON_NS)
    desk.deliver_at(0)
    assert (radio.taken, page.taken) == ([], ["new 1"])


def test_an_alert_that_is_too_old_is_given_up_aloud(outbox: MemoryOutbox) -> None:
    """Nobody is sent to a place where something happened an hour ago; the log says so."""
    radio = Scripted(*[LATER] * 100)
    desk = Desk(outbox, replace(RULE, expire_s=60.0), radio=radio)
    desk.alerting.tell(incident(), verdict=None, now_ns=NOON_NS)
    for second in range(0, 400, 5):
        desk.deliver_at(second)
    assert radio.taken == []
    assert [row["state"] for row in outbox.rows.values()] == ["expired"]
    assert "expired" in desk.log[-1]


def test_a_refusal_for_good_becomes_a_dead_letter(outbox: MemoryOutbox) -> None:
    """It stays visible with its reason, and the next alert goes on."""
    radio = Scripted(NEVER)
    desk = Desk(outbox, RULE, radio=radio)
    desk.alerting.tell(incident(), verdict=None, now_ns=NOON_NS)
    desk.alerting.tell(incident(incident_id="2f", rounds=2), verdict=None, now_ns=NOON_NS)
    desk.deliver_at(0)
    assert radio.taken == ["new 2"]
    assert [row["state"] for row in outbox.rows.values()] == ["dead", "delivered"]


@pytest.mark.parametrize("acknowledged", [False, True])
def test_an_alert_nobody_answers_goes_to_the_next(outbox: MemoryOutbox, acknowledged: bool) -> None:
    """Escalation waits its time, and does not happen once somebody has seen the incident."""
    radio, chief = Scripted(), Scripted()
    rule = replace(RULE, escalate_after_s=120.0, escalate_to=("chief",))
    desk = Desk(outbox, rule, radio=radio, chief=chief)
    desk.alerting.tell(incident(), verdict=None, now_ns=NOON_NS)
    desk.deliver_at(60)
    if acknowledged:
        desk.alerting.acknowledge(incident(), now_ns=desk.now_ns)
    desk.deliver_at(121)
    assert chief.taken == ([] if acknowledged else ["new 1"])
    assert radio.taken == ["new 1"]


def test_backoff_doubles_up_to_five_minutes() -> None:
    """The longest waits are 1, 2, 4 ... 300 s, and never none."""
    assert [backoff_s(attempts, 1.0) for attempts in (0, 1, 2, 40)] == [1.0, 2.0, 4.0, 300.0]
    assert backoff_s(9, 0.0) == 0.5
