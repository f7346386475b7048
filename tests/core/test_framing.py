"""The grid of windows on the sensor's clock, against exact fractions."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhishoom.core.framing import grid, index_at, memory_s, time_at
from dhishoom.detectors.energy import CARD
from dhishoom.nouns import NS_PER_S

RATES = st.sampled_from([8000, 11_025, 12_000, 16_000, 22_050, 44_100, 48_000, 96_000, 192_000]) | st.integers(
    1000, 384_000
)
TIMES = st.integers(-(10**18), 4 * 10**18)


@given(TIMES, RATES)
def test_the_index_is_that_of_the_nearest_sample(time_ns, rate):
    """Over a century on either side of 1970, without rounding error."""
    exact = Fraction(time_ns * rate, NS_PER_S)
    assert abs(index_at(time_ns, rate) - exact) <= Fraction(1, 2)


@given(st.integers(-(10**14), 10**14), RATES)
def test_a_sample_is_found_again_by_its_time(index, rate):
    """Index to time to index."""
    assert index_at(time_at(index, rate), rate) == index


@given(st.integers(-(10**14), 10**14), RATES, st.sampled_from([0.24, 0.5, 1.0, 1.2]))
def test_every_sample_lies_in_the_middle_of_exactly_one_step(index, rate, step_s):
    """Middles tile the clock, also where a step is no whole number of samples."""
    place = grid(replace(CARD, step_s=step_s), rate)
    step = place.step_of_index(index)
    assert place.middle_index(step) <= index < place.middle_index(step + 1)


@given(RATES)
def test_a_window_holds_what_the_model_asks_and_memory_is_one_window(rate):
    """Left context, middle and right context, and the filter's margin on either side."""
    place = grid(CARD, rate)
    assert place.length == round(CARD.window_s * CARD.sample_rate)
    assert place.left / rate == pytest.approx(CARD.left_s, abs=0.03)
    assert (place.left + place.right) / rate >= CARD.window_s - 1 / rate
    assert memory_s(CARD, rate) == pytest.approx(CARD.window_s, abs=0.06)
    assert memory_s(CARD, rate) <= 2
