"""Muzzle blasts and cracks: levels, durations and who hears them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhishoom.simulate.blast import WEAPONS, friedlander, friedlander_spectrum, gain_toward, peak_pa
from dhishoom.simulate.shockwave import crack_at, n_wave_s, n_wave_spectrum

SPEED_M_S = 340.0
RATE = 1_000_000


def test_a_blast_jumps_falls_through_zero_and_recovers() -> None:
    """Peak at once, zero after the positive phase, less than a seventh of the peak below zero, no push in all."""
    seconds = np.arange(-100, 20_000) / RATE
    wave = friedlander(seconds, 100.0, 0.001)
    assert (wave[:100] == 0).all()
    assert wave[100] == pytest.approx(100.0)
    assert wave[np.searchsorted(seconds, 0.001)] == pytest.approx(0.0, abs=0.1)
    assert wave.min() == pytest.approx(-100 * math.exp(-2), rel=1e-3)
    assert wave.sum() / RATE == pytest.approx(0.0, abs=1e-4)


@given(st.floats(0.0002, 0.004), st.floats(10.0, 4000.0))
def test_its_spectrum_is_that_of_the_wave(positive_s: float, frequency_hz: float) -> None:
    """The closed form agrees with a plain sum over a finely sampled wave."""
    seconds = (np.arange(80_000) + 0.5) / RATE
    plain = (friedlander(seconds, 50.0, positive_s) * np.exp(-2j * np.pi * frequency_hz * seconds)).sum() / RATE
    told = friedlander_spectrum(np.array([frequency_hz]), 50.0, positive_s)[0]
    assert told == pytest.approx(plain, abs=2e-4 * 50.0 * positive_s + 2e-8 * 50)


@pytest.mark.parametrize("weapon", WEAPONS)
def test_the_rear_gets_less_by_what_the_weapon_says(weapon: str) -> None:
    """Full level in front, `back_db` less behind, evenly between."""
    muzzle = WEAPONS[weapon]
    assert gain_toward(muzzle, 1.0) == 1.0
    assert 20 * math.log10(gain_toward(muzzle, -1.0)) == pytest.approx(-muzzle.back_db)
    assert 20 * math.log10(gain_toward(muzzle, 0.0)) == pytest.approx(-muzzle.back_db / 2)


def test_levels_at_the_shooters_ear_are_those_of_surveys() -> None:
    """Pistols 152 to 165 dB, shotguns 150 to 161, rifles 155 to 163, behind the muzzle."""
    ear_db = {name: muzzle.level_db - muzzle.back_db for name, muzzle in WEAPONS.items()}
    assert 152 <= ear_db["pistol"] <= 165
    assert 150 <= ear_db["shotgun"] <= 161
    assert 155 <= ear_db["rifle"] <= 163
    assert peak_pa(94.0) == pytest.approx(1.0, rel=0.01)


def crack(listener: tuple[float, float], flight_m: float = 300.0, weapon: str = "rifle"):  # type: ignore[no-untyped-def]
    """Of a bullet that flies north from the origin, as a listener east and north of it hears it."""
    here = np.array([*listener, 0.0])
    return crack_at(here, np.zeros(3), 0.0, WEAPONS[weapon], speed_m_s=SPEED_M_S, flight_m=flight_m)


def test_a_crack_arrives_before_the_blast() -> None:
    """Beside the bullet's way its bow wave comes first, and by Pythagoras when."""
    heard = crack((20.0, 200.0))
    mach = 900.0 / SPEED_M_S
    assert heard.delay_s == pytest.approx(200 / 900.0 + 20 * math.sqrt(mach**2 - 1) / 900.0)
    assert heard.delay_s < math.hypot(20, 200) / SPEED_M_S


def test_who_stands_behind_or_beyond_hears_no_crack_and_slow_bullets_make_none() -> None:
    """The cone reaches only those whom the bullet flies past."""
    assert crack((20.0, -10.0)) is None
    assert crack((20.0, 400.0), flight_m=150.0) is None
    assert crack((20.0, 200.0), weapon="pistol") is None


def test_an_n_wave_lasts_as_long_as_measured() -> None:
    """A 5.56 mm bullet, 20 m off: a quarter to a half of a millisecond; longer the farther, by the fourth root."""
    heard = crack((20.0, 200.0))
    assert 0.00020 <= heard.duration_s <= 0.00045
    muzzle = WEAPONS["rifle"]
    ratio = n_wave_s(2.6, 160.0, muzzle, SPEED_M_S) / n_wave_s(2.6, 10.0, muzzle, SPEED_M_S)
    assert ratio == pytest.approx(2.0)


@given(st.floats(0.0002, 0.002), st.floats(5.0, 4000.0))
def test_the_n_waves_spectrum_is_that_of_the_wave(duration_s: float, frequency_hz: float) -> None:
    """Up, evenly down, back: the closed form agrees with a plain sum."""
    seconds = (np.arange(round(duration_s * RATE)) + 0.5) / RATE
    wave = 1 - 2 * seconds / seconds[-1]
    plain = (wave * np.exp(-2j * np.pi * frequency_hz * seconds)).sum() / RATE
    told = n_wave_spectrum(np.array([frequency_hz]), 1.0, duration_s)[0]
    assert abs(told - plain) < 0.02 * duration_s
