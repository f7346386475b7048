"""Alerts as signed webhooks: CloudEvents JSON under a Standard Webhooks signature."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import http.client
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from dhishoom.errors import SettingsError, SinkError
from dhishoom.nouns import NS_PER_S
from dhishoom.sinks.addresses import connect_any, cut_off, resolve_allowed, trust
from dhishoom.sinks.cloud_event import alert_event, encode, heartbeat_event

if TYPE_CHECKING:
    from dhishoom.messages import Json, Place
    from dhishoom.nouns import Alert

ANSWER_BYTES_MAX = 4096
WORDS_MAX = 200
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
        authority: A PEM file of whom TLS trusts; empty: the system's.
        timeout_s: For all of one delivery, the resolving of the name left out.
    """

    def __init__(
        self,
        url: str,
        secret: str,
        *,
        place: Place,
        allow_private: bool = False,
        authority: str = "",
        timeout_s: float = 5.0,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"https", "http"} or not parts.hostname:
            raise SettingsError(f"The webhook address {url!r} is not an http(s) address; write https://host/path.")
        if parts.scheme == "http" and not allow_private:
            raise SettingsError(f"The webhook address {url!r} is not encrypted; use https, or allow_private = true.")
        self._host, self._port = parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)
        self._tls = trust(authority) if parts.scheme == "https" else None
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._secret, self._place = decode_secret(secret), place
        self._allow_private, self._timeout_s = allow_private, timeout_s

    def deliver(self, alert: Alert) -> str:
        """Post the alert; 2xx is success, 410 ends the sink, other 4xx end the alert, the rest may be tried again."""
        return self._post(alert.alert_id, alert_event(alert, self._place))

    def heartbeat(self, time_ns: int) -> None:
        """Post that all is well, so that the receiver can tell silence from failure."""
        event = heartbeat_event(time_ns)
        self._post(str(event["id"]), event)

    def close(self) -> None:
        """Nothing to free: each delivery has its own connection."""

    def _post(self, message_id: str, event: Json) -> str:
        body = encode(event)
        addresses = resolve_allowed(self._host, self._port, allow_private=self._allow_private)
        try:
            answer, said = self._exchange(addresses, body, self._headers(message_id, body))
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise SinkError(
                f"No answer from {self._host}:{self._port} within {self._timeout_s:g} s: "
                f"{error or type(error).__name__}; will be tried again."
            ) from error
        return self._judge(answer.status, answer.reason, said)

    def _exchange(
        self, addresses: list[str], body: bytes, headers: dict[str, str]
    ) -> tuple[http.client.HTTPResponse, bytes]:
        """The answer's head; where it is no success, as much of the body as comes in time."""
        connection = http.client.HTTPConnection(self._host, self._port)
        plain = connect_any(addresses, self._port, self._timeout_s)
        try:
            with cut_off(plain, self._timeout_s) as fallen:
                connection.sock = self._tls.wrap_socket(plain, server_hostname=self._host) if self._tls else plain
                connection.request("POST", self._path, body, headers)
                answer = connection.getresponse()
                if fallen.is_set():
                    raise TimeoutError("it answered too slowly")
                return answer, b"" if answer.status < 300 else _read(answer)
        finally:
            plain.close()
            connection.close()

    def _headers(self, message_id: str, body: bytes) -> dict[str, str]:
        now_s = time.time_ns() // NS_PER_S
        host = f"[{self._host}]" if ":" in self._host else self._host
        return {
            "Host": host if self._port in {80, 443} else f"{host}:{self._port}",
            "Content-Type": "application/cloudevents+json",
            "Connection": "close",
            "User-Agent": "dhishoom",
            "webhook-id": message_id,
            "webhook-timestamp": str(now_s),
            "webhook-signature": signature(self._secret, message_id, now_s, body),
        }

    def _judge(self, status: int, reason: str, said: bytes) -> str:
        if 200 <= status < 300:
            return f"{status} {reason}".strip()
        if 300 <= status < 400:
            raise SinkError(
                f"{self._host} redirects ({status}), which is refused; give the final address.", retry=False
            )
        if status == GONE:
            raise SinkError(f"{self._host} says the hook is gone (410); remove or renew this sink.", gone=True)
        final = 400 <= status < 500 and status not in RETRY_LATER
        words = " ".join(said.decode(errors="replace").split())[:WORDS_MAX]
        raise SinkError(f"{self._host} answered {status} {reason}{': ' if words else ''}{words}.", retry=not final)


def _read(answer: http.client.HTTPResponse) -> bytes:
    """A little of the body. The head has told what matters: a body that breaks off changes nothing."""
    try:
        return answer.read(ANSWER_BYTES_MAX)
    except (OSError, http.client.HTTPException):
        return b""
