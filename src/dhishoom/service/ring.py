"""The last seconds of one sensor, from which clips are cut."""

from __future__ import annotations

from collections import deque

import numpy as np

from dhishoom.core.framing import index_at, time_at
from dhishoom.nouns import NS_PER_S, Chunk

SPLICE_MAX_S = 0.002
"""As in the listening fold: chunks this close follow on."""


class Ring:
    """Chunks in the order of their coming, as long ago as `keep_s`."""

    def __init__(self, keep_s: float) -> None:
        self._keep_s = keep_s
        self._chunks: deque[Chunk] = deque()
        self._seconds = 0.0

    def append(self, chunk: Chunk) -> None:
        """Keep a chunk."""
        self._chunks.append(chunk)
        self._seconds += chunk.duration_s

    def trim(self) -> None:
        """Forget what is older than `keep_s`; called once what was heard is decided."""
        while self._chunks and self._seconds - self._chunks[0].duration_s >= self._keep_s:
            self._seconds -= self._chunks.popleft().duration_s

    def reaches(self, instant_ns: int) -> bool:
        """Whether sound of that instant or later has come."""
        return bool(self._chunks) and self._chunks[-1].end_ns >= instant_ns

    def cut(self, around_ns: int, *, since_ns: int, until_ns: int, final: bool = False) -> Chunk | None:
        """The unbroken sound about an instant, from `since_ns` to `until_ns` or as far as it goes.

        Of an instant before a stream, as a shot that begins with it is picked, that stream's beginning. None while more
        may follow on; with `final`, None only where nothing is held.
        """
        run, open_ended = self._run_about(around_ns, until_ns)
        if not run or (open_ended and not final and run[-1].end_ns < until_ns):
            return None
        rate = run[0].sample_rate
        low = max(index_at(since_ns, rate), index_at(run[0].start_ns, rate))
        high = min(index_at(until_ns, rate), index_at(run[-1].end_ns, rate))
        samples = np.zeros(max(0, high - low), np.float32)
        for chunk in run:
            _copy(chunk, index_at(chunk.start_ns, rate) - low, samples)
        return Chunk(sensor_id=run[0].sensor_id, start_ns=time_at(low, rate), sample_rate=rate, samples=samples)

    def _run_about(self, instant_ns: int, until_ns: int) -> tuple[list[Chunk], bool]:
        """Chunks that follow on each other about an instant, or soonest after it before `until_ns`; and whether the
        next chunk may follow on them."""
        runs = self._runs()
        about = [run for run in runs if run[0].start_ns < until_ns and instant_ns < run[-1].end_ns]
        return (about[0], about[0] is runs[-1]) if about else ([], False)

    def _runs(self) -> list[list[Chunk]]:
        runs: list[list[Chunk]] = []
        for chunk in self._chunks:
            if runs and _follows(runs[-1][-1], chunk):
                runs[-1].append(chunk)
            else:
                runs.append([chunk])
        return runs


def _follows(before: Chunk, chunk: Chunk) -> bool:
    jump_ns = abs(chunk.start_ns - before.end_ns)
    return chunk.sample_rate == before.sample_rate and jump_ns <= SPLICE_MAX_S * NS_PER_S


def _copy(chunk: Chunk, at: int, samples: np.ndarray[tuple[int], np.dtype[np.float32]]) -> None:
    """Put a chunk's samples where they belong, as far as they fit."""
    first, last = max(0, at), min(len(samples), at + len(chunk.samples))
    if first < last:
        samples[first:last] = chunk.samples[first - at : last - at]
