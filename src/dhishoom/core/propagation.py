"""When sound arrives: straight lines through air of one temperature and one wind."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dhishoom.core.acoustics import speed_of_sound_m_s
from dhishoom.nouns import Weather

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Air:
    """What carries the sound.

    Attributes:
        speed_m_s: Of sound in still air.
        wind_east_m_s, wind_north_m_s: Where the air moves to.
    """

    speed_m_s: float
    wind_east_m_s: float = 0.0
    wind_north_m_s: float = 0.0

    @property
    def wind_m_s(self) -> float:
        """How fast the air moves."""
        return math.hypot(self.wind_east_m_s, self.wind_north_m_s)

    def along(self, unit: Floats) -> Floats:
        """How fast sound travels in directions [..., 2 or 3] of unit length: the wind is added along the ray.

        Exact to first order in wind over speed of sound.
        """
        along: Floats = self.speed_m_s + unit[..., 0] * self.wind_east_m_s + unit[..., 1] * self.wind_north_m_s
        return along


def air_of(weather: Weather) -> Air:
    """The air of this weather."""
    return Air(speed_of_sound_m_s(weather), weather.wind_east_m_s, weather.wind_north_m_s)


def rays(sources_m: Floats, height_m: float, sensors_m: Floats, air: Air) -> tuple[Floats, Floats]:
    """Travel times from each source to each sensor, and how they change as the source moves.

    Args:
        sources_m: [k, 2], east and north.
        height_m: Of the sources.
        sensors_m: [n, 3].
    Returns:
        Seconds [k, n]; seconds per metre of source movement [k, n, 2].
    """
    toward = sensors_m[None, :, :2] - sources_m[:, None, :]
    level = sensors_m[:, 2] - height_m
    distance = np.sqrt(np.einsum("kni,kni->kn", toward, toward) + level * level)
    unit = toward / np.maximum(distance, 1e-9)[..., None]
    if air.wind_m_s > 0:
        speed = air.along(unit)
        return distance / speed, -unit / speed[..., None]
    return distance / air.speed_m_s, -unit / air.speed_m_s
