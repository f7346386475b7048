"""What a model says of one clip as it was sent: the largest probabilities of any of its moments."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from dhishoom.core.decision import classes_of
from dhishoom.core.listening import Window
from dhishoom.nouns import NS_PER_S, Chunk, ModelCard
from dhishoom.seams import Detector
from dhishoom.service.ears import WINDOWS_MAX

BORDER_NS = NS_PER_S // 10
"""Of the clip before: a shot across the border counts for the clip in which it ends."""
Scores = NDArray[np.float32]


class Judge:
    """Scores windows of any number of sensors in batches, and knows what each was given."""

    def __init__(self, detector: Detector) -> None:
        self.card, self._detector = detector.card, detector
        self._scores: dict[int, Scores] = {}

    def score(self, windows: Iterable[Window]) -> None:
        """Batches across sensors; what a window gets does not depend on its batch."""
        waiting = list(windows)
        for at in range(0, len(waiting), WINDOWS_MAX):
            batch = waiting[at : at + WINDOWS_MAX]
            scores = self._detector.scores(np.stack([window.audio for window in batch]))
            self._scores.update({id(window): its_own for window, its_own in zip(batch, scores, strict=True)})

    def of(self, window: Window) -> Scores:
        """[frames, classes], raw, the guard included."""
        return self._scores[id(window)]

    def forget(self) -> None:
        """Windows are gone, and others may take their place."""
        self._scores.clear()

    def classes(self, chunk: Chunk, windows: Iterable[Window]) -> Mapping[str, float]:
        """Of one clip, largest first; `gunshot` is calibrated."""
        parts = [_within(window, self.of(window), chunk, self.card) for window in windows]
        return classes_of(np.concatenate([*parts, np.zeros((0, len(self.card.classes)), np.float32)]), self.card)


def _within(window: Window, scores: Scores, chunk: Chunk, card: ModelCard) -> Scores:
    """Frames of the window's middle that lie in the clip or just before it."""
    guard = round(card.guard_s / card.hop_s)
    middle = scores[guard : len(scores) - guard]
    hop_ns = round(card.hop_s * NS_PER_S)
    first = -(-(chunk.start_ns - BORDER_NS - window.middle_start_ns) // hop_ns)
    last = -(-(chunk.end_ns - window.middle_start_ns) // hop_ns)
    return middle[max(0, first) : max(0, last)]
