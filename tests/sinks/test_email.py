"""E-mail against a small SMTP server on this machine."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator

import pytest

from dhishoom.errors import SinkError
from dhishoom.nouns import Alert
from dhishoom.sinks.email import EmailSink


class Mailbox(socketserver.ThreadingTCPServer):
    """Takes every message, or refuses recipients with `refusal`."""

    daemon_threads = True
    refusal = b""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Conversation)
        self.messages: list[str] = []


class Conversation(socketserver.StreamRequestHandler):
    """As much of SMTP (RFC 5321) as a client without extensions needs."""

    server: Mailbox

    def handle(self) -> None:
        self.wfile.write(b"220 mailbox\r\n")
        for line in self.rfile:
            verb = line[:4].upper()
            if verb == b"DATA":
                self.wfile.write(b"354 go on\r\n")
                self.server.messages.append(self.read_message())
            if verb == b"RCPT" and self.server.refusal:
                self.wfile.write(self.server.refusal)
            else:
                self.wfile.write(b"221 bye\r\n" if verb == b"QUIT" else b"250 fine\r\n")

    def read_message(self) -> str:
        lines = []
        for line in self.rfile:
            if line == b".\r\n":
                break
            lines.append(line.decode())
        return "".join(lines)


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    server = Mailbox()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def sink_for(mailbox: Mailbox, *, allow_plain_text: bool = True, user: str = "") -> EmailSink:
    port = mailbox.server_address[1]
    return EmailSink(
        "127.0.0.1", port, "a@example.org", ["b@example.org"], user=user, allow_plain_text=allow_plain_text, timeout_s=2
    )


def test_a_message_says_what_a_dispatcher_needs(mailbox: Mailbox, alerts: dict[str, Alert]) -> None:
    """Subject, text and link arrive, and updates of one incident form one thread."""
    for kind in ("new", "update"):
        sink_for(mailbox).deliver(alerts[kind])
    assert "Subject: Gunshot: 3 rounds" in mailbox.messages[0]
    assert alerts["new"].link in mailbox.messages[0]
    threads = [line for text in mailbox.messages for line in text.splitlines() if line.startswith("References:")]
    assert threads == ["References: <00ff00ff00ff00ff@dhishoom>"] * 2


@pytest.mark.parametrize(("refusal", "retry"), [(b"451 later\r\n", True), (b"550 unknown\r\n", False)])
def test_a_refused_recipient_is_told(mailbox: Mailbox, alerts: dict[str, Alert], refusal: bytes, retry: bool) -> None:
    """A refusal names the server, and one for good is not tried again."""
    mailbox.refusal = refusal
    with pytest.raises(SinkError, match=r"127\.0\.0\.1") as caught:
        sink_for(mailbox).deliver(alerts["new"])
    assert caught.value.retry is retry


@pytest.mark.parametrize("user", ["", "someone"])
def test_nothing_is_sent_in_plain_text_unless_allowed(mailbox: Mailbox, alerts: dict[str, Alert], user: str) -> None:
    """Alerts and passwords do not cross a network unencrypted; a password never does."""
    with pytest.raises(SinkError, match="offers no TLS"):
        sink_for(mailbox, allow_plain_text=bool(user), user=user).deliver(alerts["new"])
    assert mailbox.messages == []


def test_a_server_that_is_down_may_come_back(alerts: dict[str, Alert]) -> None:
    """Nobody listening is a passing fault."""
    with pytest.raises(SinkError, match="server up") as caught:
        EmailSink("127.0.0.1", 1, "a@example.org", ["b@example.org"], allow_plain_text=True).deliver(alerts["new"])
    assert caught.value.retry
