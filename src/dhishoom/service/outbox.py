"""Alerts on their way: decided once, kept in the store until delivered, at least once to every sink."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from dhishoom.errors import SinkError
from dhishoom.nouns import NS_PER_S

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dhishoom.nouns import Alert
    from dhishoom.seams import Sink

BACKOFF_FIRST_S = 1.0
BACKOFF_MAX_S = 300.0
ALERTS_PER_ROUND = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Queued:
    """One alert waiting for one sink.

    Attributes:
        attempts: How often it was tried.
    """

    alert: Alert
    attempts: int


class Outbox(Protocol):
    """The store's part that keeps alerts until they are delivered; every call is durable when it returns."""

    def queue_alert(self, sink_name: str, rule_name: str, alert: Alert, *, due_ns: int) -> bool:
        """Keep an alert for a sink; False where it is already kept, delivered or given up."""

    def due_alerts(self, sink_name: str, *, now_ns: int, limit: int) -> Sequence[Queued]:
        """Those whose time has come, in the order they were queued; nothing behind one that is not yet due again."""

    def settle_alert(self, sink_name: str, alert_id: str, *, state: str, why: str, now_ns: int) -> None:
        """Close an alert as `delivered`, `expired`, `dead` or `withdrawn`."""

    def postpone_alert(self, sink_name: str, alert_id: str, *, due_ns: int, why: str) -> None:
        """Count an attempt and try again at `due_ns`."""

    def alerts_told(self, rule_name: str, *, since_ns: int) -> Sequence[Alert]:
        """What a rule decided to tell, oldest first, whatever became of it."""


def backoff_s(attempts: int, share: float) -> float:
    """Full jitter: a `share` (0 to 1) of a time that doubles with every attempt, up to five minutes.

    Source: Exponential Backoff And Jitter, AWS Architecture Blog, 2015.
    """
    longest = min(BACKOFF_MAX_S, BACKOFF_FIRST_S * 2.0 ** min(attempts, 16))
    return float(max(BACKOFF_FIRST_S / 2, share * longest))


class Courier:
    """Takes one sink's alerts out of the outbox; each sink has its own, so one that hangs holds up no other.

    Args:
        log: Told, in one sentence each, what was given up, expired or will be tried again.
        jitter: A number from 0 to 1, fresh each time.
    """

    def __init__(self, sink_name: str, sink: Sink, outbox: Outbox, log: Log, jitter: Jitter = random.random) -> None:
        self._sink_name, self._sink, self._outbox = sink_name, sink, outbox
        self._log, self._jitter = log, jitter

    def deliver_due(self, now_ns: int) -> int:
        """Try what is due, in order, until one must be tried again; return how many were delivered."""
        delivered = 0
        for queued in self._outbox.due_alerts(self._sink_name, now_ns=now_ns, limit=ALERTS_PER_ROUND):
            if queued.alert.expires_ns <= now_ns:
                self._close(queued, "expired", f"not delivered in time after {queued.attempts} attempts", now_ns)
                continue
            try:
                self._sink.deliver(queued.alert)
            except SinkError as error:
                if error.retry:
                    self._postpone(queued, str(error), now_ns)
                    break
                self._close(queued, "dead", str(error), now_ns)
                continue
            self._outbox.settle_alert(self._sink_name, queued.alert.alert_id, state="delivered", why="", now_ns=now_ns)
            delivered += 1
        return delivered

    def _postpone(self, queued: Queued, why: str, now_ns: int) -> None:
        wait_s = backoff_s(queued.attempts, self._jitter())
        due_ns = now_ns + round(wait_s * NS_PER_S)
        self._outbox.postpone_alert(self._sink_name, queued.alert.alert_id, due_ns=due_ns, why=why)
        self._log(f"{self._sink_name}: alert {queued.alert.alert_id} waits {wait_s:.1f} s: {why}")

    def _close(self, queued: Queued, state: str, why: str, now_ns: int) -> None:
        self._outbox.settle_alert(self._sink_name, queued.alert.alert_id, state=state, why=why, now_ns=now_ns)
        self._log(f"{self._sink_name}: alert {queued.alert.alert_id} is {state}: {why}")


class Log(Protocol):
    """Where a sentence goes."""

    def __call__(self, sentence: str, /) -> object: ...


class Jitter(Protocol):
    """Where a share from 0 to 1 comes from."""

    def __call__(self) -> float: ...
