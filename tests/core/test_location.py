"""Claims about where a sound was made."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import least_squares

from dhishoom.core.fitting import Arrivals
from dhishoom.core.location import PATH_SIGMA_S, ellipse_of, holds, leave_one_out_s, locate
from dhishoom.core.propagation import Air, rays

AIR = Air(343.2)


def arrivals(places, source, *, air=AIR, sigma_s=0.001):
    """Exact ones of a sound made at [2] or [3] at time 0, plus an hour."""
    full = np.column_stack([places, np.zeros(len(places))]) if places.shape[1] == 2 else places
    toward = full - np.append(source, np.zeros(3 - len(source)))
    distance = np.linalg.norm(toward, axis=1)
    speed = air.along(toward / distance[:, None])
    return Arrivals(full, 3600 + distance / speed, np.full(len(full), sigma_s))


def surround(rng, count, size_m):
    """Sensors about the middle of a square, one in each sector, none in line with two others."""
    angle = (np.arange(count) + rng.uniform(-0.3, 0.3, count)) * 2 * np.pi / count
    return size_m * np.column_stack([np.cos(angle), np.sin(angle)]) * rng.uniform(0.3, 0.5, (count, 1))


@pytest.mark.parametrize("size_m", [50, 200, 1000, 5000])
@pytest.mark.parametrize("count", [4, 5, 8, 20])
def test_exact_arrivals_are_located_to_a_millimetre(count: int, size_m: float) -> None:
    """From a garage to a city, for four sensors and for twenty, anywhere within them."""
    rng = np.random.default_rng(count)
    for _ in range(5):
        places = surround(rng, count, size_m)
        source = rng.uniform(-0.2, 0.2, 2) * size_m
        fix = locate(arrivals(places, source), AIR)
        assert fix.source is not None
        assert np.hypot(*(fix.source[:2] - source)) < 1e-3
        assert abs(fix.source[2] - 3600) < 1e-5
        assert fix.residuals_s is not None
        assert np.abs(fix.residuals_s).max() < 1e-6


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(5, 9))
def test_a_shot_in_space_is_found_in_space_where_the_sensors_see_height(seed: int, count: int) -> None:
    """Roofs of very different height tell a height: exact arrivals give it to a centimetre."""
    rng = np.random.default_rng(seed)
    places = np.column_stack([surround(rng, count, 200), rng.permutation(np.linspace(0, 90, count))])
    source = np.array([*rng.uniform(-30, 30, 2), rng.uniform(0, 20)])
    fix = locate(arrivals(places, source), AIR)
    if fix.status == "located" and fix.height_m != places[:, 2].mean():
        assert abs(fix.height_m - source[2]) < 0.05
        assert np.hypot(*(fix.source[:2] - source[:2])) < 0.05


def test_height_is_not_told_by_a_flat_array_with_ordinary_errors() -> None:
    """Sensors on poles of one street cannot see height: the place stays in the plane of the sensors."""
    rng = np.random.default_rng(3)
    places = np.column_stack([surround(rng, 8, 800), rng.uniform(5, 8, 8)])
    exact = arrivals(places, np.array([60.0, -90.0, 0.0]))
    noisy = Arrivals(exact.places_m, exact.times_s + rng.normal(0, 0.008, 8), exact.sigmas_s)
    fix = locate(noisy, AIR)
    assert fix.height_m == pytest.approx(places[:, 2].mean())


def test_wind_is_taken_into_account() -> None:
    """Sound runs faster down the wind: with the wind stated, exact arrivals are located exactly."""
    rng = np.random.default_rng(4)
    windy = Air(343.2, wind_east_m_s=6.0, wind_north_m_s=-3.0)
    places, source = surround(rng, 7, 900), np.array([120.0, 40.0])
    heard = arrivals(places, source, air=windy)
    assert np.hypot(*(locate(heard, windy).source[:2] - source)) < 1e-3
    assert np.hypot(*(locate(heard, AIR).source[:2] - source)) > 2.0


def test_the_slopes_of_travel_times_are_their_derivatives() -> None:
    """Golden: central differences, in still air."""
    sensors, source = np.array([[3.0, 4.0, 1.0], [-7.0, 2.0, 6.0]]), np.array([[0.5, -0.25]])
    _, slope = rays(source, 2.0, sensors, AIR)
    for axis in (0, 1):
        step = np.zeros((1, 2))
        step[0, axis] = 1e-4
        difference = rays(source + step, 2.0, sensors, AIR)[0] - rays(source - step, 2.0, sensors, AIR)[0]
        assert slope[0, axis] == pytest.approx(difference[0] / 2e-4, rel=1e-6)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_it_agrees_with_plain_least_squares_where_nothing_is_false(seed: int) -> None:
    """Golden: SciPy's solver from the true place, in two dimensions, on honest arrivals."""
    rng = np.random.default_rng(seed)
    places, source = surround(rng, 10, 1000), rng.uniform(-200, 200, 2)
    exact = arrivals(places, source)
    times = exact.times_s + rng.normal(0, 0.005, 10)

    def residuals(unknowns):
        return (times - 3600 - unknowns[2] - np.hypot(*(places - unknowns[:2]).T) / AIR.speed_m_s) * AIR.speed_m_s

    twin = least_squares(residuals, [*source, 0.0]).x
    fix = locate(Arrivals(exact.places_m, times, exact.sigmas_s), AIR)
    assert np.hypot(*(fix.source[:2] - twin[:2])) < 1.0


def test_one_false_arrival_is_disbelieved_and_named() -> None:
    """An echo half a second late moves the place by nothing, loses its weight and stands out when left out."""
    rng = np.random.default_rng(5)
    places, source = surround(rng, 7, 900), np.array([-50.0, 130.0])
    exact = arrivals(places, source)
    times = exact.times_s + rng.normal(0, 0.004, 7)
    times[3] += 0.5
    heard = Arrivals(exact.places_m, times, exact.sigmas_s)
    fix = locate(heard, AIR)
    assert fix.status == "located"
    assert np.hypot(*(fix.source[:2] - source)) < 6.0
    assert fix.weights[3] < 0.1
    off = leave_one_out_s(fix, heard, AIR)
    assert int(np.argmax(np.abs(off))) == 3
    assert off[3] == pytest.approx(0.5, abs=0.05)


def test_three_sensors_that_allow_two_places_tell_both() -> None:
    """Behind one of the sensors two places fit alike: it says so and gives the other."""
    places = np.array([[0.0, 0.0], [400.0, 30.0], [170.0, 380.0]])
    ambiguous = 0
    for angle in np.linspace(0, 2 * np.pi, 24, endpoint=False):
        source = places.mean(axis=0) + 330 * np.array([math.cos(angle), math.sin(angle)])
        fix = locate(arrivals(places, source), AIR)
        if fix.status == "ambiguous":
            ambiguous += 1
            assert min(np.hypot(*(side[:2] - source)) for side in (fix.source, fix.alternative)) < 1.0
            assert fix.reason
        elif fix.status == "located":
            assert np.hypot(*(fix.source[:2] - source)) < 1.0 or holds(fix, source)
    assert ambiguous > 0


def test_the_ellipse_holds_the_truth_as_often_as_it_says() -> None:
    """At the errors that are assumed, 95 % ellipses of eight sensors hold between 92 and 100 % of the truths."""
    rng = np.random.default_rng(6)
    held = 0
    for _ in range(200):
        places, source = surround(rng, 8, 1000), rng.uniform(-250, 250, 2)
        exact = arrivals(places, source)
        noisy = Arrivals(exact.places_m, exact.times_s + rng.normal(0, PATH_SIGMA_S, 8), exact.sigmas_s)
        fix = locate(noisy, AIR)
        held += holds(fix, source)
    assert 184 <= held <= 200


def test_sensors_that_say_their_clocks_are_poor_get_a_larger_ellipse() -> None:
    """50 ms on every clock: stated, the ellipse holds the place as often as it says."""
    rng = np.random.default_rng(7)
    held, sizes = 0, []
    for _ in range(100):
        places, source = surround(rng, 8, 1000), rng.uniform(-200, 200, 2)
        exact = arrivals(places, source, sigma_s=0.050)
        noisy = Arrivals(exact.places_m, exact.times_s + rng.normal(0, 0.05, 8), exact.sigmas_s)
        fix = locate(noisy, AIR)
        held += fix.source is not None and holds(fix, source)
        sizes.append(ellipse_of(fix).semi_major_m)
    assert held >= 90
    assert float(np.median(sizes)) > 15


@pytest.mark.parametrize(
    ("places", "times", "reason"),
    [
        ([[0, 0], [100, 0]], [0.0, 0.1], "three are needed"),
        ([[0, 0], [0, 0.2], [100, 0]], [0.0, 0.0, 0.1], "three are needed"),
        ([[0, 0], [100, 0], [200, 0], [350, 0]], [0.0, 0.1, 0.2, 0.3], "in a line"),
        ([[0, 0], [100, 0], [0, 100]], [0.0, np.nan, 0.1], "not a finite number"),
        ([[0, 0], [100, np.inf], [0, 100]], [0.0, 0.2, 0.1], "not a finite number"),
    ],
)
def test_arrivals_that_cannot_be_located_say_why(places, times, reason: str) -> None:
    """Too few places, two at one place, a line, a number that is none: a named status, no point."""
    full = np.column_stack([np.array(places, float), np.zeros(len(places))])
    fix = locate(Arrivals(full, np.array(times, float), np.full(len(places), 0.001)), AIR)
    assert fix.status == "unlocated"
    assert fix.source is None
    assert reason in fix.reason


def test_a_distant_shot_is_not_told_as_a_point() -> None:
    """Ten kilometres outside an array of 100 m its place is a direction: no small ellipse is ever drawn there."""
    rng = np.random.default_rng(8)
    for _ in range(20):
        places = surround(rng, 6, 100)
        exact = arrivals(places, np.array([7000.0, 7000.0]))
        fix = locate(Arrivals(exact.places_m, exact.times_s + rng.normal(0, 0.001, 6), exact.sigmas_s), AIR)
        assert fix.status == "unlocated" or holds(fix, np.array([7000.0, 7000.0]))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.floats(-1e4, 1e4), st.floats(-1e4, 1e4), st.floats(-10, 10)), min_size=1, max_size=8),
)
def test_no_input_makes_it_fall(heard) -> None:
    """Whatever the places and times: a status, finite numbers, no warning, and a reason wherever it is not located."""
    table = np.array(heard, float)
    places = np.column_stack([table[:, :2], np.zeros(len(table))])
    with np.errstate(all="raise", under="ignore"):
        fix = locate(Arrivals(places, table[:, 2], np.full(len(table), 0.001)), AIR)
    assert (fix.source is None) == (fix.status == "unlocated")
    assert bool(fix.reason) == (fix.status != "located")
    if fix.source is not None:
        assert np.isfinite(fix.source).all()
        assert math.isfinite(ellipse_of(fix).semi_major_m)
