"""What the ground and a roof's edge do to sound that passes them."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import wofz

Floats = NDArray[np.float64]
Spectrum = NDArray[np.complex128]

ASPHALT = 2e7
GRASS = 2e5
"""Flow resistivity, Pa s/m². Source: Embleton, Piercy and Daigle (1983), JASA 74, 1239-1244."""
COHERENT_HZ = 1500.0
"""Turbulence lets the two ways drift apart above it. Source: Daigle (1979), JASA 65, 45-49, for its size at 200 m."""
SCATTERED_HZ = 300.0
"""Where roofs stand between, each way is several."""


class Ground(NamedTuple):
    """A level ground between a source and a sensor.

    Attributes:
        distance_m: Along the ground.
        source_m, sensor_m: Heights.
        resistivity: Of the ground to flow, Pa s/m².
        coherent_hz: Above it, the ground's wave no longer keeps step with the direct one.
    """

    distance_m: float
    source_m: float
    sensor_m: float
    resistivity: float = ASPHALT
    coherent_hz: float = COHERENT_HZ


def impedance(frequencies_hz: Floats, resistivity: float) -> Spectrum:
    """Of the ground, over that of air, for time running as exp(-iωt).

    Source: Delany and Bazley (1970), Applied Acoustics 3, 105-116.
    """
    ratio = 1000 * np.maximum(frequencies_hz, 1.0) / resistivity
    found: Spectrum = 1 + 9.08 * ratio**-0.75 + 11.9j * ratio**-0.73
    return found


def with_ground(frequencies_hz: Floats, ground: Ground, speed_m_s: float) -> Spectrum:
    """Pressure with the ground over that of the direct wave alone: 1 + Q r1/r2 exp(iω(r2 - r1)/c), as numpy turns.

    Sources: the spherical reflection coefficient of Chien and Soroka (1975), J. Sound Vib. 43, 9-20, and Attenborough,
    Hayek and Lawther (1980), JASA 68, 1493-1501.
    """
    direct = math.hypot(ground.distance_m, ground.source_m - ground.sensor_m)
    mirrored = max(math.hypot(ground.distance_m, ground.source_m + ground.sensor_m), 1e-6)
    sine = (ground.source_m + ground.sensor_m) / mirrored
    hard = impedance(frequencies_hz, ground.resistivity)
    wave_number = 2 * np.pi * np.maximum(frequencies_hz, 1.0) / speed_m_s
    plane = (hard * sine - 1) / (hard * sine + 1)
    numerical = np.sqrt(0.5j * wave_number * mirrored) * (sine + 1 / hard)
    boundary = 1 + 1j * math.sqrt(math.pi) * numerical * wofz(numerical)
    sphere = plane + (1 - plane) * boundary
    ahead = np.exp(1j * wave_number * (mirrored - direct))
    steady = np.exp(-((frequencies_hz / ground.coherent_hz) ** 2))
    together: Spectrum = np.conj(1 + sphere * (direct / mirrored) * ahead * steady)
    return together


def barrier_db(frequencies_hz: Floats, detour_m: float, speed_m_s: float) -> Floats:
    """Loss over an edge that makes the way `detour_m` longer, decibels; 5 where the edge is just in line.

    Source: Kurze and Anderson (1971), Applied Acoustics 4, 35-53, after Maekawa.
    """
    root = np.sqrt(4 * np.pi * np.maximum(frequencies_hz, 1.0) * max(detour_m, 1e-9) / speed_m_s)
    loss: Floats = 5 + 20 * np.log10(root / np.tanh(root))
    return loss
