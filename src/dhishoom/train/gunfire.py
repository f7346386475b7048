"""Gunfire that no recording holds: a blast from its formula."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dhishoom.train.library import Samples


def blast(rng: np.random.Generator, length: int, sample_rate: int, at_s: float) -> Samples:
    """A muzzle blast near the gun [length], beginning at `at_s`: Friedlander's pulse, at times after a ballistic crack.

    p(t) = (1 - t/T) exp(-t/T) with T of 0.3 to 1.6 ms (Maher, "Acoustical Characterization of Gunshots", 2007),
    a ground reflection, and the burnt gas as noise that decays within 0.3 s. A supersonic bullet's crack comes 5 to
    120 ms earlier as an N of 0.2 to 0.5 ms (Whitham 1952).
    """
    time = np.arange(length) / sample_rate - at_s
    sound = _friedlander(time, float(np.exp(rng.uniform(np.log(3e-4), np.log(1.6e-3)))))
    sound += rng.uniform(0.0, 0.7) * _friedlander(time - rng.uniform(0.001, 0.012), rng.uniform(5e-4, 4e-3))
    decay_s = float(np.exp(rng.uniform(np.log(0.02), np.log(0.3))))
    gas = rng.standard_normal(length) * np.exp(-np.maximum(time, 0.0) / decay_s) * (time >= 0)
    sound += gas * 10 ** rng.uniform(-1.6, -0.4)
    if rng.random() < 0.3:
        sound += rng.uniform(0.2, 1.0) * _n_wave(time + rng.uniform(0.005, 0.12), rng.uniform(2e-4, 5e-4))
    floor = rng.standard_normal(length) * 10 ** rng.uniform(-4.0, -1.7)
    return np.asarray(0.5 * (sound + floor), np.float32)


def _friedlander(time: NDArray[np.float64], positive_s: float) -> NDArray[np.float64]:
    """The pulse, averaged over a sample so that its front is not lost between two."""
    ratio = np.clip(time / positive_s, -1.0, 50.0)
    return np.where(time >= 0, (1 - ratio) * np.exp(-ratio), 0.0)


def _n_wave(time: NDArray[np.float64], length_s: float) -> NDArray[np.float64]:
    return np.where((time >= 0) & (time < length_s), 1 - 2 * time / length_s, 0.0)
