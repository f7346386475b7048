"""E-mail through a real SMTP server on this machine, with TLS and a login."""

from __future__ import annotations

import email
import ssl
from collections.abc import Iterator
from email import policy
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from dhishoom.errors import SettingsError, SinkError
from dhishoom.nouns import Alert
from dhishoom.sinks.email import EmailSink
from tests.contracts.other_sides import closed_port

WORD = "s3cret"


class Mailbox:
    """Takes every message, or answers recipients as `refusals` says."""

    def __init__(self) -> None:
        self.messages: list[Any] = []
        self.reached: list[list[str]] = []
        self.refusals: dict[str, str] = {}

    async def handle_RCPT(self, _: Any, __: Any, envelope: Any, address: str, ___: Any) -> str:
        """A recipient."""
        if address in self.refusals:
            return self.refusals[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _: Any, __: Any, envelope: Any) -> str:
        """A message."""
        self.messages.append(email.message_from_bytes(envelope.content, policy=policy.default))
        self.reached.append(list(envelope.rcpt_tos))
        return "250 OK queued as 4711"


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture
def plain(mailbox: Mailbox) -> Iterator[int]:
    """The port of a server without TLS."""
    controller = Controller(mailbox, hostname="127.0.0.1", port=closed_port())
    controller.start()
    yield controller.port
    controller.stop()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> tuple[trustme.CA, str]:
    """Whom a certificate is from, and the file that says so."""
    made, path = trustme.CA(), tmp_path_factory.mktemp("ca") / "ca.pem"
    made.cert_pem.write_to_path(str(path))
    return made, str(path)


@pytest.fixture
def secure(mailbox: Mailbox, authority: tuple[trustme.CA, str]) -> Iterator[int]:
    """The port of a server that wants STARTTLS and a login."""

    def check(_: Any, __: Any, ___: Any, ____: Any, said: Any) -> AuthResult:
        known = isinstance(said, LoginPassword) and said.password == WORD.encode()
        return AuthResult(success=known, handled=known)

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority[0].issue_cert("localhost").configure_cert(context)
    controller = Controller(
        mailbox,
        hostname="127.0.0.1",
        port=closed_port(),
        tls_context=context,
        require_starttls=True,
        authenticator=check,
        auth_required=True,
    )
    controller.start()
    yield controller.port
    controller.stop()


def sink_for(port: int, *recipients: str, **options: Any) -> EmailSink:
    """Plain text allowed, unless told otherwise."""
    told = {"allow_plain_text": True, "timeout_s": 10.0, **options}
    return EmailSink("localhost", port, "a@example.org", recipients or ["b@example.org"], **told)


def test_a_message_says_what_a_dispatcher_needs(plain: int, mailbox: Mailbox, alerts: dict[str, Alert]) -> None:
    """Subject, text and link arrive, updates of one incident form one thread, and no robot answers."""
    for kind in ("new", "update"):
        assert sink_for(plain).deliver(alerts[kind]) == "250 OK queued as 4711"
    first, second = mailbox.messages
    assert first["Subject"].startswith("Gunshot: 3 rounds at")
    assert alerts["new"].text in first.get_content().replace("\r\n", "\n")
    assert alerts["new"].link in first.get_content()
    assert first["References"] == second["References"] == "<00ff00ff00ff00ff@dhishoom>"
    assert first["Message-ID"] != second["Message-ID"]
    assert first["Auto-Submitted"] == "auto-generated"
    assert first["Date"].datetime.timestamp() == alerts["new"].created_ns // 10**9


def test_the_login_and_the_message_go_over_tls(
    secure: int, mailbox: Mailbox, authority: tuple[trustme.CA, str], alerts: dict[str, Alert]
) -> None:
    """STARTTLS, a certificate that is checked, then the password."""
    sink = sink_for(secure, user="alerts", password=WORD, allow_plain_text=False, authority=authority[1])
    sink.deliver(alerts["new"])
    assert len(mailbox.messages) == 1


def test_a_certificate_of_a_stranger_is_refused(secure: int, mailbox: Mailbox, alerts: dict[str, Alert]) -> None:
    """Nobody in between reads where shots are fired, nor the password."""
    with pytest.raises(SinkError, match="certificate"):
        sink_for(secure, user="alerts", password=WORD).deliver(alerts["new"])
    assert mailbox.messages == []


def test_a_wrong_password_is_told(secure: int, authority: tuple[trustme.CA, str], alerts: dict[str, Alert]) -> None:
    """By the server's own words, and not tried again and again."""
    with pytest.raises(SinkError, match="535") as caught:
        sink_for(secure, user="alerts", password="guess", authority=authority[1]).deliver(alerts["new"])
    assert not caught.value.retry


@pytest.mark.parametrize(("refusal", "retry"), [("451 later", True), ("550 unknown", False)])
def test_a_refused_recipient_is_told(
    plain: int, mailbox: Mailbox, alerts: dict[str, Alert], refusal: str, retry: bool
) -> None:
    """A refusal names the recipient, and one for good is not tried again."""
    mailbox.refusals["b@example.org"] = refusal
    with pytest.raises(SinkError, match=f"b@example.org: {refusal}") as caught:
        sink_for(plain).deliver(alerts["new"])
    assert caught.value.retry is retry


def test_who_has_got_it_does_not_get_it_again_for_another(
    plain: int, mailbox: Mailbox, alerts: dict[str, Alert]
) -> None:
    """One of two is refused for now: the next attempt is for that one alone."""
    mailbox.refusals["c@example.org"] = "451 greylisted"
    sink = sink_for(plain, "b@example.org", "c@example.org")
    with pytest.raises(SinkError, match=r"c@example\.org"):
        sink.deliver(alerts["new"])
    mailbox.refusals.clear()
    sink.deliver(alerts["new"])
    assert mailbox.reached == [["b@example.org"], ["c@example.org"]]


@pytest.mark.parametrize("user", ["", "someone"])
def test_nothing_is_sent_in_plain_text_unless_allowed(
    plain: int, mailbox: Mailbox, alerts: dict[str, Alert], user: str
) -> None:
    """Alerts and passwords do not cross a network unencrypted; a password never does."""
    with pytest.raises(SinkError, match="offers no TLS"):
        sink_for(plain, allow_plain_text=bool(user), user=user).deliver(alerts["new"])
    assert mailbox.messages == []


def test_a_file_of_authorities_that_is_not_there_is_an_error_at_start(tmp_path: Path) -> None:
    """Not at the first shot."""
    with pytest.raises(SettingsError, match="PEM file"):
        sink_for(25, authority=str(tmp_path / "none.pem"))
