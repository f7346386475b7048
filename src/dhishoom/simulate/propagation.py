"""The way of sound from a source to a sensor: later, weaker, duller, and with all that the street adds to it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from dhishoom.core.acoustics import absorption_db_per_m, speed_of_sound_m_s
from dhishoom.nouns import Weather
from dhishoom.simulate.ground import Ground, barrier_db, with_ground
from dhishoom.simulate.microphone import response
from dhishoom.simulate.reverberation import Street, reflections

Floats = NDArray[np.float64]
Samples = NDArray[np.float32]
Spectrum = NDArray[np.complex128]
Spectral = Callable[[Floats], Spectrum]
"""A wave as its Fourier transform at given frequencies, pascal seconds a metre from its source."""

LEAD = 16
"""Samples before the arrival: a band-limited front has a foot."""
PULSE_S = 0.12
GRID = 2048
SHADOW_DB_MAX = 18.0
"""No roof hides more than this: sound is scattered round it. Source: ISO 9613-2:1996, 7.4, allows 20."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """From one source to one sensor.

    Attributes:
        delay_s: From emission to the first arrival.
        distance_m: Straight.
        ground: Below it.
        detour_m: By how much roofs and walls in the way lengthen it; 0 for a free view.
        street: What reverberates, None in the open.
        gain_db: Beyond spreading: turbulence and directivity.
    """

    delay_s: float
    distance_m: float
    ground: Ground
    detour_m: float = 0.0
    street: Street | None = None
    gain_db: float = 0.0


def travel_s(source_m: Floats, sensor_m: Floats, weather: Weather) -> float:
    """Time from source to sensor through air that moves: the sphere of sound drifts with the wind.

    Args:
        source_m, sensor_m: [3], east, north, up.
    """
    toward = sensor_m - source_m
    wind = np.array([weather.wind_east_m_s, weather.wind_north_m_s, 0.0])
    speed = speed_of_sound_m_s(weather)
    along, apart = float(toward @ wind), float(toward @ toward)
    slow = speed**2 - float(wind @ wind)
    return (math.sqrt(along**2 + apart * slow) - along) / slow


def arriving(wave: Spectral, path: Path, weather: Weather, sample_rate: int, *, wave_s: float = 0.0) -> Samples:
    """Pressure at the sensor, pascal; sample `LEAD` is the whole sample at or before the arrival.

    Args:
        wave: A metre from the source.
        wave_s: How long the wave itself lasts.
    """
    size = fft.next_fast_len(round((wave_s + PULSE_S) * sample_rate), real=True)
    frequencies = fft.rfftfreq(size, 1 / sample_rate)
    fraction = path.delay_s * sample_rate % 1.0 + LEAD
    level = 10 ** (path.gain_db / 20) / max(path.distance_m, 1.0) * sample_rate
    sent = wave(frequencies) * np.exp(-2j * np.pi * frequencies * (fraction / sample_rate)) * level
    open_way, way = way_filters(path, weather, sample_rate)
    direct: Samples = fft.irfft(sent * fft.rfft(way, size), size).astype(np.float32)
    if path.street is None:
        return direct
    free = direct if path.detour_m <= 0 else fft.irfft(sent * fft.rfft(open_way, size), size).astype(np.float32)
    return reflections(direct, free, path.street, sample_rate)


def way_filters(path: Path, weather: Weather, sample_rate: int) -> tuple[Floats, Floats]:
    """Filters [GRID] of ground, air and microphone, without and with the roofs in the way; neither answers too soon."""
    speed, grid = speed_of_sound_m_s(weather), _grid(sample_rate)
    band, absorbed = _fixed(weather, sample_rate)
    free = minimum_phase(band * 10 ** (-absorbed * path.distance_m / 20)) * with_ground(grid, path.ground, speed)
    hidden = free
    if path.detour_m > 0:
        loss_db = np.minimum(barrier_db(grid, path.detour_m, speed), SHADOW_DB_MAX)
        hidden = free * minimum_phase(10 ** (-loss_db / 20))
    return fft.irfft(free, GRID), fft.irfft(hidden, GRID)


@lru_cache(maxsize=16)
def _fixed(weather: Weather, sample_rate: int) -> tuple[Floats, Floats]:
    """The microphone's band, and decibels a metre of the air."""
    frequencies = _grid(sample_rate)
    return response(frequencies, sample_rate), absorption_db_per_m(frequencies, weather)


def _grid(sample_rate: int) -> Floats:
    frequencies: Floats = fft.rfftfreq(GRID, 1 / sample_rate)
    return frequencies


def minimum_phase(magnitude: Floats) -> Spectrum:
    """The response of this magnitude [GRID / 2 + 1] that is causal and soonest.

    Source: Oppenheim and Schafer, Discrete-Time Signal Processing, section 13.5: folding the real cepstrum.
    """
    cepstrum = fft.irfft(np.log(np.maximum(magnitude, 1e-9)), GRID)
    cepstrum[1 : GRID // 2] *= 2
    cepstrum[GRID // 2 + 1 :] = 0
    found: Spectrum = np.exp(fft.rfft(cepstrum))
    return found


def as_wave(sound: NDArray[np.floating], sample_rate: int) -> Spectral:
    """Recorded or made sound as a wave: its Fourier transform on any grid that `arriving` asks for."""

    def wave(frequencies_hz: Floats) -> Spectrum:
        size = 2 * (len(frequencies_hz) - 1)
        spectrum: Spectrum = np.asarray(fft.rfft(sound, size), np.complex128)[: len(frequencies_hz)] / sample_rate
        return spectrum

    return wave


def heard_from(
    sound: NDArray[np.floating], sample_rate: int, distance_m: float, *, street: Street | None, weather: Weather
) -> Samples:
    """Sound as it is heard from a distance: spread, absorbed, over asphalt, with the street's echoes and tail.

    What training calls to move an event away. The level falls as it does in the air; the caller may restore it.

    Args:
        sound: [n], a metre from its source.
        street: None in the open.
    Returns:
        [m], as long as the sound and its tail.
    """
    path = Path(
        delay_s=0.0,
        distance_m=distance_m,
        ground=Ground(distance_m=distance_m, source_m=1.5, sensor_m=6.0),
        street=street,
    )
    return arriving(as_wave(sound, sample_rate), path, weather, sample_rate, wave_s=len(sound) / sample_rate)[LEAD:]
