"""The outbox of one process's memory: the oracle of its contract."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace

from dhishoom.nouns import Acknowledgement, Alert, Letter, LetterState, Posted, Review


class MemoryOutbox:
    """Letters by sink and alert, in the order of their coming; safe from several threads."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._posted: dict[tuple[str, str], Posted] = {}
        self._acknowledgements: dict[tuple[str, str], Acknowledgement] = {}
        self._reviews: dict[Review, None] = {}

    def put_letters(self, posted: Sequence[Letter]) -> int:
        """Keep those that are not kept yet."""
        with self._lock:
            before = len(self._posted)
            for letter in posted:
                self._posted.setdefault((letter.sink, letter.alert.alert_id), _queued(letter))
            return len(self._posted) - before

    def due_letters(self, sink: str, *, now_ns: int, limit: int) -> Sequence[Posted]:
        """Those whose time has come, in order; of one incident, none before an earlier one that must be tried again."""
        due: list[Posted] = []
        waiting: set[str] = set()
        for one in self._where(lambda posted: posted.letter.sink == sink and posted.state == "queued"):
            incident_id = one.letter.alert.incident.incident_id
            if one.letter.due_ns > now_ns:
                if one.attempts:
                    waiting.add(incident_id)
            elif incident_id not in waiting:
                due.append(one)
        return due[:limit]

    def attempt_letter(self, posted: Posted, *, due_ns: int, now_ns: int) -> bool:
        """Count an attempt before it is made; False where another thread makes it."""
        key = posted.letter.sink, posted.letter.alert.alert_id
        with self._lock:
            one = self._posted[key]
            if one.state != "queued" or (one.attempts, one.letter.due_ns) != (posted.attempts, posted.letter.due_ns):
                return False
            letter = replace(one.letter, due_ns=due_ns)
            self._posted[key] = replace(one, letter=letter, attempts=one.attempts + 1, changed_ns=now_ns)
            return True

    def postpone_letter(self, sink: str, alert_id: str, *, due_ns: int, why: str) -> None:
        """The attempt has failed, and why; the next is at `due_ns`."""
        with self._lock:
            one = self._posted[sink, alert_id]
            self._change(sink, alert_id, replace(one, letter=replace(one.letter, due_ns=due_ns), why=why))

    def settle_letter(self, sink: str, alert_id: str, *, state: LetterState, why: str, now_ns: int) -> None:
        """Close it."""
        with self._lock:
            one = self._posted[sink, alert_id]
            self._change(sink, alert_id, replace(one, state=state, why=why, changed_ns=now_ns))

    def hasten_letters(self, sink: str, *, now_ns: int) -> None:
        """What waits to be tried again need not wait longer."""
        with self._lock:
            for one in self._where(lambda posted: posted.letter.sink == sink and posted.attempts > 0):
                self._change(sink, one.letter.alert.alert_id, replace(one, letter=replace(one.letter, due_ns=now_ns)))

    def retry_letters(self, alert_id: str, *, now_ns: int, expires_ns: int) -> int:
        """Queue again what of an alert is dead or expired."""
        with self._lock:
            ended = self._where(lambda one: one.letter.alert.alert_id == alert_id and one.state in ("dead", "expired"))
            for one in ended:
                fresh = replace(one, state="queued", attempts=0, expires_ns=expires_ns, changed_ns=now_ns)
                self._posted[one.letter.sink, alert_id] = replace(fresh, letter=replace(one.letter, due_ns=now_ns))
            return len(ended)

    def letters_of(self, incident_id: str) -> Sequence[Posted]:
        """Every letter about an incident, in the order of their queueing."""
        return self._where(lambda one: one.letter.alert.incident.incident_id == incident_id)

    def letters(
        self, *, state: LetterState | None = None, sink: str | None = None, limit: int = 100
    ) -> Sequence[Posted]:
        """Newest first."""
        found = self._where(lambda one: state in (None, one.state) and sink in (None, one.letter.sink))
        return found[::-1][:limit]

    def alerts_between(self, rule: str, since_ns: int, until_ns: int) -> Sequence[Alert]:
        """What a rule decided to tell of incidents of these times, both included."""
        found = self._where(
            lambda one: one.letter.rule == rule and since_ns <= one.letter.alert.incident.time_ns <= until_ns
        )
        distinct = {one.letter.alert.alert_id: one.letter.alert for one in found}
        return sorted(distinct.values(), key=lambda alert: (alert.incident.time_ns, alert.alert_id))

    def put_acknowledgement(self, said: Acknowledgement) -> None:
        """Keep it; the first of a person counts."""
        with self._lock:
            self._acknowledgements.setdefault((said.incident_id, said.by), said)

    def acknowledgements(self, incident_ids: Sequence[str]) -> Sequence[Acknowledgement]:
        """Of these incidents, oldest first."""
        with self._lock:
            found = [one for one in self._acknowledgements.values() if one.incident_id in incident_ids]
        return sorted(found, key=lambda one: one.time_ns)

    def reviews_since(self, time_ns: int) -> Sequence[Review]:
        """What people said at or after it, oldest first."""
        with self._lock:
            return sorted((one for one in self._reviews if one.time_ns >= time_ns), key=lambda one: one.time_ns)

    def _where(self, holds: Callable[[Posted], bool]) -> list[Posted]:
        with self._lock:
            return [one for one in self._posted.values() if holds(one)]

    def _change(self, sink: str, alert_id: str, changed: Posted) -> None:
        """What is settled stays as it is."""
        if self._posted[sink, alert_id].state == "queued":
            self._posted[sink, alert_id] = changed


def _queued(letter: Letter) -> Posted:
    alert = letter.alert
    return Posted(
        letter=letter,
        state="queued",
        attempts=0,
        expires_ns=alert.expires_ns,
        why="",
        changed_ns=alert.created_ns,
    )
