"""Sounds of machines that are taken for gunfire or drown it: each a metre from its source, in pascal."""

from __future__ import annotations

import math

import numpy as np

from dhishoom.simulate.blast import peak_pa
from dhishoom.simulate.struck import Floats, Modes, instants, rung


def jackhammer(chance: np.random.Generator, sample_rate: int) -> Floats:
    """A pneumatic breaker: fifteen to thirty blows a second, each with its puff of spent air, over a compressor.

    Every blow is nearly the last one again, which no gun's rounds are; now and then the worker lifts the tool. Blows a
    second as makers state them for hand-held breakers.
    """
    seconds = instants(4.0, sample_rate)
    interval_s = 1 / float(chance.uniform(15.0, 30.0))
    steel = _modes(chance, 10, (900.0, 5200.0), (0.002, 0.012))
    ground = _modes(chance, 8, (60.0, 420.0), (0.01, 0.04))
    blow = instants(0.12, sample_rate)
    struck = rung(chance, blow, steel, peak_pa(113.0)) + rung(chance, blow, ground, peak_pa(112.0))
    sound = chance.standard_normal(len(seconds)) * peak_pa(84.0)
    at, lifted_s = float(chance.uniform(0.0, 0.3)), float(chance.uniform(1.0, 6.0))
    while at < seconds[-1] - 0.2:
        if at % (lifted_s + 0.6) < lifted_s:
            first = round(at * sample_rate)
            puff = chance.standard_normal(len(blow)) * np.exp(-blow / 0.012) * peak_pa(104.0)
            sound[first : first + len(blow)] += struck * 10 ** (float(chance.normal(0.0, 1.5)) / 20) + puff
        at += interval_s * float(chance.normal(1.0, 0.02))
    return sound


def nail_gun(chance: np.random.Generator, sample_rate: int) -> Floats:
    """One to four nails: the piston's blow, the nail in the wood some milliseconds later, the valve's puff of air."""
    seconds = instants(3.0, sample_rate)
    wood = _modes(chance, 10, (150.0, 1800.0), (0.006, 0.03))
    piston = _modes(chance, 8, (1200.0, 5000.0), (0.001, 0.006))
    sound = np.zeros(len(seconds))
    for at in 0.05 + np.cumsum(chance.uniform(0.25, 0.9, int(chance.integers(1, 5)))) - 0.25:
        after = seconds - at
        sound += rung(chance, after, piston, peak_pa(117.0))
        sound += rung(chance, after - float(chance.uniform(0.003, 0.009)), wood, peak_pa(118.0))
        puff = np.exp(-np.maximum(after, 0.0) / float(chance.uniform(0.02, 0.06))) * (after > 0)
        sound += chance.standard_normal(len(seconds)) * puff * peak_pa(107.0)
    return sound


def car_alarm(chance: np.random.Generator, sample_rate: int) -> Floats:
    """A siren that sweeps, warbles or honks, one manner after another, through a horn that clips."""
    seconds = instants(4.0, sample_rate)
    low_hz, high_hz = float(chance.uniform(600, 1100)), float(chance.uniform(1500, 3200))
    manner_s = float(chance.uniform(1.0, 2.0))
    rates = chance.uniform(1.0, 12.0, 4)
    turn = np.minimum((seconds / manner_s).astype(int), 3)
    share = (seconds * rates[turn]) % 1.0
    share = np.where(turn % 2 == 0, share, np.round(share))
    phase = 2 * math.pi * np.cumsum(low_hz + (high_hz - low_hz) * share) / sample_rate
    honk = np.where(chance.random() < 0.3, (seconds * 1.6) % 1.0 < 0.5, True)
    return np.asarray(np.tanh(3.0 * np.sin(phase)) * honk * peak_pa(112.0))


def reversing_beeps(chance: np.random.Generator, sample_rate: int) -> Floats:
    """A lorry's back-up alarm: a tone near 1.2 kHz with its overtones, about one a second.

    Source: SAE J994, types A to E: 700 to 2800 Hz, half on and half off, 77 to 112 dB at 1.2 m.
    """
    seconds = instants(4.0, sample_rate)
    tone_hz, beeps = float(chance.uniform(1000, 1500)), float(chance.uniform(0.8, 2.0))
    tone = sum(np.sin(2 * math.pi * tone_hz * order * seconds) / order**2 for order in (1, 2, 3))
    on = (seconds * beeps + float(chance.random())) % 1.0 < 0.5
    return np.asarray(tone * on * peak_pa(float(chance.uniform(97.0, 112.0))))


def _modes(
    chance: np.random.Generator, count: int, range_hz: tuple[float, float], decay_s: tuple[float, float]
) -> Modes:
    return [
        (float(chance.uniform(*range_hz)), float(chance.uniform(*decay_s)), float(chance.uniform(0.3, 1.0)))
        for _ in range(count)
    ]
