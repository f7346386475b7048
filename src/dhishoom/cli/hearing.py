"""The listening fold turned for one sensor: what `detect` and `listen` share."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from dhishoom.core.decision import decide
from dhishoom.core.listening import Hearing, Notice, Window, begin, finish, push
from dhishoom.errors import UsageError
from dhishoom.nouns import NS_PER_S

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dhishoom.nouns import Chunk, Detection
    from dhishoom.seams import Detector, ModelCard

WINDOWS_MAX = 64
"""Scored at a time."""
DECAY_DB = 20.0
LEVEL_S = 0.01
PEAK_WITHIN_S = 0.25
EVENT_S_MIN = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One window with what was made of it.

    Attributes:
        scores: [frames, classes], raw, of the window's middle alone.
        first_frame_ns: Time at which the first of these frames begins.
    """

    window: Window
    scores: NDArray[np.float32]
    first_frame_ns: int
    detections: tuple[Detection, ...]


class Ear:
    """Hears one sensor with one detector.

    Attributes:
        card: The detector's, with the threshold that was asked for.
        notices: Gaps and steps so far.
    """

    def __init__(self, detector: Detector, sensor_id: str, threshold: float | None = None) -> None:
        self.card = card_with_threshold(detector.card, threshold)
        self.notices: list[Notice] = []
        self._detector = detector
        self._state = begin(sensor_id, self.card)

    def hear(self, chunk: Chunk) -> list[Judged]:
        """Everything that this chunk decides."""
        return self._judge(push(self._state, chunk))

    def finish(self) -> list[Judged]:
        """What the end of the sound decides."""
        return self._judge(finish(self._state))

    def _judge(self, hearing: Hearing) -> list[Judged]:
        self._state = hearing.state
        self.notices.extend(hearing.notices)
        judged: list[Judged] = []
        for at in range(0, len(hearing.windows), WINDOWS_MAX):
            windows = hearing.windows[at : at + WINDOWS_MAX]
            scores = self._detector.scores(np.stack([window.audio for window in windows]))
            judged += [_judged(window, its_own, self.card) for window, its_own in zip(windows, scores, strict=True)]
        return judged


def card_with_threshold(card: ModelCard, threshold: float | None) -> ModelCard:
    """The card, with `possible` replaced where a threshold is given; raises UsageError unless it is a probability."""
    if threshold is None:
        return card
    if not 0 < threshold <= 1:
        raise UsageError(f"a threshold of {threshold:g} is no probability; give a number above 0 and at most 1.")
    return replace(card, possible=threshold)


def _judged(window: Window, scores: NDArray[np.float32], card: ModelCard) -> Judged:
    guard = round(card.guard_s / card.hop_s)
    middle = scores[guard : len(scores) - guard]
    return Judged(
        window=window,
        scores=middle,
        first_frame_ns=window.middle_start_ns,
        detections=decide(window, scores, card),
    )


def within(judged: Judged, card: ModelCard, end_ns: int) -> NDArray[np.float32]:
    """Scores of the frames that begin before `end_ns`: the rest of the last window is no sound of the recording."""
    frames = -(-(end_ns - judged.first_frame_ns) // round(card.hop_s * NS_PER_S))
    return judged.scores[: max(0, frames)]


def decay_s(window: Window, onset_ns: int) -> float:
    """How long a sound rings: until its level, in steps of 10 ms, first falls 20 dB below its peak.

    The peak is looked for within a quarter of a second of the onset; the window's end is the latest answer.
    """
    rate = window.raw_rate
    onset = max(0, round(onset_ns * rate / NS_PER_S) - window.raw_start_index)
    width = max(1, round(LEVEL_S * rate))
    after = window.raw[onset : onset + (len(window.raw) - onset) // width * width].astype(np.float64)
    powers = (after.reshape(-1, width) ** 2).mean(axis=1)
    if not len(powers):
        return EVENT_S_MIN
    loudest = int(powers[: round(PEAK_WITHIN_S / LEVEL_S)].argmax())
    quiet = np.flatnonzero(powers[loudest:] < powers[loudest] / 10 ** (DECAY_DB / 10))
    steps = loudest + int(quiet[0]) if len(quiet) else len(powers)
    return max(EVENT_S_MIN, steps * LEVEL_S)
