"""Alerts by e-mail over SMTP, one thread of messages an incident."""

from __future__ import annotations

import smtplib
import ssl
from email.message import EmailMessage
from typing import TYPE_CHECKING

from dhishoom.errors import SinkError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dhishoom.nouns import Alert

_SUBJECTS = {"new": "Gunshot", "update": "Update", "cancel": "Cancelled"}


class EmailSink:
    """Sends each alert to a list of addresses.

    Args:
        host, port: The SMTP server; port 465 speaks TLS from the start, others are asked for STARTTLS.
        sender, recipients: Addresses.
        user, password: Credentials, both empty for none; they are only ever sent over TLS.
        allow_plain_text: Send to a server that offers no TLS (a relay on this machine).
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
        timeout_s: float = 10.0,
    ) -> None:
        self._host, self._port, self._timeout_s = host, port, timeout_s
        self._sender, self._recipients = sender, list(recipients)
        self._user, self._password = user, password
        self._allow_plain_text = allow_plain_text

    def deliver(self, alert: Alert) -> None:
        """Hand the message to the server; one that refuses for good (5xx) is not asked again."""
        try:
            with self._connect() as server:
                refused = server.send_message(self._message(alert))
        except smtplib.SMTPResponseException as error:
            said = (
                error.smtp_error.decode(errors="replace") if isinstance(error.smtp_error, bytes) else error.smtp_error
            )
            raise SinkError(
                f"{self._host} refused the e-mail: {error.smtp_code} {said}. Check sender, recipients and credentials.",
                retry=error.smtp_code < 500,
            ) from error
        except smtplib.SMTPRecipientsRefused as error:
            retry = any(code < 500 for code, _ in error.recipients.values())
            raise SinkError(
                f"{self._host} refused every recipient: {error.recipients}. Correct them.", retry=retry
            ) from error
        except (OSError, smtplib.SMTPException) as error:
            raise SinkError(f"No e-mail through {self._host}:{self._port}: {error}. Is the server up?") from error
        if refused:
            raise SinkError(f"{self._host} refused {', '.join(refused)}; correct the recipients.", retry=False)

    def close(self) -> None:
        """Nothing to free: each delivery has its own connection."""

    def _connect(self) -> smtplib.SMTP:
        context = ssl.create_default_context()
        if self._port == smtplib.SMTP_SSL_PORT:
            server: smtplib.SMTP = smtplib.SMTP_SSL(self._host, self._port, timeout=self._timeout_s, context=context)
        else:
            server = smtplib.SMTP(self._host, self._port, timeout=self._timeout_s)
        try:
            self._secure(server, context)
        except BaseException:
            server.close()
            raise
        return server

    def _secure(self, server: smtplib.SMTP, context: ssl.SSLContext) -> None:
        server.ehlo()
        if isinstance(server, smtplib.SMTP_SSL):
            secure = True
        elif secure := server.has_extn("starttls"):
            server.starttls(context=context)
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
        message["Message-ID"] = f"<{alert.alert_id}@dhishoom>"
        message["References"] = f"<{alert.incident.incident_id}@dhishoom>"
        message.set_content(f"{alert.text}\n{alert.link}\n")
        return message
