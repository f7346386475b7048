"""A detector that is asked more often than it was trained to be, so that what it hears is told sooner."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dhishoom.nouns import ModelCard

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dhishoom.seams import Detector

STEP_S = 0.5
"""Where the middle is a second, a shot waits for the end of its second."""


def promptly(detector: Detector, step_s: float = STEP_S) -> Detector:
    """The same detector with shorter steps: its windows have a shorter middle, or only the end of the middle is used.

    A score depends on its surroundings alone (`ModelCard`), so scores and shots are the same; they come up to half a
    second sooner, at half as much cost again, or twice the cost where a network takes windows of one length only. A
    detector whose steps are as short, or do not divide so, is returned as it is.
    """
    from dhishoom.detectors.onnx import OnnxDetector

    card = detector.card
    kept, step = round(step_s / card.hop_s), round(card.step_s / card.hop_s)
    if kept >= step or step % kept or abs(kept * card.hop_s - step_s) > 1e-9:
        return detector
    if isinstance(detector, OnnxDetector) and detector.any_length:
        return _Prompt(detector, replace(card, step_s=step_s), 0)
    skipped_s = card.step_s - step_s
    return _Prompt(detector, replace(card, step_s=step_s, left_s=card.left_s + skipped_s), step - kept)


@dataclass(frozen=True, slots=True)
class _Prompt:
    """Windows of which less is the middle."""

    detector: Detector
    card: ModelCard
    skipped: int

    def scores(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        """The detector's own, without the frames that earlier windows told."""
        return self.detector.scores(windows)[:, self.skipped :]
