"""The hub of live events: what just happened, for every page that looks on."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from dhishoom.messages import Json, encode_json

EVENTS_MAX = 2000
BYTES_MAX = 4 << 20
"""Of events that are held: a minute and a half of strips of two hundred sensors."""


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened.

    Attributes:
        event_id: The hub's count of its events: consecutive, from 1.
        kind: `strips`, `detection`, `incident`, `sensors` or `notice`.
        body: What is sent: JSON, encoded once for all who look on.
    """

    event_id: int
    kind: str
    body: bytes

    @property
    def payload(self) -> Json:
        """What was published."""
        payload: Json = msgspec.json.decode(self.body)
        return payload


class Live:
    """The latest events, so many and so large at most; publish and read from any thread, wait in any event loop."""

    def __init__(self, events_max: int = EVENTS_MAX, bytes_max: int = BYTES_MAX) -> None:
        self._events: deque[Event] = deque()
        self._events_max, self._bytes_max, self._bytes = events_max, bytes_max, 0
        self._lock = threading.Lock()
        self._last_id = 0
        self._waiting: set[_Waiter] = set()

    @property
    def last_id(self) -> int:
        """Number of the newest event; 0 before the first."""
        return self._last_id

    def publish(self, kind: str, payload: dict[str, Any]) -> int:
        """Append an event, wake who waits, return its number; the newest is always held."""
        body = encode_json(payload)
        with self._lock:
            self._last_id += 1
            self._events.append(Event(self._last_id, kind, body))
            self._bytes += len(body)
            while len(self._events) > 1 and (len(self._events) > self._events_max or self._bytes > self._bytes_max):
                self._bytes -= len(self._events.popleft().body)
            waiting, self._waiting = self._waiting, set()
            told = self._last_id
        for waiter in waiting:
            waiter.wake()
        return told

    def since(self, event_id: int) -> Sequence[Event]:
        """Events after `event_id` that the ring still holds, oldest first."""
        with self._lock:
            missed = min(len(self._events), max(0, self._last_id - event_id))
            return [self._events[at] for at in range(len(self._events) - missed, len(self._events))]

    async def wait(self, event_id: int, timeout_s: float) -> bool:
        """Return True as soon as there is an event after `event_id`, False after `timeout_s`."""
        waiter = _Waiter()
        with self._lock:
            if self._last_id > event_id:
                return True
            self._waiting.add(waiter)
        try:
            await asyncio.wait_for(waiter.woken.wait(), timeout_s)
        except TimeoutError:
            return False
        finally:
            with self._lock:
                self._waiting.discard(waiter)
        return True


class _Waiter:
    """One task that waits, and the loop it waits in."""

    def __init__(self) -> None:
        self.woken = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    def wake(self) -> None:
        """From any thread; nothing happens where the loop has ended meanwhile."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self.woken.set)
