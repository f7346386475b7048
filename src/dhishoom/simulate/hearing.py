"""What one ear gets of one happening."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import lru_cache, partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dhishoom.core.acoustics import speed_of_sound_m_s
from dhishoom.nouns import Weather
from dhishoom.simulate.blast import WEAPONS, friedlander_spectrum, gain_toward, peak_pa
from dhishoom.simulate.chance import draw
from dhishoom.simulate.city import Ear, way
from dhishoom.simulate.confusables import MAKERS
from dhishoom.simulate.propagation import LEAD, Path, Spectral, arriving, as_wave
from dhishoom.simulate.scenario import Happening
from dhishoom.simulate.shockwave import crack_at, n_wave_spectrum

Floats = NDArray[np.float64]
Samples = NDArray[np.float32]
FLIGHT_M = 150.0


class Piece(NamedTuple):
    """Pressure at an ear, pascal, from the ear's sample `first` since the beginning on."""

    first: int
    sound: Samples


def piece_of(happening: Happening, ear: Ear, weather: Weather, seed: int, sample_rate: int) -> Piece:
    """Everything of a happening that this ear hears."""
    path = way(happening.place_m, ear, weather, seed, happening.name)
    if happening.kind == "gunshot":
        parts = _gunfire(happening, ear, path, weather, sample_rate)
    else:
        made = _made(happening.kind, happening.name, seed, sample_rate)
        wave_s = len(made) / sample_rate
        parts = [_part(as_wave(made, sample_rate), path, happening.times_s[0], weather, sample_rate, wave_s)]
    first = min(part.first for part in parts)
    last = max(part.first + len(part.sound) for part in parts)
    together = np.zeros(last - first, np.float32)
    for part in parts:
        together[part.first - first : part.first - first + len(part.sound)] += part.sound
    return Piece(first, together)


@lru_cache(maxsize=16)
def _made(kind: str, name: str, seed: int, sample_rate: int) -> Floats:
    """The same sound for every ear."""
    return MAKERS[kind](draw(seed, "sound", name), sample_rate)


def _gunfire(happening: Happening, ear: Ear, path: Path, weather: Weather, sample_rate: int) -> list[Piece]:
    """A blast for every round, and the crack of every bullet that is faster than sound."""
    muzzle = WEAPONS[happening.weapon]
    toward = np.array(ear.place_m) - np.array(happening.place_m)
    pointing = np.array([math.sin(happening.azimuth_rad), math.cos(happening.azimuth_rad), 0.0])
    front = gain_toward(muzzle, float(toward @ pointing) / max(float(np.linalg.norm(toward)), 1e-9))
    peak = peak_pa(muzzle.level_db) * front
    blast = partial(friedlander_spectrum, peak=peak, positive_s=muzzle.positive_s)
    parts = [_part(blast, path, at_s, weather, sample_rate) for at_s in happening.times_s]
    crack = crack_at(
        np.array(ear.place_m),
        np.array(happening.place_m),
        happening.azimuth_rad,
        muzzle,
        speed_m_s=speed_of_sound_m_s(weather),
        flight_m=FLIGHT_M,
    )
    if crack is not None:
        # An N-wave spreads as a cylinder; its peak at this ear is known, so spreading from a metre is given back.
        bow = partial(n_wave_spectrum, peak=crack.peak * max(crack.path_m, 1.0), duration_s=crack.duration_s)
        its_path = replace(path, delay_s=crack.delay_s + ear.clock_s, distance_m=crack.path_m)
        parts += [_part(bow, its_path, at_s, weather, sample_rate) for at_s in happening.times_s]
    return parts


def _part(wave: Spectral, path: Path, at_s: float, weather: Weather, sample_rate: int, wave_s: float = 0.0) -> Piece:
    arrival = replace(path, delay_s=path.delay_s + at_s)
    sound = arriving(wave, arrival, weather, sample_rate, wave_s=wave_s)
    return Piece(math.floor(arrival.delay_s * sample_rate) - LEAD, sound)
