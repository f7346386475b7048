"""One live source heard: its sound fetched in a thread of its own, so that nothing that blocks there blocks Ctrl-C."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from dhishoom.core.decision import decide
from dhishoom.core.listening import Notice, Window
from dhishoom.errors import DhishoomError
from dhishoom.nouns import Chunk, Detection
from dhishoom.service.hearing import Keep, KeepClip, SensorHearing

if TYPE_CHECKING:
    from dhishoom.seams import Detector, ModelCard, Source

CHUNKS_MAX = 64
"""Chunks that wait to be heard; a source that can wait does."""
LOOK_EVERY_S = 0.2
GOODBYE_S = 0.5


class LiveHearing:
    """Hears one sensor with one detector.

    Args:
        card: The detector's, with the threshold that was asked for.
        keep_clip: Keeps a shot and the second about it, returns its name; None keeps nothing.
        tell: Called with gaps and steps of the clock.
    """

    def __init__(
        self,
        sensor_id: str,
        detector: Detector,
        card: ModelCard,
        *,
        keep_clip: KeepClip | None,
        tell: Callable[[Notice], object],
    ) -> None:
        self._detector, self._card, self._keep_clip, self._tell = detector, card, keep_clip, tell
        keep: Keep = "none" if keep_clip is None else "shots"
        self._hearing = SensorHearing(sensor_id, card, keep, clock_sigma_s=0.0)

    def take(self, chunk: Chunk) -> Iterator[Detection]:
        """Everything that this chunk decides."""
        windows, notices = self._hearing.take(chunk)
        for notice in notices:
            self._tell(notice)
        self._score(windows)
        return self._told(final=False)

    def finish(self) -> Iterator[Detection]:
        """What the end of the sound decides."""
        self._score(self._hearing.finish())
        return self._told(final=True)

    def _score(self, windows: tuple[Window, ...]) -> None:
        for window in windows:
            scores = self._detector.scores(window.audio[np.newaxis])[0]
            self._hearing.decided(window, decide(window, scores, self._card))

    def _told(self, *, final: bool) -> Iterator[Detection]:
        for told in self._hearing.release(self._keep_clip or _keep_nothing, final=final):
            yield from told.detections


def _keep_nothing(_: Chunk) -> None:
    return None


def chunks_within(source: Source, seconds: float | None) -> Iterator[Chunk]:
    """A source's chunks until it ends, or that many seconds have passed; its failure is raised here.

    The source is closed at the end, also at Ctrl-C, and not waited for longer than half a second.
    """
    waiting: queue.Queue[Chunk | DhishoomError | None] = queue.Queue(CHUNKS_MAX)
    stopped = threading.Event()
    thread = threading.Thread(target=_fetch, args=(source, waiting, stopped), name="dhishoom-source", daemon=True)
    thread.start()
    until_s = float("inf") if seconds is None else time.monotonic() + seconds
    try:
        while (now_s := time.monotonic()) < until_s:
            try:
                item = waiting.get(timeout=min(LOOK_EVERY_S, until_s - now_s))
            except queue.Empty:
                continue
            if item is None:
                return
            if isinstance(item, DhishoomError):
                raise item
            yield item
    finally:
        stopped.set()
        source.close()
        thread.join(GOODBYE_S)


def _fetch(source: Source, waiting: queue.Queue[Chunk | DhishoomError | None], stopped: threading.Event) -> None:
    """Body of the thread: what the source gives, then None, or its failure instead."""
    end: DhishoomError | None = None
    try:
        for chunk in source.chunks():
            if not _put(waiting, chunk, stopped):
                return
    except DhishoomError as error:
        end = error
    _put(waiting, end, stopped)


def _put(
    waiting: queue.Queue[Chunk | DhishoomError | None], item: Chunk | DhishoomError | None, stopped: threading.Event
) -> bool:
    """Whether there was room before the end was asked for."""
    while not stopped.is_set():
        try:
            waiting.put(item, timeout=LOOK_EVERY_S)
            return True
        except queue.Full:
            continue
    return False
