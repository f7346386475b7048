"""Log-mel front ends of published systems, by name, in NumPy: the reference that graphs are held against.

Hertz to mel by O'Shaughnessy's formula, 1127 ln(1 + f / 700), as VGGish and HTK have it.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy.signal import resample_poly

from dhishoom.errors import ModelError

Floats = NDArray[np.float64]
MEL_BREAK_HZ, MEL_SCALE = 700.0, 1127.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontEnd:
    """How a log-mel picture is made.

    Attributes:
        sample_rate: Hz the models behind it were trained at; sound of any other rate is resampled to it.
        frame, hop, fft: Samples.
        low_hz, high_hz: Edges of the lowest and the highest band.
        offset: Added to a band's magnitude before the logarithm.
        example: Frames of one picture, one after the other; 0 where the system takes any number.
    """

    name: str
    sample_rate: int
    frame: int
    hop: int
    fft: int
    bands: int
    low_hz: float
    high_hz: float
    offset: float
    example: int

    @property
    def example_s(self) -> float:
        """From one picture to the next."""
        return self.example * self.hop / self.sample_rate

    @property
    def example_samples(self) -> int:
        """Sound that one picture is made of."""
        return (self.example - 1) * self.hop + self.frame

    @property
    def window(self) -> Floats:
        """Hann, periodic: [frame]."""
        hann: Floats = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(self.frame) / self.frame)
        return hann


VGGISH = FrontEnd(
    name="vggish", sample_rate=16_000, frame=400, hop=160, fft=512, bands=64, low_hz=125.0, high_hz=7500.0,
    offset=0.01, example=96,
)  # fmt: skip
"""Hershey et al., CNN Architectures for Large-Scale Audio Classification (2017), with its published parameters."""
ANCESTOR = FrontEnd(
    name="ancestor", sample_rate=44_100, frame=1024, hop=1024, fft=1024, bands=40, low_hz=0.0, high_hz=22_050.0,
    offset=0.01, example=0,
)  # fmt: skip
"""Of the product before this one: 40 bands of all that 44.1 kHz hold, frames that do not overlap."""
FRONT_ENDS: Mapping[str, FrontEnd] = {one.name: one for one in (VGGISH, ANCESTOR)}


def front_end(name: str) -> FrontEnd:
    """The front end of that name. Raises ModelError with the nearest name for a misspelt one."""
    if name in FRONT_ENDS:
        return FRONT_ENDS[name]
    near = difflib.get_close_matches(name, FRONT_ENDS, n=1)
    hint = f"Did you mean {near[0]}?" if near else f"There are: {', '.join(FRONT_ENDS)}."
    raise ModelError(f"There is no front end {name!r}. {hint}")


def log_mel(samples: NDArray[Any], sample_rate: int, shape: FrontEnd) -> Floats:
    """[frames, bands] of mono sound of any rate: resampled to the rate that the models behind it know."""
    sound = at_rate(samples, sample_rate, shape.sample_rate)
    if len(sound) < shape.frame:
        return np.zeros((0, shape.bands))
    frames = sliding_window_view(sound, shape.frame)[:: shape.hop]
    magnitude = np.abs(np.fft.rfft(frames * shape.window, shape.fft, axis=1))
    picture: Floats = np.log(magnitude @ mel_matrix(shape) + shape.offset)
    return picture


def examples(samples: NDArray[Any], sample_rate: int, shape: FrontEnd) -> NDArray[np.float32]:
    """[n, example, bands]: whole pictures one after the other; what is left at the end is dropped."""
    picture = log_mel(samples, sample_rate, shape)
    count = len(picture) // shape.example
    return picture[: count * shape.example].reshape(count, shape.example, shape.bands).astype(np.float32)


def at_rate(samples: NDArray[Any], sample_rate: int, wanted: int) -> Floats:
    """Polyphase resampling (scipy.signal.resample_poly)."""
    if sample_rate == wanted:
        return np.asarray(samples, np.float64)
    common = np.gcd(sample_rate, wanted)
    resampled: Floats = resample_poly(np.asarray(samples, np.float64), wanted // common, sample_rate // common)
    return resampled


@lru_cache(maxsize=8)
def mel_matrix(shape: FrontEnd) -> Floats:
    """[fft / 2 + 1, bands]: triangles of height one, straight in mel, without the constant part."""
    bins = _mel(np.arange(shape.fft // 2 + 1) * shape.sample_rate / shape.fft)[:, None]
    edges = np.linspace(_mel(np.array(shape.low_hz)), _mel(np.array(shape.high_hz)), shape.bands + 2)
    rise = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    fall = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    matrix: Floats = np.maximum(0.0, np.minimum(rise, fall))
    matrix[0] = 0.0
    return matrix


def _mel(hertz: Floats) -> Floats:
    mel: Floats = MEL_SCALE * np.log1p(hertz / MEL_BREAK_HZ)
    return mel
