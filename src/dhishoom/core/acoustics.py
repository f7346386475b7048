"""How sound travels through air: how fast, and what is lost on the way."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from dhishoom.nouns import Weather

KELVIN = 273.15
GAS_CONSTANT = 8.314462618
MOLAR_MASS_DRY = 0.028965
MOLAR_MASS_WATER = 0.018015
PRESSURE_REFERENCE_KPA = 101.325
TEMPERATURE_REFERENCE_K = 293.15
TRIPLE_POINT_K = 273.16


def water_fraction(weather: Weather) -> float:
    """Molar fraction of water vapour.

    Source: ISO 9613-1:1993, equations B.1 to B.3.
    """
    kelvin = weather.temperature_c + KELVIN
    exponent = -6.8346 * (TRIPLE_POINT_K / kelvin) ** 1.261 + 4.6151
    saturation_kpa = PRESSURE_REFERENCE_KPA * math.pow(10.0, exponent)
    return weather.humidity_percent / 100 * saturation_kpa / weather.pressure_kpa


def speed_of_sound_m_s(weather: Weather) -> float:
    """Speed of sound in still humid air, an ideal gas of dry air and water vapour: within 0.1 % from -20 to 40 °C.

    Source: Cramer, O. (1993), JASA 93, 2510-2516, for the size of what the ideal gas leaves out.
    """
    water = water_fraction(weather)
    heat = (7 + water) / (5 + water)
    mass = MOLAR_MASS_DRY - (MOLAR_MASS_DRY - MOLAR_MASS_WATER) * water
    return math.sqrt(heat * GAS_CONSTANT * (weather.temperature_c + KELVIN) / mass)


def absorption_db_per_m(frequency_hz: NDArray[np.float64], weather: Weather) -> NDArray[np.float64]:
    """Pure-tone attenuation by the air itself, decibels per metre, for each frequency.

    Source: ISO 9613-1:1993, equations 3 to 5.
    """
    kelvin = weather.temperature_c + KELVIN
    pressure, warmth = weather.pressure_kpa / PRESSURE_REFERENCE_KPA, kelvin / TEMPERATURE_REFERENCE_K
    humid = 100 * water_fraction(weather)
    oxygen_hz = pressure * (24 + 4.04e4 * humid * (0.02 + humid) / (0.391 + humid))
    nitrogen_hz = pressure * warmth**-0.5 * (9 + 280 * humid * math.exp(-4.170 * (warmth ** (-1 / 3) - 1)))
    square = np.square(np.asarray(frequency_hz, np.float64))
    classical = 1.84e-11 / pressure * math.sqrt(warmth)
    oxygen = 0.01275 * math.exp(-2239.1 / kelvin) / (oxygen_hz + square / oxygen_hz)
    nitrogen = 0.1068 * math.exp(-3352.0 / kelvin) / (nitrogen_hz + square / nitrogen_hz)
    loss: NDArray[np.float64] = 8.686 * square * (classical + warmth**-2.5 * (oxygen + nitrogen))
    return loss
