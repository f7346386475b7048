"""A clock that is off is told by the service: once, with what to do, and in the state of its sensor."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dhishoom.core.acoustics import speed_of_sound_m_s
from dhishoom.core.association import associate_all
from dhishoom.messages import Json
from dhishoom.nouns import NS_PER_S
from dhishoom.service.clock_watch import ClockWatch
from dhishoom.service.health import Health
from dhishoom.stores.memory import MemoryStore
from tests.core.scenery import WEATHER, Fired, Noise, heard, site_of

PLACES = np.array([[0, 0], [500, 20], [480, 520], [10, 470], [240, 260], [250, -200], [700, 250]], float)
SHOTS = [Fired((200.0, 150.0), (10.0, 10.9)), Fired((350.0, 300.0), (40.0, 40.8)), Fired((120.0, 380.0), (70.0,))]


def watched(off_s: float) -> tuple[ClockWatch, Health, list[Json]]:
    """A service whose sensor s04 is off, after three incidents."""
    made = heard(site_of(PLACES), SHOTS, speed_of_sound_m_s(WEATHER), np.random.default_rng(0), Noise(sigma_s=0.003))
    picks = [
        replace(one, onset_ns=one.onset_ns + round(off_s * NS_PER_S)) if one.sensor_id == "s04" else one
        for one in made.picks
    ]
    store, told = MemoryStore(), list[Json]()
    store.put_detections(picks)
    store.put_incidents(associate_all(made.site, picks))
    health = Health(made.site)
    return ClockWatch(store, made.site, health, lambda kind, what: told.append({"event": kind, **what})), health, told


def state_of(health: Health, name: str) -> Json:
    """As the API tells it."""
    return next(one for one in health.sensors() if one["id"] == name)


def test_a_clock_that_is_off_is_told_once_with_its_offset() -> None:
    """A notice that names it, and the sensor's state until it is right again."""
    watch, health, told = watched(0.4)
    watch.look()
    watch.look()
    assert [(one["event"], one["kind"], one["sensor_id"]) for one in told] == [("notice", "clock", "s04")]
    assert "0.40 s ahead of the others" in told[0]["detail"]
    assert state_of(health, "s04")["clock"]["offset_s"] == pytest.approx(0.4, abs=0.02)
    assert state_of(health, "s04")["notices"] == {"clock": 1}
    assert state_of(health, "s01")["clock"] is None


def test_clocks_that_are_right_are_not_told() -> None:
    """Nothing is said."""
    watch, health, told = watched(0.0)
    watch.look()
    assert told == []
    assert all(one["clock"] is None for one in health.sensors())


def test_it_ends_when_it_is_stopped() -> None:
    """At once, whatever the minute."""
    watch, _, told = watched(0.4)
    watch.stop()
    watch.run()
    assert told == []
