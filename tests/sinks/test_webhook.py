"""Webhooks against a server on this machine that behaves, refuses, redirects, hangs and drips."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import standardwebhooks
import trustme

from dhishoom.errors import SettingsError, SinkError
from dhishoom.messages import local_place
from dhishoom.nouns import Alert
from dhishoom.sinks.webhook import WebhookSink, signature
from tests.contracts.other_sides import Receiver, misbehaving, receiving

KEY = bytes(range(32))
SECRET = "whsec_" + base64.b64encode(KEY).decode()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A server that answers as its `status` says."""
    with receiving() as server:
        yield server


def url_of(receiver: Receiver) -> str:
    """With a query, as hooks have them."""
    return f"http://127.0.0.1:{receiver.server_port}/hook?site=1"


def in_pieces(piece: bytes) -> Any:
    """A server that sends `piece` and then says nothing more."""

    def behave(connection: socket.socket, done: threading.Event) -> None:
        connection.sendall(piece)
        done.wait(30)

    return misbehaving(behave)


def sink_for(url: str, **options: Any) -> WebhookSink:
    return WebhookSink(url, SECRET, place=local_place, allow_private=True, **options)


def test_a_receiver_can_verify_what_it_gets(receiver: Receiver, alerts: dict[str, Alert]) -> None:
    """The signature is HMAC-SHA256 over id, timestamp and body, as Standard Webhooks says."""
    sink_for(url_of(receiver)).deliver(alerts["new"])

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


def test_the_reference_library_verifies_what_is_sent(receiver: Receiver, alerts: dict[str, Alert]) -> None:
    """Whoever uses it needs no code of ours; a body that was changed on its way is refused."""
    sink_for(url_of(receiver)).deliver(alerts["new"])

    headers, body = receiver.posts[0]
    webhook = standardwebhooks.Webhook(SECRET)
    assert webhook.verify(body, headers)["id"] == alerts["new"].alert_id
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        webhook.verify(body.replace(b"3 rounds", b"0 rounds"), headers)


@pytest.mark.parametrize("body", ["{}", '{"a":"ü ± 8 m"}', "x" * 9999])
def test_signatures_are_those_of_the_reference_library(body: str) -> None:
    """To the letter, whatever is signed."""
    moment = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
    expected = standardwebhooks.Webhook(SECRET).sign("msg_1", moment, body)
    assert signature(KEY, "msg_1", int(moment.timestamp()), body.encode()) == expected


def test_the_check_in_the_docs_tells_ours_from_forged_and_stale(receiver: Receiver, alerts: dict[str, Alert]) -> None:
    """Five lines that a receiver may copy."""
    page = (Path(__file__).parents[2] / "docs" / "alerts.md").read_text(encoding="utf-8")
    code = page.split("```python\n", 1)[1].split("```", 1)[0]
    names: dict[str, Any] = {"base64": base64, "hashlib": hashlib, "hmac": hmac, "time": time}
    exec(code, names)
    sink_for(url_of(receiver)).deliver(alerts["new"])

    headers, body = receiver.posts[0]
    assert names["is_ours"](SECRET, headers, body)
    assert not names["is_ours"](SECRET, headers, body + b" ")
    stale = str(int(headers["webhook-timestamp"]) - 600)
    signed = signature(KEY, headers["webhook-id"], int(stale), body)
    assert not names["is_ours"](SECRET, {**headers, "webhook-timestamp": stale, "webhook-signature": signed}, body)


def test_a_hook_that_is_gone_says_so(receiver: Receiver, alerts: dict[str, Alert]) -> None:
    """Standard Webhooks: 410 means that no event is wanted any more."""
    receiver.status = 410
    with pytest.raises(SinkError, match="gone") as caught:
        sink_for(url_of(receiver)).deliver(alerts["new"])
    assert caught.value.gone


def test_over_tls_the_certificate_must_be_from_a_trusted_authority(
    receiver: Receiver, alerts: dict[str, Alert], tmp_path: Path
) -> None:
    """The operator's own, where one is named; a stranger's is refused."""
    authority, path = trustme.CA(), tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)
    receiver.socket = context.wrap_socket(receiver.socket, server_side=True)
    url = f"https://localhost:{receiver.server_port}/"

    assert sink_for(url, authority=str(path), timeout_s=10.0).deliver(alerts["new"]) == "200 OK"
    with pytest.raises(SinkError, match="certificate"):
        sink_for(url, timeout_s=10.0).deliver(alerts["new"])
    assert len(receiver.posts) == 1


def test_what_a_server_says_of_its_refusal_is_passed_on(alerts: dict[str, Alert]) -> None:
    """A few words of its body, in the dead letter."""
    answer = b"HTTP/1.1 422 Unprocessable\r\nContent-Length: 14\r\n\r\nno such  site\n"
    with in_pieces(answer) as port, pytest.raises(SinkError, match=r"422 Unprocessable: no such site\.$") as caught:
        sink_for(f"http://127.0.0.1:{port}/").deliver(alerts["new"])
    assert not caught.value.retry


def test_an_answer_whose_body_never_ends_is_an_answer(alerts: dict[str, Alert]) -> None:
    """200 and then garbage without end: the head has told what matters."""
    with in_pieces(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n<html>") as port:
        assert sink_for(f"http://127.0.0.1:{port}/", timeout_s=10.0).deliver(alerts["new"]) == "200 OK"


def test_the_body_is_a_cloud_event_with_the_incident(receiver: Receiver, alerts: dict[str, Alert]) -> None:
    """Receivers read CloudEvents 1.0 whose data is the incident as everywhere else."""
    sink_for(url_of(receiver)).deliver(alerts["update"])

    event = json.loads(receiver.posts[0][1])
    assert (event["specversion"], event["type"]) == ("1.0", "dhishoom.alert.v1")
    assert event["data"]["kind"] == "update"
    assert event["data"]["incident"]["rounds"] == 3
    assert event["data"]["status"] == "Actual"


@pytest.mark.parametrize(("status", "retry"), [(500, True), (503, True), (429, True), (404, False), (410, False)])
def test_a_refusal_says_whether_to_try_again(
    receiver: Receiver, alerts: dict[str, Alert], status: int, retry: bool
) -> None:
    """A server's fault may pass; ours does not mend itself."""
    receiver.status = status
    with pytest.raises(SinkError, match=str(status)) as caught:
        sink_for(url_of(receiver)).deliver(alerts["new"])
    assert caught.value.retry is retry


def test_a_redirect_is_refused(receiver: Receiver, alerts: dict[str, Alert]) -> None:
    """An alert goes to the address that was configured and nowhere else."""
    receiver.status = 307
    with pytest.raises(SinkError, match="redirects") as caught:
        sink_for(url_of(receiver)).deliver(alerts["new"])
    assert not caught.value.retry
    assert len(receiver.posts) == 1


@pytest.mark.parametrize("piece", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n", b"nonsense\r\n\r\n"])
def test_a_server_that_hangs_or_lies_is_left(alerts: dict[str, Alert], piece: bytes) -> None:
    """Silence, half an answer and nonsense end within the time limit, to be tried again."""
    with in_pieces(piece) as port, pytest.raises(SinkError, match="tried again") as caught:
        sink_for(f"http://127.0.0.1:{port}/", timeout_s=0.2).deliver(alerts["new"])
    assert caught.value.retry


def test_a_private_address_is_refused_unless_allowed(receiver: Receiver, alerts: dict[str, Alert]) -> None:
    """A misused setting must not make this server speak to the operator's inner network."""
    url = f"https://localhost:{receiver.server_port}/"
    with pytest.raises(SinkError, match="not a public address"):
        WebhookSink(url, SECRET, place=local_place).deliver(alerts["new"])
    assert receiver.posts == []


def test_a_heartbeat_says_that_all_is_well(receiver: Receiver) -> None:
    """Silence can be told from failure."""
    sink_for(url_of(receiver)).heartbeat(1_700_000_000_000_000_000)
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
