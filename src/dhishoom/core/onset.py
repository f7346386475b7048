"""When a muzzle blast arrives: the first arrival to a fraction of a sample, with its uncertainty.

The level says roughly where a sound rises; there, in sound whitened by what the noise before it can foretell, the
record is split into noise and signal. How sharply the split is told is the pick's sigma.

Sources: Maeda, N. (1985), A method for reading and checking phase times in auto-processing system of seismic wave data,
Zisin 38, 365-379: the Akaike criterion of a record split into noise and signal is least at the onset.
Sleeman, R. and van Eck, T. (1999), Robust automatic P-phase picking, Phys. Earth Planet. Inter. 113, 265-275: noise and
signal as autoregressive processes. Akaike, H. (1978), A Bayesian analysis of the minimum AIC procedure, Ann. Inst.
Statist. Math. 30, 9-14: the weights.

The constants were chosen on synthetic blasts (Friedlander, ground reflection, later and louder echoes, reverberant
tail) in white, pink and brown noise at 8 to 45 dB; real recordings were only used to confirm them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, lfilter, lfilter_zi

SEARCH_BEFORE_S = 0.030
SEARCH_AFTER_S = 0.025
NOISE_BEFORE_S = 0.25
NOISE_GAP_S = 0.035
SETTLE_S = 0.020
PEAK_WITHIN_S = 0.020
RUMBLE_HZ = 200.0
SMOOTH_S = 0.001
RISE_SHARE = 0.1
NOISE_FACTOR = 4.0
NEAR_SIGMA_S = 0.010
WHITENING_ORDER = 4
WHITENING_LOAD = 1e-3
APART = np.abs(np.subtract.outer(np.arange(WHITENING_ORDER), np.arange(WHITENING_ORDER)))
SPLIT_BEFORE_S = 0.012
SPLIT_AFTER_S = 0.003
SIGMA_FLOOR_S = 0.0001
TINY = 1e-12
UNIFORM = 12**0.5
"""Length over standard deviation of an even spread."""

Samples = NDArray[np.float32]
Sound = NDArray[np.float64]


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
    first = max(0, round(near_sample - (NOISE_GAP_S + NOISE_BEFORE_S + SETTLE_S) * sample_rate))
    last = round(near_sample + (SEARCH_AFTER_S + PEAK_WITHIN_S) * sample_rate)
    found = _pick(samples[first : max(last, first + 8)].astype(np.float64), sample_rate, near_sample - first)
    return replace(found, sample=first + found.sample)


def _pick(samples: Sound, sample_rate: int, near: float) -> Pick:
    sound = _without_rumble(samples, sample_rate)
    low = min(max(0, round(near - SEARCH_BEFORE_S * sample_rate)), len(sound) - 1)
    high = min(len(sound), max(low + 8, round(near + SEARCH_AFTER_S * sample_rate)))
    before = _before(sound, round(near), sample_rate)
    noise = _noise_rms(before, sample_rate)
    level = _envelope(sound[low:high], sample_rate)
    stands_out = bool(level.max() >= NOISE_FACTOR * noise)
    if not stands_out:  # Then the model knows better than the level where to look.
        level = level * np.exp(-0.5 * ((np.arange(low, high) - near) / (NEAR_SIGMA_S * sample_rate)) ** 2)
    threshold = max(NOISE_FACTOR * noise, RISE_SHARE * float(level.max())) if stands_out else float(level.max())
    rise = low + int(np.argmax(level >= threshold))
    begin = max(0, rise - round(SPLIT_BEFORE_S * sample_rate))
    end = min(len(sound), rise + max(4, round(SPLIT_AFTER_S * sample_rate)))
    sample, spread = _split(_whitened(sound, begin, end, before))
    peak = float(np.abs(sound[rise : rise + round(PEAK_WITHIN_S * sample_rate)]).max(initial=0.0))
    snr_db = 20 * math.log10((peak + TINY) / noise)
    sigma_s = _sigma_s(spread / sample_rate, (end - begin) / sample_rate, sample_rate)
    return Pick(begin + sample, sigma_s, min(max(snr_db, -20.0), 120.0))


def _without_rumble(sound: Sound, sample_rate: int) -> Sound:
    """The sound above 200 Hz, where wind is weak and a blast is not; causal, so that no arrival comes early."""
    ahead, back, settled = _high_pass(sample_rate)
    if len(sound) == 0:
        return np.zeros(1)
    high: Sound = lfilter(ahead, back, sound, zi=settled * sound[0])[0]
    return high


@lru_cache(maxsize=64)
def _high_pass(sample_rate: int) -> tuple[Sound, Sound, Sound]:
    ahead, back = butter(2, RUMBLE_HZ, "highpass", fs=sample_rate)
    return ahead, back, lfilter_zi(ahead, back)


def _before(sound: Sound, near: int, sample_rate: int) -> Sound:
    """The quarter second before the shot."""
    end = max(0, near - round(NOISE_GAP_S * sample_rate))
    return sound[max(0, end - round(NOISE_BEFORE_S * sample_rate)) : end]


def _noise_rms(before: Sound, sample_rate: int) -> float:
    """Level before the shot: the median over frames of 5 ms, since another shot may just have been."""
    frame = max(1, round(0.005 * sample_rate))
    count = len(before) // frame
    if count == 0:
        return TINY
    frames = before[: count * frame].reshape(count, frame)
    powers = np.sort(np.einsum("ij,ij->i", frames, frames))
    return math.sqrt(powers[count // 2] / frame) + TINY


def _whitened(sound: Sound, begin: int, end: int, noise: Sound) -> Sound:
    """What a linear prediction fitted to the noise cannot foretell of a stretch of sound (Yule-Walker); causal."""
    if len(noise) < 8 * WHITENING_ORDER:
        return sound[begin:end]
    lags = np.array([noise[: len(noise) - lag] @ noise[lag:] for lag in range(WHITENING_ORDER + 1)])
    lags[0] = lags[0] * (1 + WHITENING_LOAD) + TINY
    foretold = np.linalg.solve(lags[APART], lags[1:])
    first = max(0, begin - WHITENING_ORDER)
    white: Sound = np.convolve(sound[first:end], np.concatenate(([1.0], -foretold)))
    return white[begin - first : end - first]


def _envelope(sound: Sound, sample_rate: int) -> Sound:
    """Root mean square over a millisecond that ends at each sample."""
    width = max(1, round(SMOOTH_S * sample_rate))
    total = np.concatenate((np.zeros(width), np.cumsum(sound**2)))
    return np.sqrt(np.maximum(total[width:] - total[:-width], 0.0) / width)


def _split(sound: Sound) -> tuple[float, float]:
    """Where noise ends and signal begins, and how surely: all splits, each weighed by its Akaike criterion."""
    count = len(sound)
    if count < 6:
        return 0.0, count / UNIFORM
    at, rest = _places(count)
    energy = np.cumsum(sound * sound)
    heard = energy[1 : count - 3]
    before, after = heard / at + TINY, (energy[-1] - heard) / rest + TINY
    criterion = at * np.log(before) + rest * np.log(after)
    weights = np.exp(0.5 * (criterion.min() - criterion))
    weights /= weights.sum()
    mean = float(weights @ at)
    return mean, math.sqrt(weights @ (at - mean) ** 2)


@lru_cache(maxsize=64)
def _places(count: int) -> tuple[Sound, Sound]:
    """Every split of so many samples that leaves two on either side: samples before it, samples after it."""
    at = np.arange(2.0, count - 2)
    return at, count - at


def _sigma_s(spread_s: float, searched_s: float, sample_rate: int) -> float:
    """The spread of the splits, a sample, and the blast's own rise; where all splits are alike, the model's guess."""
    unsure = min(1.0, spread_s * UNIFORM / searched_s) ** 2
    parts_s = (SIGMA_FLOOR_S, 1 / sample_rate, spread_s, unsure * NEAR_SIGMA_S)
    return math.hypot(*parts_s)
