"""Voices that say nothing: vowels and hisses without words, a metre from the mouth, in pascal."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from dhishoom.simulate.blast import peak_pa

Floats = NDArray[np.float64]

VOWELS_HZ = (
    (730, 1090, 2440),
    (270, 2290, 3010),
    (300, 870, 2240),
    (530, 1840, 2480),
    (570, 840, 2410),
    (440, 1020, 2240),
)
"""Formants of men's vowels. Source: Peterson and Barney (1952), JASA 24, 175-184."""


def babble(chance: np.random.Generator, sample_rate: int, seconds: float = 3.0) -> Floats:
    """One person's syllables at 70 dB: pulses of the voice through resonances, now and then a hiss.

    Source: the source and filter of Fant (1960), Acoustic Theory of Speech Production.
    """
    count = round(seconds * sample_rate)
    sound, at = np.zeros(count), 0
    pitch_hz, size = float(chance.uniform(95, 220)), float(chance.uniform(0.95, 1.2))
    while at < count:
        length = min(count - at, round(float(chance.uniform(0.12, 0.28)) * sample_rate))
        if chance.random() < 0.85:
            sound[at : at + length] += _syllable(chance, length, sample_rate, pitch_hz, size)
        at += max(1, round(length * float(chance.uniform(0.8, 1.3))))
    return sound * (peak_pa(76.0) / max(float(np.abs(sound).max()), 1e-9))


def _syllable(chance: np.random.Generator, length: int, sample_rate: int, pitch_hz: float, size: float) -> Floats:
    glide = pitch_hz * np.linspace(float(chance.uniform(0.85, 1.2)), float(chance.uniform(0.8, 1.1)), length)
    phase = np.cumsum(glide) / sample_rate
    pulses = np.diff(np.floor(phase), prepend=0.0) + 0.01 * chance.standard_normal(length)
    voiced = lfilter([1.0], [1.0, -0.95], pulses)
    for formant_hz in VOWELS_HZ[int(chance.integers(len(VOWELS_HZ)))]:
        voiced = _resonance(voiced, min(size * formant_hz, 0.45 * sample_rate), 60 + 0.04 * formant_hz, sample_rate)
    hiss = np.diff(chance.standard_normal(length), prepend=0.0) * np.exp(-np.arange(length) / (0.02 * sample_rate))
    loud = float(np.abs(voiced).max()) + 1e-9
    shape = np.sin(np.linspace(0.0, math.pi, length)) ** 0.5
    return np.asarray(shape * voiced / loud + float(chance.uniform(0.0, 0.12)) * hiss)


def _resonance(sound: Floats, centre_hz: float, width_hz: float, sample_rate: int) -> Floats:
    radius = math.exp(-math.pi * width_hz / sample_rate)
    turn = 2 * radius * math.cos(2 * math.pi * centre_hz / sample_rate)
    return np.asarray(lfilter([1 - turn + radius**2], [1.0, -turn, radius**2], sound))
