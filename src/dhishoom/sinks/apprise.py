"""Alerts through Apprise, which speaks to more than a hundred services (chat, push, SMS) by an address each."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from dhishoom.errors import SettingsError, SinkError

if TYPE_CHECKING:
    from dhishoom.nouns import Alert

WORDS_MAX = 300
_TITLES = {"new": "Gunshot", "update": "Update", "cancel": "Cancelled"}
_LEVELS = {"new": "failure", "update": "warning", "cancel": "info"}


class AppriseSink:
    """Sends each alert to one Apprise address, such as `ntfys://ntfy.example.org/shots`.

    Args:
        url: As Apprise's documentation writes it; secrets in it come from the environment.
    """

    def __init__(self, url: str) -> None:
        try:
            import apprise
        except ImportError as error:
            raise SettingsError(
                "Apprise needs a library that is not installed: pip install 'dhishoom[apprise]'."
            ) from error
        self._library: Any = apprise
        self._service: Any = apprise.Apprise()
        if not self._service.add(url):
            kind = url.partition(":")[0]
            raise SettingsError(f"Apprise does not understand the address of kind {kind!r}; see its documentation.")

    def deliver(self, alert: Alert) -> str:
        """Hand it over; what Apprise says of a failure is passed on."""
        body = f"{alert.text}\n{alert.link}".strip()
        with self._library.LogCapture(level=logging.WARNING) as said:
            taken = self._service.notify(body=body, title=_TITLES[alert.kind], notify_type=_LEVELS[alert.kind])
            words = " ".join(said.getvalue().split())[:WORDS_MAX]
        if not taken:
            raise SinkError(f"Apprise could not deliver: {words or 'the service gave no reason'}.")
        return "taken by Apprise"

    def close(self) -> None:
        """Nothing to free: each delivery has its own connection."""
