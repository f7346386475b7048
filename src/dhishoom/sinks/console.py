"""Alerts as lines of text on a terminal or in a log."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, TextIO

from dhishoom.core.timestamps import to_rfc3339

if TYPE_CHECKING:
    from dhishoom.nouns import Alert

_HEADINGS = {"new": "GUNSHOT", "update": "UPDATE", "cancel": "CANCELLED"}


class ConsoleSink:
    """Writes each alert to a text stream, standard error by default."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream

    def deliver(self, alert: Alert) -> str:
        """Write one heading and the text; a console takes everything."""
        stream = self._stream or sys.stderr
        print(
            f"[{to_rfc3339(alert.created_ns)}] {_HEADINGS[alert.kind]}: {_in_one(alert.text)}", file=stream, flush=True
        )
        return "printed"

    def close(self) -> None:
        """Nothing to free: the stream is the caller's."""


def _in_one(text: str) -> str:
    return "; ".join(text.splitlines())
