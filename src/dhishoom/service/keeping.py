"""Writing to the store so that a full or read-only disk stops nothing: what cannot be written now waits, counted."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

from dhishoom.errors import StoreError
from dhishoom.nouns import Chunk, Detection, Incident, Letter
from dhishoom.seams import Store

WAITING_MAX = 20_000
"""Rows that wait for the store; the oldest are given up beyond it."""


class Alerts(Protocol):
    """Who decides what an incident makes known, and sees that it is delivered."""

    def letters(self, incident: Incident) -> Sequence[Letter]:
        """What a revision makes known, to be kept with it."""

    def posted(self, letters: Sequence[Letter]) -> None:
        """These are kept now: deliver them."""


class Keeping:
    """A store and the rows it has refused so far, tried again with every later write.

    Args:
        alerts: Asked of every incident that is written; None: nobody is to be told.
        complain: Told what fails, in a sentence, once until a write succeeds again.
        lose: Told how many rows or clips were given up.
    """

    def __init__(
        self,
        store: Store,
        complain: Callable[[str], object],
        lose: Callable[[int], object],
        alerts: Alerts | None = None,
    ) -> None:
        self._store, self._complain, self._lose, self._alerts = store, complain, lose, alerts
        self._detections: deque[Detection] = deque()
        self._incidents: deque[Incident] = deque()
        self._complaints: set[str] = set()

    @property
    def waiting(self) -> int:
        """Rows that the store has refused so far."""
        return len(self._detections) + len(self._incidents)

    def keep_clip(self, chunk: Chunk) -> str | None:
        """The clip's name; None where it could not be kept, so that the row says that there is none."""
        try:
            return self._store.keep_clip(chunk)
        except StoreError as error:
            self._tell(error)
            self._lose(1)
            return None

    def put(self, detections: Sequence[Detection], incidents: Sequence[Incident]) -> bool:
        """Write detections, then incidents, and what waited before them; False where they must wait."""
        self._detections.extend(detections)
        self._incidents.extend(incidents)
        try:
            if self._detections:
                self._store.put_detections(list(self._detections))
                self._detections.clear()
            self._put_incidents()
        except StoreError as error:
            self._tell(error)
            self._give_up_oldest()
            return False
        self._complaints.clear()
        return True

    def _put_incidents(self) -> None:
        """Where they make something known, one by one: what is told of the second depends on the first."""
        if self._alerts is None and self._incidents:
            self._store.put_incidents(list(self._incidents))
            self._incidents.clear()
        while self._alerts is not None and self._incidents:
            letters = self._alerts.letters(self._incidents[0])
            self._store.put_incidents([self._incidents[0]], letters)
            self._incidents.popleft()
            self._alerts.posted(letters)

    def _tell(self, error: StoreError) -> None:
        if str(error) not in self._complaints:
            self._complaints.add(str(error))
            self._complain(str(error))

    def _give_up_oldest(self) -> None:
        waiting: tuple[deque[Detection] | deque[Incident], ...] = (self._detections, self._incidents)
        for rows in waiting:
            lost = max(0, len(rows) - WAITING_MAX)
            for _ in range(lost):
                rows.popleft()
            if lost:
                self._lose(lost)
