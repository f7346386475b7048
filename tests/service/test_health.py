"""States of sensors and figures of the service, by a clock that the test turns."""

from __future__ import annotations

import numpy as np
import pytest

from dhishoom.nouns import NS_PER_S, Chunk, Origin, Position, Sensor, Site
from dhishoom.service.health import Health

SITE = Site(
    sensors={name: Sensor(sensor_id=name, position=Position(x_m=1.0, y_m=2.0), name=name.upper()) for name in "ab"}
)


class Clock:
    """Turned by hand."""

    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def chunk(sensor_id: str, second: int, level: float = 0.1) -> Chunk:
    """One second of a constant level."""
    samples = np.full(1000, level, np.float32)
    return Chunk(sensor_id=sensor_id, start_ns=second * NS_PER_S, sample_rate=1000, samples=samples)


def states(health: Health) -> dict[str, str]:
    """By sensor."""
    return {one["id"]: one["state"] for one in health.sensors()}


def test_a_sensor_is_gone_until_heard_and_when_it_stops() -> None:
    """Ten seconds without a chunk, by the machine's clock."""
    clock = Clock()
    health = Health(SITE, now_s=clock)
    assert states(health) == {"a": "gone", "b": "gone"}
    assert list(health.gone()) == []

    health.hear(chunk("a", 5))
    assert states(health) == {"a": "live", "b": "gone"}

    clock.now_s += 11
    assert states(health)["a"] == "gone"
    assert list(health.gone()) == ["a"]


def test_a_sensor_that_lags_is_late() -> None:
    """More than ten seconds behind the furthest, by the sensors' clocks."""
    health = Health(SITE, now_s=Clock())
    health.hear(chunk("a", 5))
    health.hear(chunk("b", 20))

    assert states(health) == {"a": "late", "b": "live"}


def test_digital_silence_is_told_and_has_no_level() -> None:
    """Six seconds of zeros; one sound ends it."""
    health = Health(SITE, now_s=Clock())
    for second in range(6):
        health.hear(chunk("a", second, 0.0))
    assert health.sensors()[0]["state"] == "silent"
    assert health.sensors()[0]["level_dbfs"] is None

    health.hear(chunk("a", 6, 0.1))

    assert health.sensors()[0]["state"] == "live"
    assert health.sensors()[0]["level_dbfs"] == pytest.approx(-20.0)


def test_changed_tells_each_state_once() -> None:
    """All at first, then those that changed."""
    health = Health(SITE, now_s=Clock())
    assert len(health.changed()) == 2
    health.hear(chunk("b", 1))

    assert [one["id"] for one in health.changed()] == ["b"]
    assert health.changed() == []


def test_only_the_first_chunk_of_an_unknown_sensor_is_news() -> None:
    """It is listed from then on, without a place."""
    health = Health(SITE, now_s=Clock())

    assert [health.hear(chunk("x", 1)), health.hear(chunk("x", 2)), health.hear(chunk("a", 1))] == [True, False, False]
    assert health.sensors()[-1]["position"] is None


def test_the_api_gets_places_and_figures() -> None:
    """Degrees in a geographic site; counts, lag and age in the health."""
    clock = Clock()
    health = Health(Site(sensors=SITE.sensors, origin=Origin(lat=41.0, lon=-87.0)), lag=lambda: 7, now_s=clock)
    clock.now_s += 2.5
    health.count("chunks_lost", 3)
    health.hear(chunk("a", 1))
    health.note("a", "gap")

    told = health.health()

    assert set(health.sensors()[0]["position"]) == {"lat", "lon"}
    assert health.sensors()[0]["notices"] == {"gap": 1}
    assert (told["lag"], told["chunks_total"], told["chunks_lost"], told["sensors_live"]) == (7, 1, 3, 1)
    assert told["uptime_s"] == 2.5
