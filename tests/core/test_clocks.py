"""Claims about which clock disagrees."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dhishoom.core.acoustics import speed_of_sound_m_s
from dhishoom.core.association import associate_all
from dhishoom.core.clocks import clock_offsets
from dhishoom.nouns import NS_PER_S
from tests.core.scenery import WEATHER, Fired, Noise, heard, site_of

SPEED = speed_of_sound_m_s(WEATHER)
PLACES = np.array([[0, 0], [500, 20], [480, 520], [10, 470], [240, 260], [250, -200], [700, 250]], float)


def offsets(off, seed=0):
    """What is told of clocks that are off by so much."""
    shots = [Fired((200.0, 150.0), (0.0, 0.8, 1.7)), Fired((350.0, 300.0), (30.0, 30.9))]
    made = heard(site_of(PLACES), shots, SPEED, np.random.default_rng(seed), Noise(sigma_s=0.003))
    picks = [replace(one, onset_ns=one.onset_ns + round(off.get(one.sensor_id, 0.0) * NS_PER_S)) for one in made.picks]
    return clock_offsets(associate_all(made.site, picks), picks, made.site)


@pytest.mark.parametrize("off_s", [-0.9, -0.2, 0.15, 1.0])
def test_a_clock_that_is_off_is_named_with_its_offset(off_s: float) -> None:
    """One of seven: the others agree on the shots, and it is late or early by as much at each."""
    told = offsets({"s04": off_s})
    assert set(told) == {"s04"}
    assert told["s04"].offset_s == pytest.approx(off_s, abs=0.02)
    assert told["s04"].shots == 5


def test_two_clocks_that_are_off_are_both_named() -> None:
    """The other five still agree."""
    told = offsets({"s01": 0.4, "s05": -0.6})
    assert set(told) == {"s01", "s05"}


def test_clocks_that_are_right_are_not_named() -> None:
    """Noise of 3 ms and detours are no clock's fault; nor is one shot enough to accuse."""
    assert offsets({}) == {}
    made = heard(
        site_of(PLACES), [Fired((200.0, 150.0), (0.0,))], SPEED, np.random.default_rng(1), Noise(sigma_s=0.003)
    )
    picks = [
        replace(one, onset_ns=one.onset_ns + 3 * NS_PER_S // 10) if one.sensor_id == "s04" else one
        for one in made.picks
    ]
    assert clock_offsets(associate_all(made.site, picks), picks, made.site) == {}


def test_one_place_is_not_enough_where_three_are_asked_for() -> None:
    """An echo is as late at every round from one place; only shots from elsewhere tell it from a clock."""
    off, noise = {"s04": 0.3}, Noise(sigma_s=0.003)
    spots = [((200.0, 150.0), 0.0), ((350.0, 300.0), 30.0), ((120.0, 380.0), 60.0)]
    for count in (1, 2, 3):
        shots = [Fired(place, (at_s, at_s + 0.9)) for place, at_s in spots[:count]]
        made = heard(site_of(PLACES), shots, SPEED, np.random.default_rng(2), noise)
        picks = [
            replace(one, onset_ns=one.onset_ns + round(off.get(one.sensor_id, 0.0) * NS_PER_S)) for one in made.picks
        ]
        told = clock_offsets(associate_all(made.site, picks), picks, made.site, places_min=3)
        assert set(told) == ({"s04"} if count == 3 else set())
