"""Alerts by e-mail over SMTP, one thread of messages an incident."""

from __future__ import annotations

import smtplib
import socket
import ssl
from collections import OrderedDict
from contextlib import ExitStack
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime
from typing import TYPE_CHECKING

from dhishoom.errors import SinkError
from dhishoom.nouns import NS_PER_S
from dhishoom.sinks.addresses import cut_off, trust

if TYPE_CHECKING:
    from collections.abc import Sequence

    from _typeshed import ReadableBuffer

    from dhishoom.nouns import Alert

WHOLE_DELIVERY = 3
"""All steps of a delivery together may take this many times as long as one."""
ALERTS_REMEMBERED = 256
_SUBJECTS = {"new": "Gunshot", "update": "Update", "cancel": "Cancelled"}


class EmailSink:
    """Sends each alert to a list of addresses.

    Args:
        host, port: The SMTP server; port 465 speaks TLS from the start, others are asked for STARTTLS.
        sender, recipients: Addresses.
        user, password: Credentials, both empty for none; they are only ever sent over TLS.
        allow_plain_text: Send to a server that offers no TLS (a relay on this machine).
        authority: A PEM file of whom TLS trusts; empty: the system's.
        timeout_s: For each step of a delivery.
    """

    def __init__(
        self,
        host: str,
        port: int,
        sender: str,
        recipients: Sequence[str],
        *,
        user: str = "",
        password: str = "",
        allow_plain_text: bool = False,
        authority: str = "",
        timeout_s: float = 10.0,
    ) -> None:
        self._host, self._port, self._timeout_s = host, port, timeout_s
        self._sender, self._recipients = sender, list(recipients)
        self._user, self._password = user, password
        self._allow_plain_text, self._trust = allow_plain_text, trust(authority)
        self._reached: OrderedDict[str, set[str]] = OrderedDict()

    def deliver(self, alert: Alert) -> str:
        """Hand the message to the server; one that refuses for good (5xx) is not asked again."""
        try:
            return self._send(alert)
        except smtplib.SMTPResponseException as error:
            raise SinkError(
                f"{self._host} refused the e-mail: {error.smtp_code} {_words(error.smtp_error)}. "
                "Check sender, recipients and credentials.",
                retry=error.smtp_code < 500,
            ) from error
        except smtplib.SMTPRecipientsRefused as error:
            raise self._refused(error.recipients) from error
        except (OSError, smtplib.SMTPException, ValueError) as error:
            raise SinkError(
                f"No e-mail through {self._host}:{self._port}: {error or type(error).__name__}. Is the server up?"
            ) from error

    def close(self) -> None:
        """Nothing to free: each delivery has its own connection."""

    def _send(self, alert: Alert) -> str:
        """To those who have not got it by an earlier attempt."""
        reached = self._reached_by(alert.alert_id)
        wanted = [one for one in self._recipients if one not in reached]
        with _Server(self._host, self._port, self._timeout_s, self._trust) as server:
            self._secure(server)
            refused = server.send_message(self._message(alert), to_addrs=wanted)
        reached.update(one for one in wanted if one not in refused)
        if refused:
            raise self._refused(refused)
        self._reached.pop(alert.alert_id)
        return server.answer

    def _reached_by(self, alert_id: str) -> set[str]:
        while len(self._reached) >= ALERTS_REMEMBERED:
            self._reached.popitem(last=False)
        return self._reached.setdefault(alert_id, set())

    def _refused(self, recipients: dict[str, tuple[int, bytes]]) -> SinkError:
        told = "; ".join(f"{name}: {code} {_words(why)}" for name, (code, why) in recipients.items())
        retry = any(code < 500 for code, _ in recipients.values())
        return SinkError(f"{self._host} refused recipients ({told}). Correct them.", retry=retry)

    def _secure(self, server: _Server) -> None:
        server.ehlo()
        secure = server.is_secure
        if not secure and server.has_extn("starttls"):
            server.starttls(context=self._trust)
            secure = True
        if not secure and (self._user or not self._allow_plain_text):
            raise SinkError(
                f"{self._host}:{self._port} offers no TLS, so nothing was sent. Use port 465 or 587, or for a relay "
                "without credentials on this machine set allow_plain_text = true.",
                retry=False,
            )
        if self._user:
            server.login(self._user, self._password)

    def _message(self, alert: Alert) -> EmailMessage:
        message = EmailMessage()
        message["Subject"] = f"{_SUBJECTS[alert.kind]}: {alert.text.splitlines()[0][:120]}"
        message["From"] = self._sender
        message["To"] = ", ".join(self._recipients)
        message["Date"] = format_datetime(datetime.fromtimestamp(alert.created_ns // NS_PER_S, UTC))
        message["Message-ID"] = f"<{alert.alert_id}@dhishoom>"
        message["References"] = f"<{alert.incident.incident_id}@dhishoom>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(f"{alert.text}\n{alert.link}\n")
        return message


class _Server(smtplib.SMTP):
    """A connection that ends in time, speaks TLS from the start on port 465, and keeps what was said of the message.

    Attributes:
        answer: To the message.
        is_secure: Whether it speaks TLS from the start.
    """

    def __init__(self, host: str, port: int, timeout_s: float, context: ssl.SSLContext) -> None:
        self.answer, self.is_secure = "", port == smtplib.SMTP_SSL_PORT
        self._context, self._watch, self._whole_s = context, ExitStack(), WHOLE_DELIVERY * timeout_s
        try:
            super().__init__(host, port, timeout=timeout_s)
        except BaseException:
            self._watch.close()
            raise

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        plain: socket.socket = super()._get_socket(host, port, timeout)  # type: ignore[misc]
        self._watch.enter_context(cut_off(plain, self._whole_s))
        return self._context.wrap_socket(plain, server_hostname=host) if self.is_secure else plain

    def data(self, msg: ReadableBuffer | str) -> tuple[int, bytes]:
        """The message; its answer says under which number the server keeps it."""
        code, said = super().data(msg)
        self.answer = f"{code} {_words(said)}"
        return code, said

    def close(self) -> None:
        """With the watch over it."""
        super().close()
        self._watch.close()


def _words(said: bytes | str) -> str:
    text = said.decode(errors="replace") if isinstance(said, bytes) else said
    return " ".join(text.split())
