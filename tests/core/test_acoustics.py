"""How fast sound is and what the air takes of it, against published figures."""

from __future__ import annotations

import numpy as np
import pytest

from dhishoom.core.acoustics import absorption_db_per_m, speed_of_sound_m_s
from dhishoom.nouns import Weather

OCTAVES_HZ = 1000 * 10 ** (0.3 * np.arange(-3.0, 4.0))
"""Exact middles of the octave bands from 125 Hz to 8 kHz, as the standard has them."""
TABLE_2 = {
    (10.0, 70.0): (0.4, 1.0, 1.9, 3.7, 9.7, 32.8, 117.0),
    (20.0, 70.0): (0.3, 1.1, 2.8, 5.0, 9.0, 22.9, 76.6),
    (30.0, 70.0): (0.3, 1.0, 3.1, 7.4, 12.7, 23.1, 59.3),
    (15.0, 20.0): (0.6, 1.2, 2.7, 8.2, 28.2, 88.8, 202.0),
    (15.0, 50.0): (0.5, 1.2, 2.2, 4.2, 10.8, 36.2, 129.0),
    (15.0, 80.0): (0.3, 1.1, 2.4, 4.1, 8.3, 23.7, 82.8),
}
"""Decibels a kilometre by temperature and humidity: ISO 9613-2:1996, table 2."""


@pytest.mark.parametrize(("air", "printed"), TABLE_2.items())
def test_absorption_is_that_of_the_standards_table(air: tuple[float, float], printed: tuple[float, ...]) -> None:
    """Every octave agrees with the printed figure to its last digit, or a hundredth where it has three."""
    weather = Weather(temperature_c=air[0], humidity_percent=air[1])
    told = 1000 * absorption_db_per_m(OCTAVES_HZ, weather)
    assert told == pytest.approx(printed, rel=0.01, abs=0.06)


@pytest.mark.parametrize(("temperature_c", "speed"), [(0.0, 331.45), (20.0, 343.37)])
def test_sound_is_as_fast_as_measured(temperature_c: float, speed: float) -> None:
    """Within 0.1 % of Cramer (1993): dry air at 0 °C, and 20 °C with a little water."""
    weather = Weather(temperature_c=temperature_c, humidity_percent=0.0 if temperature_c == 0 else 14.0)
    assert speed_of_sound_m_s(weather) == pytest.approx(speed, rel=1e-3)


def test_a_degree_makes_six_tenths_of_a_metre_a_second() -> None:
    """The rule of thumb that field crews use."""
    cold, warm = (speed_of_sound_m_s(Weather(temperature_c=at, humidity_percent=0.0)) for at in (10.0, 11.0))
    assert warm - cold == pytest.approx(0.6, abs=0.02)
