"""Bringing many clips: in parallel, at a polite rate, resumable; what is gone is written down, not stumbled over."""

from __future__ import annotations

import csv
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from dhishoom.datasets.manifest import clip_path, keep
from dhishoom.datasets.segments import Segment
from dhishoom.errors import DhishoomError, UsageError

Reason = Literal["private", "deleted", "region", "age", "paid", "refused", "busy", "cut short", "network"]
GONE: frozenset[Reason] = frozenset({"private", "deleted", "region", "age", "paid"})
"""Not asked for again: nothing that we do brings these back."""
AGAIN: frozenset[Reason] = frozenset({"busy", "cut short", "network"})
"""Asked for again at once; after that, the next time the command runs."""
LEDGER = "download.csv"
_COLUMNS = ("video", "start_s", "why", "detail")
PAUSE_S_MAX = 120.0


class Unfetched(DhishoomError):
    """One clip did not come.

    Attributes:
        why: In one of few words, for the table.
    """

    exit_code = 4

    def __init__(self, why: Reason, detail: str) -> None:
        super().__init__(detail)
        self.why = why


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one clip; `why` is None where its file is there."""

    segment: Segment
    why: Reason | None = None
    detail: str = ""
    was_there: bool = False


@dataclass(slots=True)
class Pacer:
    """Lets one request begin every `interval_s`, however many wait; each refusal for haste doubles it for good."""

    interval_s: float
    clock: Callable[[], float] = time.monotonic
    wait: Callable[[float], object] = time.sleep
    _next_s: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def turn(self) -> None:
        """Return when it is one's turn."""
        with self._lock:
            now = self.clock()
            at = max(now, self._next_s)
            self._next_s = at + self.interval_s
        if at > now:
            self.wait(at - now)

    def slow_down(self) -> None:
        """The other side asked for fewer requests."""
        with self._lock:
            self.interval_s = min(PAUSE_S_MAX, max(1.0, 2 * self.interval_s))
            self._next_s = max(self._next_s, self.clock() + self.interval_s)


def fetch_all(
    segments: Sequence[Segment],
    folder: Path,
    bring: Callable[[Segment], bytes],
    *,
    jobs: int = 4,
    pacer: Pacer,
    tries: int = 3,
    again: bool = False,
) -> Iterator[Outcome]:
    """Bring every clip that is not there, and tell of each as it comes; `folder/download.csv` keeps what failed.

    Args:
        bring: Gives the FLAC of a segment, or raises Unfetched.
        again: Ask even for what was gone the last time.
    Raises:
        UsageError: The disk is full or closed; what came before is whole, and running again goes on from there.
    """
    gone = {} if again else {key: one for key, one in _read_ledger(folder).items() if one.why in GONE}
    waiting: list[Segment] = []
    for segment in segments:
        if (folder / clip_path(segment)).is_file():
            yield Outcome(segment, was_there=True)
        elif segment.key in gone:
            yield gone[segment.key]
        else:
            waiting.append(segment)
    ledger = _Ledger(folder / LEDGER)
    work = _Work(folder, bring, pacer, tries)
    with ThreadPoolExecutor(jobs, "fetch") as executor:
        try:
            for done in as_completed([executor.submit(work.one, segment) for segment in waiting]):
                outcome = done.result()
                if outcome.why is not None:
                    ledger.add(outcome)
                yield outcome
        finally:
            work.over.set()
            executor.shutdown(cancel_futures=True)


@dataclass(slots=True)
class _Work:
    """What every worker does."""

    folder: Path
    bring: Callable[[Segment], bytes]
    pacer: Pacer
    tries: int
    over: threading.Event = field(default_factory=threading.Event)

    def one(self, segment: Segment) -> Outcome:
        failure = Unfetched("network", "it was not asked for")
        for _ in range(self.tries):
            self.pacer.turn()
            if self.over.is_set():
                break
            try:
                keep(self.folder / clip_path(segment), self.bring(segment))
                return Outcome(segment)
            except Unfetched as error:
                failure = error
                if error.why == "busy":
                    self.pacer.slow_down()
                if error.why not in AGAIN:
                    break
        return Outcome(segment, failure.why, str(failure))


class _Ledger:
    """Lines as they happen, so that a killed run has lost none."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def add(self, outcome: Outcome) -> None:
        try:
            new = not self._path.is_file()
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("a", newline="", encoding="utf-8") as file:
                writer = csv.writer(file, lineterminator="\n")
                if new:
                    writer.writerow(_COLUMNS)
                writer.writerow(
                    (outcome.segment.video, f"{outcome.segment.start_s:g}", outcome.why, outcome.detail[:200])
                )
        except OSError as error:
            raise UsageError(
                f"cannot write {self._path}: {error.strerror}. The clips that came are whole; free some space and "
                "run it again."
            ) from error


def _read_ledger(folder: Path) -> dict[str, Outcome]:
    """The last word on every clip that failed, by key; a damaged line is as if it were not there."""
    path = folder / LEDGER
    if not path.is_file():
        return {}
    found: dict[str, Outcome] = {}
    with path.open(newline="", encoding="utf-8", errors="replace") as file:
        for row in csv.DictReader(file):
            try:
                start_s = float(row["start_s"])
                segment = Segment(row["video"], start_s, start_s + 10, (), "")
                found[segment.key] = Outcome(segment, row["why"], row["detail"])  # type: ignore[arg-type]
            except (TypeError, ValueError, KeyError):
                continue
    return found
