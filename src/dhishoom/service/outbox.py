"""Alerts on their way: decided once, kept in the store until delivered, at least once to every sink."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Protocol

from dhishoom.errors import SinkError
from dhishoom.nouns import NS_PER_S

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dhishoom.nouns import Acknowledgement, Alert, Letter, LetterState, Posted, Review
    from dhishoom.seams import Sink

BACKOFF_FIRST_S = 1.0
BACKOFF_MAX_S = 60.0
LETTERS_PER_ROUND = 32
LEASE_S = 20.0
"""Longer than a delivery takes: until then nobody else tries the same letter, then whoever tried is taken for dead."""


class Outbox(Protocol):
    """The store's part that keeps letters; every call is durable when it returns."""

    def put_letters(self, posted: Sequence[Letter]) -> int:
        """Keep those that are not kept yet, whatever became of them; return how many were new."""

    def due_letters(self, sink: str, *, now_ns: int, limit: int) -> Sequence[Posted]:
        """Those whose time has come, in order; of one incident, none before an earlier one that must be tried again."""

    def attempt_letter(self, posted: Posted, *, due_ns: int, now_ns: int) -> bool:
        """Count an attempt before it is made; False where another process makes it.

        Whoever dies meanwhile leaves the letter to be tried again at `due_ns`.
        """

    def postpone_letter(self, sink: str, alert_id: str, *, due_ns: int, why: str) -> None:
        """The attempt has failed, and why; the next is at `due_ns`."""

    def settle_letter(self, sink: str, alert_id: str, *, state: LetterState, why: str, now_ns: int) -> None:
        """Close it as `delivered`, `expired`, `dead` or `withdrawn`."""

    def hasten_letters(self, sink: str, *, now_ns: int) -> None:
        """The other side is back: what waits to be tried again need not wait longer."""

    def letters_of(self, incident_id: str) -> Sequence[Posted]:
        """Every letter about an incident, in the order of their queueing."""

    def alerts_between(self, rule: str, since_ns: int, until_ns: int) -> Sequence[Alert]:
        """What a rule decided to tell of incidents of these times, both included."""

    def acknowledgements(self, incident_ids: Sequence[str]) -> Sequence[Acknowledgement]:
        """Of these incidents, oldest first."""

    def reviews(self, subject_id: str | None = None) -> Sequence[Review]:
        """What people said, oldest first."""


def backoff_s(attempts: int, share: float) -> float:
    """Full jitter: a `share` (0 to 1) of a time that doubles with every attempt, up to a minute.

    Source: Exponential Backoff And Jitter, AWS Architecture Blog, 2015.
    """
    longest = min(BACKOFF_MAX_S, BACKOFF_FIRST_S * 2.0 ** min(attempts, 16))
    return float(max(BACKOFF_FIRST_S / 2, share * longest))


def _nobody(_: str) -> None:
    """Nobody is told."""


class Courier:
    """Takes one sink's letters out of the outbox; each sink has its own, so one that hangs holds up no other.

    Args:
        log: Told, in one sentence each, what failed and will be tried again, was given up or expired.
        moved: Told of every letter whose state has changed, by its incident.
        lease_s: Longer than this sink's delivery takes.
        jitter: A number from 0 to 1, fresh each time.
    """

    def __init__(
        self,
        sink_name: str,
        sink: Sink,
        outbox: Outbox,
        log: Callable[[str], object],
        *,
        moved: Callable[[str], object] = _nobody,
        lease_s: float = LEASE_S,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._name, self._sink, self._outbox = sink_name, sink, outbox
        self._log, self._moved, self._jitter = log, moved, jitter
        self._lease_ns = round(lease_s * NS_PER_S)
        self._failing = False
        self._gone = ""

    def deliver_due(self, now_ns: int) -> int:
        """Try what is due, in order, until the other side fails; return how many letters were taken care of."""
        settled = 0
        for posted in self._outbox.due_letters(self._name, now_ns=now_ns, limit=LETTERS_PER_ROUND):
            if posted.expires_ns <= now_ns:
                last = f"; last: {posted.why}" if posted.why else ""
                self._settle(posted, "expired", f"not delivered in time after {posted.attempts} attempts{last}", now_ns)
            elif reason := self._needless(posted):
                self._settle(posted, "withdrawn", reason, now_ns)
            elif self._gone:
                self._settle(posted, "dead", self._gone, now_ns)
            elif not self._deliver(posted, now_ns):
                break
            settled += 1
        return settled

    def _deliver(self, posted: Posted, now_ns: int) -> bool:
        """One attempt, counted before it is made; False where it must be made again."""
        alert = posted.letter.alert
        if not self._outbox.attempt_letter(posted, due_ns=now_ns + self._lease_ns, now_ns=now_ns):
            return True
        try:
            answer = self._sink.deliver(alert)
        except SinkError as error:
            return self._failed(posted, error, now_ns)
        self._settle(posted, "delivered", answer, now_ns)
        if self._failing:
            self._failing = False
            self._log(f"sink {self._name}: delivers again")
            self._outbox.hasten_letters(self._name, now_ns=now_ns)
        return True

    def _failed(self, posted: Posted, error: SinkError, now_ns: int) -> bool:
        if not error.retry:
            self._gone = str(error) if error.gone else ""
            self._settle(posted, "dead", str(error), now_ns)
            return True
        self._failing = True
        alert, wait_s = posted.letter.alert, backoff_s(posted.attempts, self._jitter())
        due_ns = now_ns + round(wait_s * NS_PER_S)
        self._outbox.postpone_letter(self._name, alert.alert_id, due_ns=due_ns, why=str(error))
        self._log(f"sink {self._name}: alert {alert.alert_id} will be tried again in {wait_s:.1f} s: {error}")
        self._moved(alert.incident.incident_id)
        return False

    def _needless(self, posted: Posted) -> str:
        """Why this letter need not be sent any more; empty where it must be."""
        of_incident = self._outbox.letters_of(posted.letter.alert.incident.incident_id)
        mine = [one for one in of_incident if one.letter.sink == self._name]
        return _overtaken(posted, mine) or self._not_needed_here(posted, mine)

    def _not_needed_here(self, posted: Posted, mine: Sequence[Posted]) -> str:
        letter, alert = posted.letter, posted.letter.alert
        if any(one.state == "delivered" or one.attempts for one in mine):
            return ""
        if alert.kind == "cancel":
            return "its alert was never told here"
        return self._answer(alert.incident.incident_id) if letter.escalates else ""

    def _answer(self, incident_id: str) -> str:
        """Who has seen the incident, in words; empty where nobody has."""
        for said in self._outbox.acknowledgements([incident_id]):
            return f"acknowledged by {said.by or 'somebody'}"
        for review in self._outbox.reviews(incident_id):
            return f"reviewed by {review.reviewer or 'somebody'}"
        return ""

    def _settle(self, posted: Posted, state: LetterState, why: str, now_ns: int) -> None:
        alert = posted.letter.alert
        self._outbox.settle_letter(self._name, alert.alert_id, state=state, why=why, now_ns=now_ns)
        if state in ("expired", "dead"):
            self._log(f"sink {self._name}: alert {alert.alert_id} is {state}: {why}")
        self._moved(alert.incident.incident_id)


def _overtaken(posted: Posted, mine: Sequence[Posted]) -> str:
    """What waited too long says nothing beside what came later: an alert beside its end, an update beside the next."""
    alert = posted.letter.alert
    if alert.kind == "cancel":
        return ""
    at = next(at for at, one in enumerate(mine) if one.letter.alert.alert_id == alert.alert_id)
    later = [one.letter.alert for one in mine[at + 1 :] if one.state == "queued"]
    if any(one.kind == "cancel" for one in later):
        return "cancelled before it could be told"
    return f"overtaken by revision {later[-1].incident.revision}" if later and alert.kind == "update" else ""
