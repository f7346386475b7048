"""Sounds that are no gunfire but are taken for it: each a metre from its source, in pascal, drawn anew by its seed."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from dhishoom.simulate.blast import friedlander, peak_pa
from dhishoom.simulate.machines import car_alarm, jackhammer, nail_gun, reversing_beeps
from dhishoom.simulate.struck import Floats, instants, rung

Make = Callable[[np.random.Generator, int], Floats]


def firework(chance: np.random.Generator, sample_rate: int) -> Floats:
    """A battery of small shells, one after another: each whistles up, bursts, and its stars crackle into the next.

    A burst is a blast of some grams of powder in the open, longer than a muzzle's; a star is a small one. Sources:
    Friedlander (1946) for each; Kukulski, Wszołek and Mleczko (2018), The impact of fireworks noise on the acoustic
    climate in urban areas, Arch. Acoust. 43, 697-705, for levels.
    """
    seconds = instants(6.5, sample_rate)
    sound = np.zeros(len(seconds))
    at = float(chance.uniform(0.5, 0.8))
    while at < 4.6:
        sound += _whistle(chance, seconds, at)
        _add_blast(sound, seconds, at, 146.0 + float(chance.normal(0, 2)), float(chance.uniform(0.0015, 0.0035)))
        for _ in range(int(chance.integers(50, 120))):
            star_at = at + 0.15 + float(chance.gamma(3.0, 0.2))
            level_db = 128.0 + float(chance.normal(0.0, 4.0))
            _add_blast(sound, seconds, star_at, level_db, float(chance.uniform(0.0001, 0.0003)))
        at += float(chance.uniform(0.35, 0.9))
    return sound


def _whistle(chance: np.random.Generator, seconds: Floats, until_s: float) -> Floats:
    """Half a second of a tone that falls as the charge burns away from its tube's mouth.

    Source: Conkling and Mocella, Chemistry of Pyrotechnics, on whistles: a tube that lengthens as it burns.
    """
    lasting = float(chance.uniform(0.35, 0.6))
    share = np.clip((seconds - until_s + lasting) / lasting, 0.0, 1.0)
    turns = np.cumsum(float(chance.uniform(2200, 3200)) * (1 - 0.35 * share)) * seconds[1]
    wave = np.sin(2 * math.pi * turns) + 0.3 * np.sin(4 * math.pi * turns)
    return np.asarray(wave * np.sin(math.pi * share) * peak_pa(124.0))


def firecrackers(chance: np.random.Generator, sample_rate: int) -> Floats:
    """A string of crackers: many small blasts, closer together than any hand fires."""
    seconds = instants(2.4, sample_rate)
    sound, at = np.zeros(len(seconds)), 0.0
    while at < 2.2:
        _add_blast(sound, seconds, at, 140.0 + float(chance.normal(0, 3)), float(chance.uniform(0.0002, 0.0004)))
        at += float(chance.gamma(2.0, 0.035))
    return sound


def backfire(chance: np.random.Generator, sample_rate: int) -> Floats:
    """An engine that coughs: one to three pops through the exhaust pipe, which rings, over the engine's own beat.

    Source: a pipe closed at one end rings at odd multiples of c / 4L (Kinsler and Frey, Fundamentals of Acoustics).
    """
    seconds = instants(3.0, sample_rate)
    length_m = float(chance.uniform(1.6, 2.6))
    sound = _engine(chance, seconds, peak_pa(100.0))
    for at in np.cumsum(chance.uniform(0.25, 0.8, int(chance.integers(1, 4)))):
        _add_blast(sound, seconds, float(at), 124.0, 0.003)
        ringing = [(340 * (2 * mode + 1) / (4 * length_m), 0.09 / (mode + 1), 1.0 / (mode + 1)) for mode in range(6)]
        sound += rung(chance, seconds - float(at), ringing, peak_pa(128.0))
    return sound


def door_slam(chance: np.random.Generator, sample_rate: int) -> Floats:
    """A car's or a house's door: a panel that thuds and a lock that clicks."""
    seconds = instants(0.9, sample_rate)
    thud = [(float(chance.uniform(55, 420)), float(chance.uniform(0.02, 0.07)), 1.0) for _ in range(14)]
    click = [(float(chance.uniform(1500, 4500)), float(chance.uniform(0.003, 0.012)), 0.25) for _ in range(8)]
    at = float(chance.uniform(0.02, 0.05))
    return rung(chance, seconds, click, peak_pa(100.0)) + rung(chance, seconds - at, thud, peak_pa(114.0))


def hammer(chance: np.random.Generator, sample_rate: int) -> Floats:
    """Four to six blows on wood or metal, about two a second: damped modes, the same for every blow."""
    seconds = instants(3.6, sample_rate)
    bright = float(chance.uniform(0.6, 1.5))
    modes = [
        (bright * float(chance.uniform(500, 4200)), float(chance.uniform(0.006, 0.035)), float(chance.uniform(0.3, 1)))
        for _ in range(16)
    ]
    sound, at = np.zeros(len(seconds)), 0.0
    for _ in range(int(chance.integers(4, 7))):
        sound += rung(chance, seconds - at, modes, peak_pa(120.0 + float(chance.normal(0, 2))), steady=True)
        at += float(chance.normal(0.52, 0.03))
    return sound


def thunder(chance: np.random.Generator, sample_rate: int) -> Floats:
    """A clap and its rumble: every piece of a crooked channel sends one N-wave, and the far pieces are heard later.

    Sources: Few (1969), J. Geophys. Res. 74, 6926; Ribner and Roy (1982), JASA 72, 1911. Fronts are some milliseconds
    long, as turbulence leaves them after kilometres: Pierce (1971), JASA 49, 906.
    """
    pieces = 2000
    turns = chance.normal(0.0, 1.0, (pieces, 3)).cumsum(axis=0) * 17.0
    channel = turns + np.linspace(0.0, 1.0, pieces)[:, None] * np.array([900.0, 600.0, 3800.0])
    distance = np.linalg.norm(channel + np.array([1300.0, 0.0, 0.0]), axis=1)
    near = float(distance.min())
    seconds = instants(5.0, sample_rate)
    sizes = chance.lognormal(0.0, 0.8, pieces) * near / distance
    train, _ = np.histogram((distance - near) / 340.0, bins=len(seconds), range=(0.0, 5.0), weights=sizes)
    wave_s, front_s = 0.012, 0.002
    within = np.arange(round(wave_s * sample_rate)) / sample_rate
    front = np.hanning(round(front_s * sample_rate) + 2)
    wave = np.convolve(1 - 2 * within / wave_s, front)
    rumble = np.convolve(train, wave)[: len(seconds)]
    ends = np.minimum(1.0, (5.0 - seconds) / 1.5)
    return np.asarray(rumble * ends * (peak_pa(166.0) / max(float(np.abs(rumble).max()), 1e-9)))


MAKERS: dict[str, Make] = {
    "firework": firework,
    "firecrackers": firecrackers,
    "backfire": backfire,
    "door": door_slam,
    "hammer": hammer,
    "thunder": thunder,
    "jackhammer": jackhammer,
    "nail gun": nail_gun,
    "car alarm": car_alarm,
    "reversing beeps": reversing_beeps,
}


def _add_blast(sound: Floats, seconds: Floats, at_s: float, level_db: float, positive_s: float) -> None:
    """A blast averaged over each sample, so that its energy does not hang on where its front falls."""
    width = float(seconds[1])
    first = max(0, int(at_s / width) - 1)
    last = min(len(seconds), first + 8 + int(12 * positive_s / width))
    fine = seconds[first:last, None] + np.arange(8) * (width / 8)
    sound[first:last] += friedlander(fine - at_s, peak_pa(level_db), positive_s).mean(axis=1)


def _engine(chance: np.random.Generator, seconds: Floats, peak: float) -> Floats:
    """Twenty-odd beats a second with their harmonics, coming and going."""
    beat_hz = float(chance.uniform(22, 34))
    sound = sum(
        np.sin(2 * math.pi * beat_hz * order * seconds + float(chance.uniform(0, 6.28))) / order
        for order in range(1, 24)
    )
    swell = np.sin(math.pi * seconds / seconds[-1]) ** 2
    return np.asarray(sound * swell * peak / 3)
