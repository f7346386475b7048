"""From the sensor's rate to the model's, one window at a time: a pure function of the window."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.signal import firwin, upfirdn

HALF_ZERO_CROSSINGS = 10
KAISER_BETA = 6.0
DENOMINATOR_MAX = 640

Samples = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Resampler:
    """A polyphase filter between two rates.

    Attributes:
        up, down: The ratio of the rates in lowest terms (to a part in a million for odd rates).
        margin: Samples at the sensor's rate that it needs before and after what it gives; a multiple of `down`.
    """

    up: int
    down: int
    margin: int
    taps: Samples

    def apply(self, samples: Samples, length: int) -> Samples:
        """`length` samples at the model's rate, the first at sample `margin` of the input."""
        if self.up == self.down:
            return np.ascontiguousarray(samples[:length], dtype=np.float32)
        dense = upfirdn(self.taps, samples, self.up, self.down)
        first = self.margin * self.up // self.down + (len(self.taps) - 1) // 2 // self.down
        return np.ascontiguousarray(dense[first : first + length], dtype=np.float32)


@lru_cache(maxsize=64)
def resampler(rate_from: int, rate_to: int) -> Resampler:
    """The filter from one rate to another, designed once.

    Source: Kaiser-windowed sinc as in Oppenheim and Schafer, Discrete-Time Signal Processing, section 7.6.
    """
    ratio = Fraction(rate_to, rate_from).limit_denominator(DENOMINATOR_MAX)
    up, down = ratio.numerator, ratio.denominator
    if up == down:
        return Resampler(1, 1, 0, np.ones(1, np.float32))
    slow = max(up, down)
    half = -(-HALF_ZERO_CROSSINGS * slow // down) * down
    taps = up * firwin(2 * half + 1, 1.0 / slow, window=("kaiser", KAISER_BETA))
    margin = -(-(half // up + 2) // down) * down
    return Resampler(up, down, margin, taps.astype(np.float32))
