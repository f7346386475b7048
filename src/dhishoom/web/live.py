"""What the page needs of the hub of live events; `service.live.Live` is the hub of the running service."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol


class Event(Protocol):
    """One thing that happened, as the hub keeps it."""

    @property
    def event_id(self) -> int:
        """The hub's count of its events: consecutive, from 1."""

    @property
    def kind(self) -> str:
        """`strips`, `detection`, `incident`, `sensors` or `notice`."""

    @property
    def body(self) -> bytes:
        """What is sent: JSON, encoded once for all who look on."""


class Live(Protocol):
    """A bounded ring of the latest events, safe to read from any thread."""

    def publish(self, kind: str, payload: dict[str, Any]) -> int:
        """Append an event; return its number."""

    def since(self, event_id: int) -> Sequence[Event]:
        """Events after `event_id` that the ring still holds, oldest first."""

    async def wait(self, event_id: int, timeout_s: float) -> bool:
        """Return True as soon as there is an event after `event_id`, False after `timeout_s`."""

    @property
    def last_id(self) -> int:
        """Number of the newest event; 0 before the first."""
