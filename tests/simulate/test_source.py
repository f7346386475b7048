"""The simulated city as a source: the same by its seed, however it is asked, and true to what it says happened."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from dhishoom.nouns import NS_PER_S
from dhishoom.simulate.city import city
from dhishoom.simulate.scenario import Act, Scenario, demo_scenario
from dhishoom.simulate.source import SAMPLE_RATE, SimulatedCity

SHORT = Scenario(acts=(Act(kind="gunshot", at_s=1.2, rounds=2, interval_s=0.5),), round_s=3.0, seconds=6.0)
SMALL = city(3, 2)


def small(seed: int = 1, **options: object) -> SimulatedCity:
    """Six sensors, two rounds of two shots."""
    return SimulatedCity(SHORT, seed=seed, place=SMALL, realtime=False, **options)  # type: ignore[arg-type]


def sound_of(source: SimulatedCity) -> dict[str, np.ndarray]:
    """All that every sensor sends."""
    heard: dict[str, list[np.ndarray]] = {}
    for chunk in source.chunks():
        heard.setdefault(chunk.sensor_id, []).append(chunk.samples)
    return {name: np.concatenate(parts) for name, parts in heard.items()}


@pytest.fixture(scope="module")
def evening() -> dict[str, np.ndarray]:
    """Played from beginning to end."""
    return sound_of(small())


def test_the_same_seed_is_the_same_evening_and_another_seed_another(evening: dict[str, np.ndarray]) -> None:
    """To the last bit, places and times included."""
    again, other = sound_of(small()), sound_of(small(seed=2))
    for name, sound in evening.items():
        assert np.array_equal(sound, again[name])
        assert not np.array_equal(sound, other[name])
    assert small().truth(6.0) == small().truth(6.0) != small(seed=2).truth(6.0)


def test_any_second_of_any_sensor_can_be_asked_for_in_any_order(evening: dict[str, np.ndarray]) -> None:
    """Backwards, one sensor after another, from a city that has played nothing: the same samples."""
    source = small()
    for ear in reversed(SMALL.ears):
        for second in reversed(range(6)):
            expected = evening[ear.sensor_id][second * SAMPLE_RATE : (second + 1) * SAMPLE_RATE]
            assert np.array_equal(source.second(ear, second), expected)


def test_chunks_follow_on_each_other_sensor_by_sensor() -> None:
    """Each begins where the one before ended, in the order of time, and samples are float32 within one."""
    ends: dict[str, int] = {}
    latest = 0
    for chunk in small().chunks():
        assert chunk.start_ns == ends.get(chunk.sensor_id, small().start_ns)
        assert chunk.end_ns >= latest
        ends[chunk.sensor_id] = latest = chunk.end_ns
        assert chunk.samples.dtype == np.float32
        assert np.abs(chunk.samples).max() <= 1.0
    assert set(ends.values()) == {small().start_ns + 6 * NS_PER_S}


def test_a_shot_is_heard_when_it_has_come(evening: dict[str, np.ndarray]) -> None:
    """At the nearest sensor nothing stands out before the shot can be there, and its peak follows within 60 ms."""
    shot = small().truth(3.0)[0]
    nearest = min(SMALL.ears, key=lambda ear: np.linalg.norm(np.subtract(ear.place_m, shot.place_m)))
    straight_s = float(np.linalg.norm(np.subtract(nearest.place_m, shot.place_m))) / 338.0
    arrival = int((shot.times_s[0] + straight_s) * SAMPLE_RATE)
    level = np.abs(evening[nearest.sensor_id])
    assert level[arrival - 6000 : arrival - 60].max() < 0.2 * level[arrival : arrival + 720].max()


def test_the_site_knows_places_but_not_what_is_wrong_with_its_sensors() -> None:
    """Clocks and gains are off by amounts that only the truth has."""
    source = small()
    for ear in SMALL.ears:
        sensor = source.site().sensors[ear.sensor_id]
        assert sensor.position is not None
        assert (sensor.position.x_m, sensor.position.y_m, sensor.position.z_m) == ear.place_m
        assert 0 < abs(ear.clock_s) < 5 * sensor.clock_sigma_s
    assert source.site().origin is not None


def test_streets_are_geojson_lines_about_the_sensors() -> None:
    """RFC 7946: longitude first, within a few kilometres of the site's origin, main streets told apart."""
    source = small()
    origin = source.site().origin
    assert origin is not None
    assert source.streets["type"] == "FeatureCollection"
    assert {street["properties"]["kind"] for street in source.streets["features"]} == {"major", "minor"}
    for street in source.streets["features"]:
        for lon, lat in street["geometry"]["coordinates"]:
            assert abs(lon - origin.lon) < 0.03
            assert abs(lat - origin.lat) < 0.03


def test_closing_ends_a_source_that_waits() -> None:
    """An hour ahead of its time it waits; closed from another thread it ends, with no chunk given."""
    source = SimulatedCity(SHORT, seed=1, place=SMALL, realtime=True, start_ns=2**62)
    given: list[object] = []
    playing = threading.Thread(target=lambda: given.extend(source.chunks()), daemon=True)
    playing.start()
    source.close()
    playing.join(30)
    assert not playing.is_alive()
    assert given == []


def test_the_demo_shows_everything_within_forty_seconds_and_elsewhere_each_time() -> None:
    """A shot within 6 s, a burst of three within 25 s, then what is no gunfire; no two rounds at one place."""
    source = SimulatedCity(demo_scenario(), seed=5, realtime=False)
    first = [one for one in source.truth(84.0) if one.times_s[0] < 42.0]
    again = [one for one in source.truth(84.0) if one.times_s[0] >= 42.0]
    shots = [one for one in first if one.rounds]
    assert [one.rounds for one in shots] == [1, 3]
    assert shots[0].times_s[0] < 5.0
    assert shots[1].times_s[-1] < 20.0
    others = {one.kind: one.times_s[0] for one in first if not one.rounds}
    assert set(others) == {"firework", "hammer", "thunder", "door", "backfire"}
    assert max(others.values()) < 36.0
    assert all(one.position != two.position for one, two in zip(first, again, strict=True))
