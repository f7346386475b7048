"""Filling what was not recorded: missing sound and stretches of exact zeros become noise at the window's own floor.

A recording that was padded with zeros has an edge where its sound begins. Nothing may react to that edge, so it is
filled before anything listens.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

ZERO_RUN_MIN_S = 0.005
FRAME_S = 0.010
FLOOR_QUANTILE = 0.2
NOISE_LENGTH = 1 << 16

Samples = NDArray[np.float32]
Mask = NDArray[np.bool_]


@cache
def _noise() -> Samples:
    """A fixed table of unit noise: the same at the same absolute sample in every window."""
    return np.random.Generator(np.random.PCG64(19)).standard_normal(NOISE_LENGTH).astype(np.float32)


def silent(samples: Samples, sample_rate: int) -> Mask:
    """Where the samples are exactly zero for at least 5 ms: padding, or a microphone that gives nothing."""
    zero: Mask = np.equal(samples, 0.0)
    if not zero.any():
        return zero
    edges = np.flatnonzero(np.diff(np.concatenate(([False], zero, [False])).astype(np.int8)))
    for begin, end in edges.reshape(-1, 2):
        if end - begin < ZERO_RUN_MIN_S * sample_rate:
            zero[begin:end] = False
    return zero


def floor_rms(samples: Samples, hole: Mask, sample_rate: int) -> float:
    """Root mean square of the quiet frames outside the hole; 0 where too little sound is left to tell."""
    frame = max(1, round(FRAME_S * sample_rate))
    count = len(samples) // frame
    if count == 0:
        return 0.0
    whole = ~hole[: count * frame].reshape(count, frame).any(axis=1)
    frames = samples[: count * frame].reshape(count, frame)[whole]
    if len(frames) == 0:
        return 0.0
    return float(np.quantile(frames.std(axis=1), FLOOR_QUANTILE))


def fill(samples: Samples, missing: Mask, first_index: int, sample_rate: int) -> Samples:
    """The samples with holes filled by noise.

    Args:
        samples: [n]; what they hold where `missing` is of no account.
        missing: [n], true where nothing was recorded.
        first_index: Absolute index of the first sample on the sensor's clock.
    """
    hole = missing | silent(samples, sample_rate)
    if not hole.any():
        return samples
    level = floor_rms(samples, hole, sample_rate)
    middle = float(samples[~hole].mean()) if not hole.all() else 0.0
    at = (first_index + np.flatnonzero(hole)) % NOISE_LENGTH
    filled = samples.copy()
    filled[hole] = middle + level * _noise()[at]
    return filled
