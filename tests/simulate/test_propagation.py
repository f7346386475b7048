"""What the way from a source to a sensor does: when sound arrives, how loud, how dull."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dhishoom.core.acoustics import absorption_db_per_m, speed_of_sound_m_s
from dhishoom.core.propagation import air_of, rays
from dhishoom.nouns import Weather
from dhishoom.simulate.blast import friedlander_spectrum
from dhishoom.simulate.ground import COHERENT_HZ, GRASS, Ground, barrier_db, with_ground
from dhishoom.simulate.propagation import LEAD, Path, arriving, heard_from, travel_s
from dhishoom.simulate.reverberation import Street, impulse_response

RATE = 12_000
CALM = Weather(temperature_c=10.0, humidity_percent=70.0)
BLAST = partial(friedlander_spectrum, peak=1000.0, positive_s=0.0006)
OPEN = Ground(distance_m=0.0, source_m=1.5, sensor_m=6.0, resistivity=1.0, coherent_hz=1e-3)
"""No ground to speak of."""
metres = st.floats(-900.0, 900.0)
winds = st.floats(-15.0, 15.0)


def heard(distance_m: float, **changes: object) -> np.ndarray:
    """A blast from a distance, in the open."""
    path = Path(delay_s=1.0, distance_m=distance_m, ground=OPEN, **changes)  # type: ignore[arg-type]
    return arriving(BLAST, path, CALM, RATE)


@given(metres, metres, winds, winds)
def test_arrivals_obey_the_wind(east: float, north: float, wind_east: float, wind_north: float) -> None:
    """The sphere of sound that drifts with the wind passes the sensor just then."""
    weather = Weather(temperature_c=12.0, wind_east_m_s=wind_east, wind_north_m_s=wind_north)
    sensor = np.array([east, north, 8.0])
    late = travel_s(np.zeros(3), sensor, weather)
    drifted = np.array([wind_east, wind_north, 0.0]) * late
    assert np.linalg.norm(sensor - drifted) == pytest.approx(speed_of_sound_m_s(weather) * late, rel=1e-9)


def test_arrivals_are_where_the_locator_expects_them() -> None:
    """The locator's first-order wind agrees within a millisecond at 500 m in a fresh breeze."""
    weather = Weather(temperature_c=12.0, wind_east_m_s=8.0)
    sensor = np.array([[300.0, 400.0, 8.0]])
    expected, _ = rays(np.zeros((1, 2)), 0.0, sensor, air_of(weather))
    assert travel_s(np.zeros(3), sensor[0], weather) == pytest.approx(float(expected[0, 0]), abs=0.001)


def test_twice_as_far_is_half_as_loud_and_what_the_air_takes() -> None:
    """Peaks fall by 6 dB a doubling, and by no more than absorption at the top of the band beyond it."""
    near, far = (float(np.abs(heard(at)).max()) for at in (200.0, 400.0))
    lost_db = 20 * math.log10(near / far)
    most_db = 200 * float(absorption_db_per_m(np.array([2000.0]), CALM)[0])
    assert 6.02 < lost_db < 6.02 + most_db


def test_each_frequency_is_absorbed_as_the_standard_says() -> None:
    """Of two distances, spectra differ by spreading and ISO 9613-1, and by nothing else."""
    near, far = (np.abs(np.fft.rfft(heard(at), 4096)) for at in (100.0, 900.0))
    frequencies = np.fft.rfftfreq(4096, 1 / RATE)
    band = (frequencies > 100) & (frequencies < 3000)
    lost_db = 20 * np.log10(near[band] / far[band]) - 20 * math.log10(9)
    assert lost_db == pytest.approx(800 * absorption_db_per_m(frequencies[band], CALM), abs=0.3)


@settings(max_examples=30)
@given(st.floats(0.0, 1.0))
def test_an_arrival_between_samples_is_kept_to_a_hundredth_of_one(fraction: float) -> None:
    """The phase of the spectrum says when: as late as asked."""
    whole = arriving(BLAST, Path(delay_s=1.0, distance_m=50.0, ground=OPEN), CALM, RATE)
    late = arriving(BLAST, Path(delay_s=1.0 + fraction / RATE, distance_m=50.0, ground=OPEN), CALM, RATE)
    spectra = [np.fft.rfft(sound, 4096)[20:400] for sound in (whole, late)]
    turned = np.unwrap(np.angle(spectra[1] / spectra[0]))
    slope = np.polyfit(2 * np.pi * np.fft.rfftfreq(4096)[20:400], turned, 1)[0]
    assert -slope == pytest.approx(fraction if fraction < 1 else 0.0, abs=0.01)


def test_nothing_comes_before_its_time() -> None:
    """Less than a hundredth of the peak lies before the arrival: filters do not foresee."""
    sound = np.abs(heard(300.0, detour_m=2.0))
    assert sound[: LEAD - 1].max() < 0.01 * sound.max()


def test_a_roof_takes_more_of_what_is_high() -> None:
    """Kurze and Anderson: 5 dB in line with the edge, 3 dB more an octave far behind it."""
    assert barrier_db(np.array([1000.0]), 0.0, 340.0)[0] == pytest.approx(5.0, abs=0.01)
    low, high = barrier_db(np.array([1000.0, 2000.0]), 3.0, 340.0)
    assert high - low == pytest.approx(3.01, abs=0.01)
    # Maekawa's chart: about 13 dB at a Fresnel number of one.
    assert barrier_db(np.array([340.0]), 0.5, 340.0)[0] == pytest.approx(13.0, abs=0.5)


def test_hard_ground_doubles_pressure_and_soft_ground_cancels_at_grazing() -> None:
    """Low over asphalt +6 dB; over grass at 500 Hz and 300 m much less than nothing."""
    low = Ground(distance_m=30.0, source_m=0.1, sensor_m=0.1)
    assert abs(with_ground(np.array([200.0]), low, 340.0)[0]) == pytest.approx(2.0, abs=0.12)
    grass = Ground(distance_m=300.0, source_m=1.5, sensor_m=1.5, resistivity=GRASS, coherent_hz=10 * COHERENT_HZ)
    assert abs(with_ground(np.array([500.0]), grass, 340.0)[0]) < 0.3


def test_a_street_answers_with_echoes_and_a_tail_that_fades_in_its_time() -> None:
    """Energy falls by 60 dB in `decay_s` (from a line through its backward sum, ISO 3382) and totals what is asked."""
    street = Street(seed=4, decay_s=2.0, tail_db=-3.0, early_db=-60.0, echoes=0)
    answer = impulse_response(street, RATE)
    assert 10 * math.log10(float(np.square(answer).sum())) == pytest.approx(-3.0, abs=0.3)
    left_db = 10 * np.log10(np.cumsum(np.square(answer)[::-1])[::-1])
    at = slice(int(0.3 * RATE), int(0.9 * RATE))
    slope = np.polyfit(np.arange(len(answer))[at] / RATE, left_db[at], 1)[0]
    assert -60 / slope == pytest.approx(2.0, rel=0.15)


def test_training_can_move_any_sound_away() -> None:
    """Farther is weaker, duller and longer; in the open the length is the sound's own."""
    clap = np.random.default_rng(3).standard_normal(600) * np.exp(-np.arange(600) / 100)
    near, far = (heard_from(clap, RATE, at, street=None, weather=CALM) for at in (10.0, 500.0))
    assert np.abs(far).max() < np.abs(near).max() / 40
    centre = [float(np.average(np.arange(2049), weights=np.abs(np.fft.rfft(one, 4096)) ** 2)) for one in (near, far)]
    assert centre[1] < centre[0]
    in_a_street = heard_from(clap, RATE, 500.0, street=Street(seed=1), weather=CALM)
    assert len(in_a_street) > len(far) + 0.4 * RATE
