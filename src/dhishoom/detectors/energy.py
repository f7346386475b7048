"""The baseline without a model: a sudden rise of level is a shot, however sure its height makes it.

It cannot tell a shot from a slammed door, and says so on its card. It is there to compare with and to test with.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, sosfilt

from dhishoom.nouns import ModelCard

RATE = 12_000
HOP = 120
FLOOR_S = 0.25
BAND_HZ = (150.0, 3000.0)
RISE_DB_AT_HALF = 20.0
RISE_DB_SLOPE = 4.0
TINY = 1e-10

CARD = ModelCard(
    name="energy",
    sample_rate=RATE,
    hop_s=HOP / RATE,
    step_s=1.0,
    left_s=0.45,
    right_s=0.15,
    guard_s=0.1,
    classes=("gunshot",),
    gunshot_classes=("gunshot",),
    alert=0.9,
    possible=0.5,
    licence="Apache-2.0",
    card={
        "description": "Rise of the level between 150 and 3000 Hz over the quarter second before; no training.",
        "data": "none",
        "limits": "Takes every sudden sound for a shot. Its scores are not probabilities. For comparison only.",
    },
)


class EnergyDetector:
    """Scores the rise of each 10 ms frame over the mean level of the 250 ms before it."""

    def __init__(self) -> None:
        self._band = butter(2, BAND_HZ, "bandpass", fs=RATE, output="sos")

    @property
    def card(self) -> ModelCard:
        """What it is and what it needs."""
        return CARD

    def scores(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        """[batch, samples] to [batch, frames, 1]."""
        band = sosfilt(self._band, windows, axis=-1)
        count = windows.shape[1] // HOP
        power = np.square(band[:, : count * HOP]).reshape(len(windows), count, HOP).mean(axis=2) + TINY
        memory = round(FLOOR_S * RATE / HOP)
        total = np.cumsum(np.pad(power, ((0, 0), (1, 0))), axis=1)
        floor = (total[:, memory:-1] - total[:, : -memory - 1]) / memory
        rise_db = 10 * np.log10(power[:, memory:] / floor)
        score = 1 / (1 + np.exp(-(rise_db - RISE_DB_AT_HALF) / RISE_DB_SLOPE))
        first = round((CARD.left_s - CARD.guard_s) * RATE / HOP) - memory
        frames = round((CARD.step_s + 2 * CARD.guard_s) * RATE / HOP)
        return np.asarray(score[:, first : first + frames, None], np.float32)
