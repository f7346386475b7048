"""Where in a clip a shot begins, when nobody wrote it down: sudden rises of energy, loudest first.

Clips labelled only as a whole ("there is a gunshot in it") teach by these onsets at first, and then by the frame that
the network itself finds likeliest in them (multiple-instance learning by its hard form).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, sosfilt

from dhishoom.train.library import Samples

_HOP_S = 0.005
_BEFORE_S = 0.15
_AFTER_S = 0.03
_RISE_DB = 9.0
_BELOW_LOUDEST_DB = 15.0
_APART_S = 0.08


def energy_onsets_s(
    samples: Samples, sample_rate: int, band_hz: tuple[float, float] = (150.0, 3500.0)
) -> tuple[float, ...]:
    """Onsets in seconds: rises of at least 9 dB within 15 dB of the loudest; at least one, the steepest."""
    level_db = _level_db(samples, sample_rate, band_hz)
    if len(level_db) < 4:
        return (0.0,)
    rise_db, after_db = _rise_db(level_db)
    strong = (rise_db >= _RISE_DB) & (after_db >= after_db.max() - _BELOW_LOUDEST_DB)
    peaks = _peaks(np.where(strong, rise_db, 0.0), max(1, round(_APART_S / _HOP_S)))
    chosen = peaks if len(peaks) else np.array([int(np.argmax(rise_db))])
    return tuple(float(index * _HOP_S) for index in chosen)


def _level_db(samples: Samples, sample_rate: int, band_hz: tuple[float, float]) -> NDArray[np.float64]:
    high = min(band_hz[1], 0.45 * sample_rate)
    filtered = sosfilt(butter(2, (band_hz[0], high), "bandpass", fs=sample_rate, output="sos"), samples)
    hop = round(_HOP_S * sample_rate)
    frames = filtered[: len(filtered) // hop * hop].reshape(-1, hop)
    return np.asarray(10 * np.log10(np.square(frames).mean(axis=1) + 1e-10))


def _rise_db(level_db: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How far the next 30 ms stand above the 150 ms before, and how loud they are."""
    before, after = round(_BEFORE_S / _HOP_S), round(_AFTER_S / _HOP_S)
    padded = np.pad(level_db, (before, after), mode="edge")
    sums = np.concatenate([[0.0], np.cumsum(padded)])
    index = np.arange(len(level_db)) + before
    after_db = (sums[index + after] - sums[index]) / after
    before_db = (sums[index] - sums[index - before]) / before
    return after_db - before_db, after_db


def _peaks(strength: NDArray[np.float64], apart: int) -> NDArray[np.int64]:
    """Local maxima above zero, the larger of two that are closer than `apart`."""
    order = [int(index) for index in np.argsort(strength)[::-1] if strength[index] > 0]
    kept: list[int] = []
    for index in order:
        if all(abs(index - other) >= apart for other in kept):
            kept.append(index)
    return np.array(sorted(kept), dtype=np.int64)
