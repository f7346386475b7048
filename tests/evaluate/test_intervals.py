"""Exact bounds are exact, the bootstrap draws whole groups, and both say nothing of nothing."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, poisson

from dhishoom.evaluate.intervals import binomial_share, poisson_rate, resampled, with_interval


@given(st.integers(0, 200), st.floats(0.01, 1000))
def test_poisson_bounds_leave_a_fortieth_on_either_side(events, exposure):
    """Garwood: at the upper bound so few events, at the lower so many, have a chance of 2.5 %."""
    rate = poisson_rate(events, exposure)
    assert poisson.cdf(events, rate.high * exposure) == pytest.approx(0.025)
    if events:
        assert poisson.sf(events - 1, rate.low * exposure) == pytest.approx(0.025)
    else:
        assert rate.low == 0.0
    assert rate.low <= rate.value <= rate.high


def test_no_event_in_three_hours_bounds_the_rate_by_garwoods_figure():
    """None in 3 h: at most 3.689 / 3 an hour."""
    assert poisson_rate(0, 3.0).high == pytest.approx(3.68888 / 3, rel=1e-5)


@given(st.integers(1, 300), st.data())
def test_binomial_bounds_leave_a_fortieth_on_either_side(trials, data):
    """Clopper and Pearson, by the definition."""
    events = data.draw(st.integers(0, trials))
    share = binomial_share(events, trials)
    if events < trials:
        assert binom.cdf(events, trials, share.high) == pytest.approx(0.025)
    if events:
        assert binom.sf(events - 1, trials, share.low) == pytest.approx(0.025)
    assert share.low <= events / trials <= share.high


def test_without_exposure_nothing_is_told():
    """No hours and no trials: nan, not zero."""
    assert math.isnan(poisson_rate(0, 0.0).high)
    assert math.isnan(binomial_share(0, 0).value)


def test_resampling_draws_whole_groups_and_as_many_as_there_are():
    """Recordings of one original share their weight; the weights of the groups add up to their number."""
    groups, strata = ["a", "a", "b", "c", "x", "y", "y"], ["gun"] * 4 + ["other"] * 3
    weights = resampled(groups, strata, seed=1, draws=200)
    assert (weights[:, 0] == weights[:, 1]).all()
    assert (weights[:, 5] == weights[:, 6]).all()
    assert (weights[:, [0, 2, 3]].sum(axis=1) == 3).all()
    assert (weights[:, [4, 5]].sum(axis=1) == 2).all()


def test_the_same_seed_gives_the_same_interval():
    """Reports are the same whenever they are made."""
    groups = [str(index) for index in range(20)]
    one, other = (resampled(groups, [""] * 20, seed=3) for _ in range(2))
    assert (one == other).all()


def test_an_interval_of_a_mean_holds_it_and_narrows_with_groups():
    """A mean of many groups is known better than that of few."""
    rng = np.random.default_rng(0)

    def interval_of(count):
        values = rng.normal(size=count)
        weights = resampled([str(index) for index in range(count)], [""] * count, seed=0)
        return with_interval(lambda some: (some * values).sum(-1) / some.sum(-1), weights, count=count, groups=count)

    few, many = interval_of(10), interval_of(400)
    assert few.low <= few.value <= few.high
    assert many.high - many.low < few.high - few.low
