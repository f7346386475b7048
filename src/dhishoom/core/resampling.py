"""From the sensor's rate to the model's, one window at a time: a pure function of the window."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy.signal import firwin

HALF_ZERO_CROSSINGS = 10
KAISER_BETA = 6.0
TERM_MAX = 640
BLOCK_MIN = 16

Samples = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Resampler:
    """A polyphase filter between two rates, as one matrix that turns a block of samples into a block of samples.

    Attributes:
        up, down: The ratio of the rates, terms to 640; where it is rounded, a second is off by at most 2 ms.
        margin: Samples at the sensor's rate that it needs before and after what it gives.
        matrix: [samples in, samples out] of one block; the next block begins `stride` samples later.
    """

    up: int
    down: int
    margin: int
    stride: int
    matrix: Samples

    def apply(self, samples: Samples, length: int) -> Samples:
        """`length` samples at the model's rate, the first at sample `margin` of the input."""
        if self.up == self.down:
            return np.ascontiguousarray(samples[:length], dtype=np.float32)
        wide, block = self.matrix.shape
        count = -(-length // block)
        needed = (count - 1) * self.stride + wide
        if len(samples) < needed:
            samples = np.concatenate((samples, np.zeros(needed - len(samples), np.float32)))
        blocks = sliding_window_view(samples[:needed], wide)[:: self.stride]
        converted: Samples = (np.ascontiguousarray(blocks) @ self.matrix).reshape(-1)[:length]
        return converted


@lru_cache(maxsize=64)
def resampler(rate_from: int, rate_to: int) -> Resampler:
    """The filter from one rate to another, designed once.

    Source: Kaiser-windowed sinc as in Oppenheim and Schafer, Discrete-Time Signal Processing, section 7.6.
    """
    up, down = _ratio(rate_from, rate_to)
    if up == down:
        return Resampler(1, 1, 0, 0, np.ones((1, 1), np.float32))
    half = HALF_ZERO_CROSSINGS * max(up, down)
    taps = up * firwin(2 * half + 1, 1.0 / max(up, down), window=("kaiser", KAISER_BETA))
    margin = half // up
    repeats = -(-BLOCK_MIN // up)
    block, stride = up * repeats, down * repeats
    wide = margin + ((block - 1) * down + half) // up + 1
    # Output m lies at m * down of the dense signal, input i at (i - margin) * up; what is further than `half` is zero.
    offset = np.arange(block) * down - (np.arange(wide)[:, None] - margin) * up + half
    matrix = np.where((offset >= 0) & (offset <= 2 * half), taps[np.clip(offset, 0, 2 * half)], 0.0)
    return Resampler(up, down, margin, stride, matrix.astype(np.float32))


def _ratio(rate_from: int, rate_to: int) -> tuple[int, int]:
    """The ratio of the rates in terms that are not too large."""
    if rate_from >= rate_to:
        ratio = 1 / Fraction(rate_from, rate_to).limit_denominator(TERM_MAX * rate_to // rate_from)
    else:
        ratio = Fraction(rate_to, rate_from).limit_denominator(TERM_MAX * rate_from // rate_to)
    return ratio.numerator, ratio.denominator
