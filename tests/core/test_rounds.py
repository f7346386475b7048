"""Claims about how many rounds a burst was, and how fast."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhishoom.core.rounds import rounds_of


def test_one_round_has_no_rate() -> None:
    """A single shot: one, surely one."""
    told = rounds_of([3.0], [5])
    assert (told.count, told.low, told.high, told.fire) == (1, 1, 1, "single")
    assert told.interval_s is None
    assert told.rate_per_minute is None


def test_the_rate_is_that_of_the_median_interval() -> None:
    """Two rounds a second with one pause: 120 a minute."""
    told = rounds_of([0.0, 0.5, 1.0, 3.5, 4.0], [6] * 5)
    assert told.interval_s == pytest.approx(0.5)
    assert told.rate_per_minute == pytest.approx(120)
    assert told.fire == "multiple"


@pytest.mark.parametrize(
    ("interval_s", "fire"), [(0.1, "possibly_automatic"), (0.15, "possibly_automatic"), (0.2, "multiple")]
)
def test_three_rounds_closer_than_hands_fire_are_possibly_automatic(interval_s: float, fire: str) -> None:
    """At 400 rounds a minute and above; the order in which rounds are given does not matter."""
    assert rounds_of([2 * interval_s, 0.0, interval_s], [4, 4, 4]).fire == fire


def test_two_close_rounds_are_not_called_automatic() -> None:
    """A double tap is fired by hand."""
    assert rounds_of([0.0, 0.1], [4, 4]).fire == "multiple"


def test_rounds_that_few_sensors_heard_widen_the_interval() -> None:
    """Two of four were heard by less than half as many sensors, and may be echoes: from 2."""
    assert rounds_of([0.0, 1.0, 2.0, 3.0], [8, 8, 3, 2]).low == 2


def test_a_burst_that_sensors_often_missed_may_have_had_more_rounds() -> None:
    """Where every sensor heard every round none was missed; where half of four did, one more may have been."""
    assert rounds_of([0.0, 1.0, 2.0], [6, 6, 6]).high == 3
    assert rounds_of([0.0, 1.0, 2.0, 3.0], [4, 2, 2, 2]).high > 4


@given(st.lists(st.integers(1, 30), min_size=1, max_size=30))
def test_the_count_lies_in_its_interval(sensors: list[int]) -> None:
    """Whatever was heard."""
    told = rounds_of([0.3 * at for at in range(len(sensors))], sensors)
    assert 1 <= told.low <= told.count <= told.high
