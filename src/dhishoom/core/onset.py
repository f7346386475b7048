"""When a muzzle blast arrives: the first arrival to a fraction of a sample, with its uncertainty.

Source: Maeda, N. (1985), A method for reading and checking phase times in auto-processing system of seismic wave data,
Zisin 38, 365-379: the Akaike criterion of a record split into noise and signal is least at the onset.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SEARCH_BEFORE_S = 0.030
SEARCH_AFTER_S = 0.025
NOISE_BEFORE_S = 0.25
NOISE_GAP_S = 0.035
RISE_SHARE = 0.3
NOISE_FACTOR = 4.0
SPLIT_BEFORE_S = 0.012
SPLIT_AFTER_S = 0.003
SMOOTH_S = 0.001
SIGMA_FLOOR_S = 0.0003
SIGMA_AT_0_DB_S = 0.004
TINY = 1e-12

Samples = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Pick:
    """One arrival.

    Attributes:
        sample: Where it begins, in samples from the start of what was searched, with a fraction.
        sigma_s: One standard deviation of that.
        snr_db: Peak over the root mean square of the noise before it.
    """

    sample: float
    sigma_s: float
    snr_db: float


def pick(samples: Samples, sample_rate: int, near_sample: float) -> Pick:
    """The first arrival about `near_sample`, within -30 ms and +25 ms of it.

    Args:
        samples: [n]; at least 50 ms before `near_sample` make the noise known.
        near_sample: Where a model heard a shot, to about a frame.
    """
    sound = _without_rumble(samples.astype(np.float64), sample_rate)
    low = max(0, round(near_sample - SEARCH_BEFORE_S * sample_rate))
    high = min(len(sound), max(low + 8, round(near_sample + SEARCH_AFTER_S * sample_rate)))
    noise = _noise_rms(sound, round(near_sample), sample_rate)
    level = _envelope(sound[low:high], sample_rate)
    threshold = max(NOISE_FACTOR * noise, RISE_SHARE * float(level.max()))
    rise = low + int(np.argmax(level >= min(threshold, float(level.max()))))
    begin = max(0, rise - round(SPLIT_BEFORE_S * sample_rate))
    end = min(len(sound), rise + max(4, round(SPLIT_AFTER_S * sample_rate)))
    sample = begin + _split(sound[begin:end])
    peak = float(np.abs(sound[rise : rise + round(0.02 * sample_rate)]).max(initial=0.0))
    snr_db = 20 * float(np.log10((peak + TINY) / (noise + TINY)))
    return Pick(sample, _sigma_s(snr_db), float(np.clip(snr_db, -20.0, 120.0)))


def _without_rumble(sound: NDArray[np.float64], sample_rate: int) -> NDArray[np.float64]:
    """The sound less its mean over 10 ms: wind and hum below about 50 Hz would shift the split."""
    width = max(3, round(0.010 * sample_rate) | 1)
    padded = np.pad(sound, width // 2, mode="edge")
    total = np.concatenate(([0.0], np.cumsum(padded)))
    return sound - (total[width:] - total[:-width]) / width


def _noise_rms(sound: NDArray[np.float64], near: int, sample_rate: int) -> float:
    """Level before the shot; of its quieter half, since another shot may just have been."""
    end = max(0, near - round(NOISE_GAP_S * sample_rate))
    before = sound[max(0, end - round(NOISE_BEFORE_S * sample_rate)) : end]
    frame = max(1, round(0.005 * sample_rate))
    count = len(before) // frame
    if count == 0:
        return TINY
    levels = before[: count * frame].reshape(count, frame).std(axis=1)
    return float(np.median(levels)) + TINY


def _envelope(sound: NDArray[np.float64], sample_rate: int) -> NDArray[np.float64]:
    """Root mean square over a millisecond that ends at each sample."""
    width = max(1, round(SMOOTH_S * sample_rate))
    total = np.concatenate((np.zeros(width), np.cumsum(sound**2)))
    return np.sqrt(np.maximum(total[width:] - total[:-width], 0.0) / width)


def _split(sound: NDArray[np.float64]) -> float:
    """Where noise ends and signal begins: the least Akaike criterion, refined by a parabola."""
    count = len(sound)
    if count < 6:
        return 0.0
    at = np.arange(2, count - 2)
    total, squares = np.cumsum(sound), np.cumsum(sound**2)
    before = squares[at - 1] / at - (total[at - 1] / at) ** 2
    left = count - at
    after = (squares[-1] - squares[at - 1]) / left - ((total[-1] - total[at - 1]) / left) ** 2
    criterion = at * np.log(np.maximum(before, TINY)) + left * np.log(np.maximum(after, TINY))
    best = int(np.argmin(criterion))
    if not 0 < best < len(criterion) - 1:
        return float(at[best])
    one, two, three = criterion[best - 1 : best + 2]
    bend = one - 2 * two + three
    return float(at[best]) + (float((one - three) / (2 * bend)) if bend > TINY else 0.0)


def _sigma_s(snr_db: float) -> float:
    return float(np.hypot(SIGMA_FLOOR_S, SIGMA_AT_0_DB_S * 10 ** (-max(snr_db, 0.0) / 20)))
