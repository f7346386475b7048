"""Recorded sound given out as time goes by, at any multiple of its own speed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

from dhishoom.errors import UsageError
from dhishoom.nouns import NS_PER_S, Chunk


class Pacer:
    """Holds each chunk back until its last sample would have been recorded.

    Args:
        rate: Seconds of sound a second; None waits for nothing.
        now_s: A clock that never steps, seconds.
    """

    def __init__(self, rate: float | None, now_s: Callable[[], float] = time.monotonic) -> None:
        if rate is not None and not 0 < rate < float("inf"):
            raise UsageError(f"a rate of {rate:g} cannot be played; give a number above 0, such as 1 for real time.")
        self._rate = rate
        self._now_s = now_s
        self._stopped = threading.Event()

    def paced(self, chunks: Iterator[Chunk]) -> Iterator[Chunk]:
        """The same chunks, each not before its time; ends when stopped."""
        begun_s = self._now_s()
        first_ns: int | None = None
        for chunk in chunks:
            first_ns = chunk.start_ns if first_ns is None else first_ns
            if self._rate is not None:
                due_s = begun_s + (chunk.end_ns - first_ns) / NS_PER_S / self._rate
                self._stopped.wait(max(0.0, due_s - self._now_s()))
            if self._stopped.is_set():
                return
            yield chunk

    def stop(self) -> None:
        """End `paced`, at once where it waits."""
        self._stopped.set()
