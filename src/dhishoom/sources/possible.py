"""What can be: bounds beyond which a stated place, time or weather is a mistake of whoever wrote it."""

from __future__ import annotations

import math

from dhishoom.nouns import Weather

REACH_M = 100_000.0
"""Sensors of one site lie this close to its middle: beyond it nobody hears the same shot."""
START_NS_MAX = 2**62
"""The year 2116, and the range in which arrays of integers hold nanoseconds."""
CELSIUS = (-90.0, 60.0)


def is_time(time_ns: int) -> bool:
    """Since 1970, and not in another unit."""
    return 0 <= time_ns < START_NS_MAX


def is_weather(stated: Weather) -> bool:
    """Within what was ever measured on Earth (World Meteorological Organization: -89.2 to 56.7 C, gusts of 113 m/s)."""
    return (
        CELSIUS[0] <= stated.temperature_c <= CELSIUS[1]
        and 0 <= stated.humidity_percent <= 100
        and math.hypot(stated.wind_east_m_s, stated.wind_north_m_s) <= 114
    )
