"""Muzzle blasts: the pressure wave of a gun, a metre from the muzzle, in pascal."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Spectrum = NDArray[np.complex128]

REFERENCE_PA = 20e-6


def peak_pa(level_db: float) -> float:
    """Pressure of a peak level in decibels over 20 µPa."""
    return REFERENCE_PA * math.pow(10.0, level_db / 20)


@dataclass(frozen=True, slots=True, kw_only=True)
class Muzzle:
    """What comes out of a gun.

    Attributes:
        level_db: Peak level a metre in front of the muzzle, over 20 µPa.
        positive_s: How long the pressure is above that of the air, some metres away.
        back_db: How much less goes to the rear.
        bullet_m_s, calibre_m, length_m: Of the bullet; below the speed of sound it makes no shock wave.
    """

    level_db: float
    positive_s: float
    back_db: float
    bullet_m_s: float
    calibre_m: float
    length_m: float


WEAPONS = {
    "pistol": Muzzle(
        level_db=166.0, positive_s=0.0007, back_db=9.0, bullet_m_s=320.0, calibre_m=0.0090, length_m=0.0150
    ),
    "revolver": Muzzle(
        level_db=168.0, positive_s=0.0007, back_db=8.0, bullet_m_s=260.0, calibre_m=0.0091, length_m=0.0170
    ),
    "shotgun": Muzzle(
        level_db=165.0, positive_s=0.0009, back_db=12.0, bullet_m_s=330.0, calibre_m=0.0185, length_m=0.0200
    ),
    "rifle": Muzzle(
        level_db=171.0, positive_s=0.0008, back_db=15.0, bullet_m_s=900.0, calibre_m=0.0057, length_m=0.0190
    ),
}
"""Peak levels: what is measured at the shooter's ear, behind the muzzle (pistols 152 to 165 dB, shotguns 150 to 161,
rifles 155 to 163, by surveys of NIOSH), with `back_db` given back. Directivity and durations: Maher, R. C. (2006),
Modeling and signal processing of acoustic gunshot recordings, IEEE DSP Workshop."""


def friedlander(seconds: Floats, peak: float, positive_s: float) -> Floats:
    """Pressure after the front of a blast: it jumps to `peak`, falls through zero at `positive_s`, and recovers.

    Source: Friedlander, F. G. (1946), The diffraction of sound pulses, Proc. R. Soc. A 186, 322-344.
    """
    late = np.maximum(seconds, 0.0) / positive_s
    wave: Floats = np.where(seconds >= 0, peak * (1 - late) * np.exp(-late), 0.0)
    return wave


def friedlander_spectrum(frequencies_hz: Floats, peak: float, positive_s: float) -> Spectrum:
    """Its Fourier transform, pascal seconds: exact, so that a band-limited wave can be drawn at any rate."""
    pole: Spectrum = 1 / positive_s + 2j * np.pi * np.asarray(frequencies_hz, np.complex128)
    spectrum: Spectrum = peak * (1 / pole - 1 / (positive_s * pole**2))
    return spectrum


def gain_toward(muzzle: Muzzle, cosine: float) -> float:
    """Pressure in a direction, over that in front: it falls evenly in decibels with the cosine of the angle.

    Source: the shape of ISO 17201-1:2005's directivity, cut after the first cosine term.
    """
    return math.pow(10.0, -muzzle.back_db * (1 - cosine) / 40)
