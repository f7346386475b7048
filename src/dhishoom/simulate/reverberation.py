"""What a street adds to a sound: echoes of house fronts, and a tail that fades."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from dhishoom.simulate.chance import draw

Floats = NDArray[np.float64]
Samples = NDArray[np.float32]

EARLY_DECAY_S = 0.08
EARLY_BUILD_S = 0.002
TAIL_BUILD_S = 0.006
DULL_HZ = 1200.0
BRIGHT_SHARE = 0.7
SILENT_DB = 40.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Street:
    """The surroundings of one path.

    Attributes:
        seed: Of its echoes and its tail.
        decay_s: Time in which the tail falls by 60 dB.
        tail_db: Energy of the tail over that of the direct sound, were nothing in its way; so the others.
        early_db: Energy of what the nearest walls scatter within hundredths of a second, over the direct sound.
        echoes: House fronts that answer one by one.
        echo_db: Level of a typical one over the direct sound's.
    """

    seed: int
    decay_s: float = 0.9
    tail_db: float = -6.0
    early_db: float = -4.0
    echoes: int = 6
    echo_db: float = -8.0


def reflections(direct: Samples, free: Samples, street: Street, sample_rate: int) -> Samples:
    """The direct sound followed by its echoes and tail, which come by other ways than the one a roof stands in.

    Args:
        direct: What comes straight, [n].
        free: What would, were nothing in the way, [n].
    The tail is noise that fades evenly in decibels, and sooner above 1.2 kHz. Sources: Polack (1992), Modifying
    chambers to play billiards, Acustica 76, 257-272, for the noise; Picaut, Le Pollès, L'Hermite and Gary (2005),
    Experimental study of sound propagation in a street, Applied Acoustics 66, 149-173, for fading and its times.
    """
    answer = impulse_response(street, sample_rate)
    size = fft.next_fast_len(len(free) + len(answer), real=True)
    spectrum = fft.rfft(free, size) * fft.rfft(answer, size)
    heard: Samples = fft.irfft(spectrum, size)[: len(free) + len(answer) - 1].astype(np.float32)
    heard[: len(direct)] += direct
    return heard


def impulse_response(street: Street, sample_rate: int) -> Samples:
    """Echoes and tail of a sharp sound, until they are 40 dB down; [n]. Nothing at once."""
    chance = draw(street.seed, "street")
    seconds = np.arange(max(64, round(street.decay_s * SILENT_DB / 60 * sample_rate)), dtype=np.float32)
    seconds /= np.float32(sample_rate)
    noise = chance.standard_normal((2, len(seconds)), np.float32)
    dull = _low_passed(noise[0], sample_rate) * _fading(seconds, street.decay_s)
    bright = (noise[1] - _low_passed(noise[1], sample_rate)) * _fading(seconds, street.decay_s * BRIGHT_SHARE)
    answer = _of_energy((dull + bright) * -np.expm1(-seconds / np.float32(TAIL_BUILD_S)), street.tail_db)
    near = seconds[: max(64, len(seconds) // 8)]
    scattered = chance.standard_normal(len(near), np.float32) * _fading(near, EARLY_DECAY_S)
    answer[: len(near)] += _of_energy(scattered * -np.expm1(-near / np.float32(EARLY_BUILD_S)), street.early_db)
    _add_echoes(answer, street, chance, sample_rate)
    return answer


def _fading(seconds: Samples, decay_s: float) -> Samples:
    """Sixty decibels in `decay_s`."""
    return np.asarray(np.exp(np.float32(-6.91 / decay_s) * seconds), np.float32)


def _of_energy(sound: Samples, level_db: float) -> Samples:
    return np.asarray(sound * (10 ** (level_db / 20) / np.sqrt(np.square(sound).sum())), np.float32)


def _add_echoes(answer: Samples, street: Street, chance: np.random.Generator, sample_rate: int) -> None:
    """At distances of house fronts; each a short scatter, for no front is a mirror."""
    for _ in range(street.echoes):
        delay_s = 0.008 + float(chance.exponential(0.11))
        level = 10 ** ((street.echo_db + float(chance.normal(0.0, 4.0)) - 18.0 * delay_s) / 20)
        at, width = round(delay_s * sample_rate), 1 + round(float(chance.exponential(0.0015)) * sample_rate)
        if at + width >= len(answer):
            continue
        scatter = chance.standard_normal(width, np.float32) * np.exp(-np.arange(width, dtype=np.float32) / width)
        scatter[0] = abs(scatter[0]) + np.float32(0.5)
        answer[at : at + width] += np.float32(level) * scatter / np.sqrt(np.square(scatter).sum())


def _low_passed(noise: Samples, sample_rate: int) -> Samples:
    """One pole at 1.2 kHz, forwards."""
    from scipy.signal import lfilter

    pole = np.float32(np.exp(-2 * np.pi * DULL_HZ / sample_rate))
    return np.asarray(lfilter([1 - pole], [1, -pole], noise), np.float32)
