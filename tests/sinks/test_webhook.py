"""Webhooks against a server on this machine that behaves, refuses, redirects, hangs and drips."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from dhishoom.errors import SettingsError, SinkError
from dhishoom.messages import local_place
from dhishoom.nouns import Alert
from dhishoom.sinks.webhook import WebhookSink, signature

KEY = bytes(range(32))
SECRET = "whsec_" + base64.b64encode(KEY).decode()


class Receiver(ThreadingHTTPServer):
    """Answers every post with `status` and remembers it."""

    status = 200
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.posts: list[tuple[dict[str, str], bytes]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hook?site=1"


class Handler(BaseHTTPRequestHandler):
    """One post."""

    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.posts.append((dict(self.headers), body))
        self.send_response(self.server.status)
        self.send_header("Location", "http://127.0.0.1:9/elsewhere")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Stay quiet."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    server = Receiver()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@contextmanager
def answering(piece: bytes) -> Iterator[str]:
    """A server that accepts, sends `piece` and then says nothing more."""
    listener = socket.create_server(("127.0.0.1", 0))
    done = threading.Event()

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.sendall(piece)
            done.wait(30)

    thread = threading.Thread(target=serve)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
    done.set()
    thread.join()
    listener.close()


def sink_for(url: str, **options: Any) -> WebhookSink:
    return WebhookSink(url, SECRET, place=local_place, allow_private=True, **options)


def test_a_receiver_can_verify_what_it_gets(receiver: Receiver, alerts: dict[str, Alert]) -> None:
    """The signature is HMAC-SHA256 over id, timestamp and body, as Standard Webhooks says."""
    sink_for(receiver.url).deliver(alerts["new"])

    headers, body = receiver.posts[0]
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(KEY, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    assert headers["webhook-id"] == alerts["new"].alert_id


def test_the_signature_of_the_standards_own_example() -> None:
    """The example of the Standard Webhooks reference libraries gives its published signature."""
    secret = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    body = b'{"test": 2432232314}'
    assert signature(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body) == (
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    )


def test_the_body_is_a_cloud_event_with_the_incident(receiver: Receiver, alerts: dict[str, Alert]) -> None:
    """Receivers read CloudEvents 1.0 whose data is the incident as everywhere else."""
    sink_for(receiver.url).deliver(alerts["update"])

    event = json.loads(receiver.posts[0][1])
    assert (event["specversion"], event["type"]) == ("1.0", "dhishoom.alert.v1")
    assert event["data"]["kind"] == "update"
    assert event["data"]["incident"]["rounds"] == 3


@pytest.mark.parametrize(("status", "retry"), [(500, True), (503, True), (429, True), (404, False), (410, False)])
def test_a_refusal_says_whether_to_try_again(
    receiver: Receiver, alerts: dict[str, Alert], status: int, retry: bool
) -> None:
    """A server's fault may pass; ours does not mend itself."""
    receiver.status = status
    with pytest.raises(SinkError, match=str(status)) as caught:
        sink_for(receiver.url).deliver(alerts["new"])
    assert caught.value.retry is retry


def test_a_redirect_is_refused(receiver: Receiver, alerts: dict[str, Alert]) -> None:
    """An alert goes to the address that was configured and nowhere else."""
    receiver.status = 307
    with pytest.raises(SinkError, match="redirects") as caught:
        sink_for(receiver.url).deliver(alerts["new"])
    assert not caught.value.retry
    assert len(receiver.posts) == 1


@pytest.mark.parametrize("piece", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n", b"nonsense\r\n\r\n"])
def test_a_server_that_hangs_or_lies_is_left(alerts: dict[str, Alert], piece: bytes) -> None:
    """Silence, half an answer and nonsense end within the time limit, to be tried again."""
    with answering(piece) as url, pytest.raises(SinkError, match="tried again") as caught:
        sink_for(url, timeout_s=0.2).deliver(alerts["new"])
    assert caught.value.retry


def test_a_private_address_is_refused_unless_allowed(receiver: Receiver, alerts: dict[str, Alert]) -> None:
    """A misused setting must not make this server speak to the operator's inner network."""
    url = f"https://localhost:{receiver.server_port}/"
    with pytest.raises(SinkError, match="not a public address"):
        WebhookSink(url, SECRET, place=local_place).deliver(alerts["new"])
    assert receiver.posts == []


def test_a_heartbeat_says_that_all_is_well(receiver: Receiver) -> None:
    """Silence can be told from failure."""
    sink_for(receiver.url).heartbeat(1_700_000_000_000_000_000)
    assert json.loads(receiver.posts[0][1])["type"] == "dhishoom.heartbeat.v1"


@pytest.mark.parametrize("secret", ["", "hunter2", "whsec_c2hvcnQ=", "whsec_!!!"])
def test_a_weak_or_misspelt_secret_is_refused_at_start(secret: str) -> None:
    """A secret that protects nothing is an error before the first alert, with the command that makes a good one."""
    with pytest.raises(SettingsError, match="whsec_"):
        WebhookSink("https://example.org/", secret, place=local_place)


@pytest.mark.parametrize("url", ["ftp://example.org/", "example.org", "http://example.org/"])
def test_an_address_that_cannot_be_safe_is_refused_at_start(url: str) -> None:
    """Only https leaves the operator's network."""
    with pytest.raises(SettingsError, match="address"):
        WebhookSink(url, SECRET, place=local_place)
