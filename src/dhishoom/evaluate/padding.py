"""Padding that was never heard: exact zeros become noise at the recording's own floor before anything is scored.

The live-fire recordings are padded, and in most positions the sound begins one second before the first listed arrival:
a model that reacts to the edge, or silence that counts as an easy negative, would spoil every figure.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dhishoom.core.silence import silent

FRAME_S = 0.032
QUIET_SHARE = 0.2

Samples = NDArray[np.float32]


def without_padding(samples: Samples, sample_rate: int) -> tuple[Samples, float]:
    """The recording with its exact zeros filled by noise of the level and colour of its quietest fifth; their seconds.

    A recording that is nothing but zeros stays as it is.
    """
    hole = silent(samples, sample_rate)
    padding_s = float(hole.sum() / sample_rate)
    if not hole.any() or hole.all():
        return samples, padding_s
    noise = _coloured(_floor_magnitude(samples, hole, sample_rate), len(samples))
    return np.where(hole, noise, samples).astype(np.float32), padding_s


def _floor_magnitude(samples: Samples, hole: NDArray[np.bool_], sample_rate: int) -> NDArray[np.float64]:
    """Root mean power spectrum of the quietest frames that hold sound throughout; zeros where there is none."""
    frame = 2 * max(4, round(FRAME_S * sample_rate / 2))
    count = len(samples) // frame
    whole = ~hole[: count * frame].reshape(count, frame).any(axis=1)
    frames = samples[: count * frame].reshape(count, frame)[whole].astype(np.float64)
    if not len(frames):
        return np.zeros(frame // 2 + 1)
    frames -= frames.mean(axis=1, keepdims=True)
    levels = frames.std(axis=1)
    quiet = frames[levels <= np.quantile(levels, QUIET_SHARE)]
    window = np.hanning(frame)
    power = np.square(np.abs(np.fft.rfft(quiet * window, axis=1))).mean(axis=0) / np.square(window).sum()
    return np.asarray(np.sqrt(power))


def _coloured(magnitude: NDArray[np.float64], length: int) -> NDArray[np.float64]:
    """Noise [length] with the given magnitude per frequency; the same for the same length."""
    white = np.random.default_rng(length).standard_normal(length)
    spectrum = np.fft.rfft(white)
    at = np.linspace(0, len(magnitude) - 1, len(spectrum))
    return np.asarray(np.fft.irfft(spectrum * np.interp(at, np.arange(len(magnitude)), magnitude), length))
