"""Alerts as signed webhooks: CloudEvents JSON under a Standard Webhooks signature."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import http.client
import socket
import ssl
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from dhishoom.errors import SettingsError, SinkError
from dhishoom.nouns import NS_PER_S
from dhishoom.sinks.addresses import resolve_allowed
from dhishoom.sinks.cloud_event import alert_event, encode, heartbeat_event

if TYPE_CHECKING:
    from dhishoom.messages import Json, Place
    from dhishoom.nouns import Alert

ANSWER_BYTES_MAX = 65_536
GONE = 410
RETRY_LATER = {408, 425, 429}


def signature(secret: bytes, message_id: str, timestamp_s: int, body: bytes) -> str:
    """The `webhook-signature` header: `v1,` and base64 of HMAC-SHA256 over `id.timestamp.body`.

    Source: Standard Webhooks 1.0, "Signature scheme".
    """
    signed = f"{message_id}.{timestamp_s}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()


def decode_secret(text: str) -> bytes:
    """The key of a secret written as Standard Webhooks does: `whsec_` and base64 of 24 to 64 bytes."""
    try:
        secret = base64.b64decode(text.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        secret = b""
    if not text.startswith("whsec_") or not 24 <= len(secret) <= 64:
        raise SettingsError(
            "The webhook secret is not 'whsec_' followed by base64 of 24 to 64 bytes. Make one with: "
            "python3 -c \"import base64,os;print('whsec_'+base64.b64encode(os.urandom(32)).decode())\""
        )
    return secret


class WebhookSink:
    """Posts each alert to one address; redirects are refused, since they would carry the alert elsewhere.

    Args:
        url: `https://...`; plain `http` only to an allowed private address.
        secret: As `decode_secret` reads it; from the environment.
        place: How the site writes a place.
        allow_private: Let the address lie inside the operator's network.
    """

    def __init__(
        self, url: str, secret: str, *, place: Place, allow_private: bool = False, timeout_s: float = 5.0
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"https", "http"} or not parts.hostname:
            raise SettingsError(f"The webhook address {url!r} is not an http(s) address; write https://host/path.")
        if parts.scheme == "http" and not allow_private:
            raise SettingsError(f"The webhook address {url!r} is not encrypted; use https, or allow_private = true.")
        self._host, self._tls = parts.hostname, parts.scheme == "https"
        self._port = parts.port or (443 if self._tls else 80)
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._secret, self._place = decode_secret(secret), place
        self._allow_private, self._timeout_s = allow_private, timeout_s

    def deliver(self, alert: Alert) -> None:
        """Post the alert; 2xx is success, 410 and other 4xx are final, the rest may be tried again."""
        self._post(alert.alert_id, alert_event(alert, self._place))

    def heartbeat(self, time_ns: int) -> None:
        """Post that all is well, so that the receiver can tell silence from failure."""
        event = heartbeat_event(time_ns)
        self._post(str(event["id"]), event)

    def close(self) -> None:
        """Nothing to free: each delivery has its own connection."""

    def _post(self, message_id: str, event: Json) -> None:
        body = encode(event)
        deadline_s = time.monotonic() + self._timeout_s
        connection = self._connect()
        try:
            connection.request("POST", self._path, body, self._headers(message_id, body))
            answer = connection.getresponse()
            _read_within(connection, answer, deadline_s)
        except (OSError, http.client.HTTPException) as error:
            raise SinkError(
                f"No answer from {self._host}: {error or type(error).__name__}; will be tried again."
            ) from error
        finally:
            connection.close()
        self._judge(answer.status, answer.reason)

    def _headers(self, message_id: str, body: bytes) -> dict[str, str]:
        now_s = time.time_ns() // NS_PER_S
        return {
            "Host": self._host if self._port in {80, 443} else f"{self._host}:{self._port}",
            "Content-Type": "application/cloudevents+json",
            "User-Agent": "dhishoom",
            "webhook-id": message_id,
            "webhook-timestamp": str(now_s),
            "webhook-signature": signature(self._secret, message_id, now_s, body),
        }

    def _connect(self) -> http.client.HTTPConnection:
        address = resolve_allowed(self._host, self._port, allow_private=self._allow_private)
        connection = http.client.HTTPConnection(self._host, self._port, timeout=self._timeout_s)
        try:
            plain = socket.create_connection((address, self._port), self._timeout_s)
            connection.sock = (
                ssl.create_default_context().wrap_socket(plain, server_hostname=self._host) if self._tls else plain
            )
        except OSError as error:
            raise SinkError(f"{self._host}:{self._port} cannot be reached: {error}; will be tried again.") from error
        return connection

    def _judge(self, status: int, reason: str) -> None:
        if 200 <= status < 300:
            return
        if 300 <= status < 400:
            raise SinkError(
                f"{self._host} redirects ({status}), which is refused; give the final address.", retry=False
            )
        if status == GONE:
            raise SinkError(f"{self._host} says the hook is gone (410); remove or renew this sink.", retry=False)
        final = 400 <= status < 500 and status not in RETRY_LATER
        raise SinkError(f"{self._host} answered {status} {reason}.", retry=not final)


def _read_within(connection: http.client.HTTPConnection, answer: http.client.HTTPResponse, deadline_s: float) -> None:
    """Read a little of the answer, and no longer than the deadline: a slow drip must not hold the others up."""
    left = ANSWER_BYTES_MAX
    while left > 0 and (piece := answer.read1(min(left, 4096))):
        left -= len(piece)
        if time.monotonic() > deadline_s:
            break
        if connection.sock is not None:
            connection.sock.settimeout(max(0.01, deadline_s - time.monotonic()))
