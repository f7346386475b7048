"""The threads that see to alerts: one courier a sink, and one that notices what people say of incidents."""

from __future__ import annotations

import math
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from dhishoom.errors import DhishoomError
from dhishoom.nouns import NS_PER_S
from dhishoom.service.alerting import UPDATE_AFTER_S, Alerting
from dhishoom.service.outbox import LEASE_S, LETTERS_PER_ROUND, Courier, Outbox

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dhishoom.nouns import Incident, Review
    from dhishoom.seams import Sink

LOOK_EVERY_S = 0.5
"""Letters of other processes, and those that wait for a time, are seen so often; one's own at once."""
REMEMBERED_S = 24 * 3600.0
"""What people said so long before the start is gone through again, in case nobody could act on it then."""
OVERLAP_S = 5.0


class Desk(Outbox, Protocol):
    """The store as people's words about incidents are read from it."""

    def reviews_since(self, time_ns: int) -> Sequence[Review]:
        """What people said at or after it, oldest first."""

    def incident(self, incident_id: str) -> Incident | None:
        """Its last revision."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heart:
    """What tells the other side every so often that all is well."""

    beat: Callable[[int], object]
    every_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A sink and how it is used.

    Attributes:
        heart: What tells it that all is well, if it wants that.
        lease_s: Longer than one delivery takes.
    """

    sink: Sink
    heart: Heart | None = None
    lease_s: float = LEASE_S


class _Loop:
    """Turns again and again, at once when woken; a store that fails is told of once and asked again."""

    def __init__(self, name: str, log: Callable[[str], object]) -> None:
        self.name = name
        self._say = log
        self._woken, self._stopping = threading.Event(), threading.Event()
        self._complaint = ""

    def run(self) -> None:
        """Until `stop`; then once more, for what came last."""
        while not self._stopping.is_set():
            if not self._turned(time.time_ns()):
                self._woken.wait(LOOK_EVERY_S)
                self._woken.clear()
        self._turned(time.time_ns() + round(UPDATE_AFTER_S * NS_PER_S))  # no later update will come
        self._end()

    def wake(self) -> None:
        """There is something new; from any thread."""
        self._woken.set()

    def stop(self) -> None:
        """End soon."""
        self._stopping.set()
        self._woken.set()

    def _turned(self, now_ns: int) -> bool:
        try:
            more = self._turn(now_ns)
        except DhishoomError as error:
            if str(error) != self._complaint:
                self._complaint = str(error)
                self._say(f"{self.name}: {error}")
            return False
        self._complaint = ""
        return more

    def _turn(self, now_ns: int) -> bool:
        """One piece of work; whether there is more at once."""
        raise NotImplementedError

    def _end(self) -> None:
        """Nothing to free."""


class CourierRound(_Loop):
    """One sink's courier at work: as soon as there is something to deliver, and every heartbeat."""

    def __init__(
        self, name: str, sink: Sink, courier: Courier, log: Callable[[str], object], heart: Heart | None = None
    ) -> None:
        super().__init__(f"sink {name}", log)
        self._sink, self._courier, self._heart = sink, courier, heart
        self._beaten_s = -math.inf

    def _turn(self, now_ns: int) -> bool:
        if self._courier.deliver_due(now_ns) == LETTERS_PER_ROUND:
            return True
        if self._heart is not None and time.monotonic() - self._beaten_s >= self._heart.every_s:
            self._beaten_s = time.monotonic()
            self._heart.beat(now_ns)
        return False

    def _end(self) -> None:
        self._sink.close()


class ReviewDesk(_Loop):
    """Notices reviews, whichever process wrote them: a dismissal cancels, taking it back tells again.

    Args:
        posted: Called when there are new letters.
    """

    def __init__(
        self, alerting: Alerting, desk: Desk, posted: Callable[[], object], log: Callable[[str], object]
    ) -> None:
        super().__init__("alert desk", log)
        self._alerting, self._desk, self._posted = alerting, desk, posted
        self._since_ns: int | None = None

    def _turn(self, now_ns: int) -> bool:
        self.look(now_ns)
        return False

    def look(self, now_ns: int) -> None:
        """Go through what was said since the last look, and a little before: clocks of processes differ."""
        since_ns = now_ns - round(REMEMBERED_S * NS_PER_S) if self._since_ns is None else self._since_ns
        for incident_id in dict.fromkeys(review.subject_id for review in self._desk.reviews_since(since_ns)):
            incident = self._desk.incident(incident_id)
            letters = self._alerting.answers(incident, now_ns=now_ns) if incident else []
            if letters and self._desk.put_letters(letters):
                self._posted()
        self._since_ns = now_ns - round(OVERLAP_S * NS_PER_S)
