"""The crack of a supersonic bullet: who hears it, when, and what it sounds like."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dhishoom.simulate.blast import Muzzle

PRESSURE_PA = 101_325.0
MISS_MIN_M = 0.5

Floats = NDArray[np.float64]
Spectrum = NDArray[np.complex128]


@dataclass(frozen=True, slots=True, kw_only=True)
class Crack:
    """An N-wave as one listener gets it.

    Attributes:
        delay_s: After the shot.
        path_m: From where it left the bullet's way to the listener.
        peak: Pascal.
        duration_s: From the first jump to the second.
    """

    delay_s: float
    path_m: float
    peak: float
    duration_s: float


def crack_at(
    listener_m: Floats, muzzle_m: Floats, azimuth_rad: float, muzzle: Muzzle, *, speed_m_s: float, flight_m: float
) -> Crack | None:
    """The crack that a listener hears of a bullet flying level, or None: it is behind, or the bullet is too slow.

    The wave leaves the bullet at the angle whose cosine is speed of sound over speed of bullet, as the bullet passes
    that point of its way; slowing down is left out over the first hundreds of metres.

    Args:
        listener_m, muzzle_m: [3], east, north, up.
        azimuth_rad: Of the flight, clockwise from north.
        flight_m: How far the bullet flies.
    Source: Whitham, G. B. (1952), The flow pattern of a supersonic projectile, Comm. Pure Appl. Math. 5, 301-348, for
        peak and duration; Maher (2006) for the geometry.
    """
    mach = muzzle.bullet_m_s / speed_m_s
    if mach <= 1.01:
        return None
    forward = np.array([math.sin(azimuth_rad), math.cos(azimuth_rad), 0.0])
    toward = listener_m - muzzle_m
    along = float(toward @ forward)
    miss = max(MISS_MIN_M, float(np.linalg.norm(toward - along * forward)))
    steep = math.sqrt(mach**2 - 1)
    left_at = along - miss / steep
    if not 0 <= left_at <= flight_m:
        return None
    path = miss * mach / steep
    shape = math.pow(miss, 0.75) * math.pow(muzzle.length_m, 0.25)
    return Crack(
        delay_s=left_at / muzzle.bullet_m_s + path / speed_m_s,
        path_m=path,
        peak=0.53 * PRESSURE_PA * math.pow(mach**2 - 1, 0.125) * muzzle.calibre_m / shape,
        duration_s=n_wave_s(mach, miss, muzzle, speed_m_s),
    )


def n_wave_s(mach: float, miss_m: float, muzzle: Muzzle, speed_m_s: float) -> float:
    """How long an N-wave lasts at a distance from the bullet's way. Source: Whitham (1952)."""
    slim = muzzle.calibre_m / math.pow(muzzle.length_m, 0.25)
    return 1.82 * mach * math.pow(miss_m, 0.25) * slim / (speed_m_s * math.pow(mach**2 - 1, 0.375))


def n_wave_spectrum(frequencies_hz: Floats, peak: float, duration_s: float) -> Spectrum:
    """Fourier transform of a jump up to `peak`, an even fall to minus `peak`, and a jump back; pascal seconds."""
    turn = 2j * np.pi * np.maximum(frequencies_hz, 1e-3)
    passed = np.exp(-turn * duration_s)
    spectrum: Spectrum = peak * ((1 + passed) / turn - 2 / duration_s * (1 - passed) / turn**2)
    return spectrum
