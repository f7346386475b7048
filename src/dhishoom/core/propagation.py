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


def travel_s(sources_m: Floats, height_m: float, sensors_m: Floats, air: Air) -> Floats:
    """Travel times from each source to each sensor, in seconds, [k, n]; as `rays` has them."""
    return _travel_s(*_toward(sources_m, height_m, sensors_m), air)


def rays(sources_m: Floats, height_m: float, sensors_m: Floats, air: Air) -> tuple[Floats, Floats]:
    """Travel times from each source to each sensor, and how they change as the source moves.

    Args:
        sources_m: [k, 2], east and north.
        height_m: Of the sources.
        sensors_m: [n, 3].
    Returns:
        Seconds [k, n]; seconds per metre of source movement [k, 2, n].
    """
    east, north, distance = _toward(sources_m, height_m, sensors_m)
    travel = _travel_s(east, north, distance, air)
    away = -travel / np.maximum(distance * distance, 1e-18)
    return travel, np.stack([east * away, north * away], axis=1)


def _toward(sources_m: Floats, height_m: float, sensors_m: Floats) -> tuple[Floats, Floats, Floats]:
    """From each source to each sensor: east, north, and how far along the slant, [k, n] each."""
    east = sensors_m[:, 0] - sources_m[:, :1]
    north = sensors_m[:, 1] - sources_m[:, 1:2]
    level = sensors_m[:, 2] - height_m
    return east, north, np.sqrt(east * east + north * north + level * level)


def _travel_s(east: Floats, north: Floats, distance: Floats, air: Air) -> Floats:
    """`Air.along` without unit vectors: distance over speed is its square over what the wind adds on the way."""
    if air.wind_m_s == 0:
        still: Floats = distance / air.speed_m_s
        return still
    blown = air.speed_m_s * distance + air.wind_east_m_s * east + air.wind_north_m_s * north
    carried: Floats = distance * distance / np.maximum(blown, 1e-9)
    return carried
