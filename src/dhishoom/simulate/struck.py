"""A struck body as a sum of damped modes, and the instants it is heard at: what doors, hammers and drills share.

Source: van den Doel and Pai (1998), The sounds of physical shapes, Presence 7, 382-395.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Modes = list[tuple[float, float, float]]
"""(frequency Hz, decay s, weight) of each mode."""


def instants(length_s: float, sample_rate: int) -> Floats:
    """Seconds of every sample [n] from zero."""
    return np.arange(round(length_s * sample_rate)) / sample_rate


def rung(chance: np.random.Generator, seconds: Floats, modes: Modes, peak: float, *, steady: bool = False) -> Floats:
    """The body struck at zero [n], its largest sample at `peak`; nothing before. Steady: the same for every blow."""
    after = np.maximum(seconds, 0.0)
    sound = np.zeros(len(seconds))
    for number, (frequency_hz, decay_s, weight) in enumerate(modes):
        phase = number if steady else float(chance.uniform(0, 2 * math.pi))
        sound += weight * np.exp(-after / decay_s) * np.sin(2 * math.pi * frequency_hz * after + phase)
    sound[seconds < 0] = 0.0
    return sound * (peak / max(float(np.abs(sound).max()), 1e-9))
