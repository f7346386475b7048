"""A published tagger as a detector: it speaks of a second of sound, and is placed where the level rises most.

Its score of each cell of its own grid lands on the frame where the level of the sound rises most, so that its answers
have onsets; the score of a whole clip is the tagger's own, untouched.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dhishoom.detectors.networks import FAILURES, open_network
from dhishoom.errors import ModelError
from dhishoom.nouns import ModelCard

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

GUN_CLASSES = ("Gunshot, gunfire", "Machine gun", "Fusillade", "Artillery fire", "Cap gun")
"""AudioSet's display names that mean gunfire; the score is the largest of them."""
HOP_S = 0.02
FLOOR_FRAMES = 8
TINY = 1e-10


@dataclass(frozen=True, slots=True, kw_only=True)
class TaggerShape:
    """How a tagger is asked: windows of `cells` cells, each judged from `span_s` of sound centred on it.

    Attributes:
        batched: Whether its input is [batch, samples] rather than [samples].
    """

    sample_rate: int
    cell_s: float
    cells: int
    span_s: float
    output: str
    batched: bool

    @property
    def frames(self) -> int:
        """Of one cell."""
        return round(self.cell_s / HOP_S)


YAMNET = TaggerShape(sample_rate=16_000, cell_s=0.48, cells=2, span_s=0.975, output="scores", batched=False)
"""Two patches of 0.975 s, half of each shared: what the graph makes of 23 280 samples."""


class Tagger:
    """A tagger's network behind the seam of a detector."""

    def __init__(self, path: Path, shape: TaggerShape, card: ModelCard, *, threads: int = 1) -> None:
        self._path, self._shape, self._card = path, shape, card
        self._session = open_network(path, threads=threads, kind="tagger", mend="Fetch it again.")
        self._input = self._session.get_inputs()[0].name
        self.scores(np.zeros((1, round(card.window_s * shape.sample_rate)), np.float32))

    @property
    def card(self) -> ModelCard:
        """What it is and what it needs."""
        return self._card

    def scores(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        """[batch, samples] to [batch, frames, classes]: each cell's scores on its steepest frame, zero elsewhere."""
        shape, card = self._shape, self._card
        frames = np.zeros((len(windows), shape.cells * shape.frames, len(card.classes)), np.float32)
        for index, window in enumerate(windows):
            cells = self._ask(window)
            for cell, steepest in enumerate(self._steepest(window)):
                frames[index, cell * shape.frames + steepest] = cells[cell]
        return frames

    def _ask(self, window: NDArray[np.float32]) -> NDArray[np.float32]:
        """[cells, classes] of one window."""
        shape = self._shape
        waveform = window[None] if shape.batched else window
        try:
            scores = np.asarray(self._session.run([shape.output], {self._input: waveform})[0], np.float32)
        except FAILURES as error:
            raise ModelError(f"{self._path} does not take {len(window)} samples: {error}. Fetch it again.") from error
        if scores.shape != (shape.cells, len(self._card.classes)):
            raise ModelError(f"{self._path} gives {scores.shape} for one window; it is not what it is named after.")
        return scores

    def _steepest(self, window: NDArray[np.float32]) -> NDArray[np.intp]:
        """[cells] frame of each cell whose level rises most over the mean of the frames before it."""
        shape = self._shape
        hop = round(HOP_S * shape.sample_rate)
        first = round(self._card.left_s * shape.sample_rate) - FLOOR_FRAMES * hop
        count = FLOOR_FRAMES + shape.cells * shape.frames
        sound = np.diff(window[first : first + count * hop], prepend=window[first])
        power = np.square(sound, dtype=np.float64).reshape(count, hop).mean(axis=1) + TINY
        total = np.concatenate(([0.0], np.cumsum(power)))
        floor = (total[FLOOR_FRAMES:-1] - total[: -FLOOR_FRAMES - 1]) / FLOOR_FRAMES
        rise = (power[FLOOR_FRAMES:] / floor).reshape(shape.cells, shape.frames)
        return np.asarray(np.argmax(rise, axis=1))


def tagger_card(
    name: str, shape: TaggerShape, classes: Sequence[str], licence: str, about: dict[str, object]
) -> ModelCard:
    """The card of a tagger; its thresholds are the custom for taggers, no calibration."""
    margin_s = math.floor((shape.span_s - shape.cell_s) / 2 * shape.sample_rate) / shape.sample_rate
    return ModelCard(
        name=name,
        sample_rate=shape.sample_rate,
        hop_s=HOP_S,
        step_s=shape.cells * shape.cell_s,
        left_s=margin_s,
        right_s=margin_s,
        guard_s=0.0,
        classes=tuple(classes),
        gunshot_classes=tuple(one for one in GUN_CLASSES if one in classes),
        alert=0.5,
        possible=0.3,
        licence=licence,
        card=about,
    )
