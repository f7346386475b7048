"""A city in regions: every place is one region's, and every shot is heard whole by the region that tells it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhishoom.nouns import Position, Sensor, Site
from dhishoom.service.regions import regions
from tests.contracts.examples import an_incident

REACH_M = 1000.0


def site(count: int, seed: int = 0) -> Site:
    """Sensors anywhere in twenty kilometres, and one that is nowhere."""
    places = np.random.default_rng(seed).uniform(0, 20_000, (count, 2))
    sensors = {
        f"s{at}": Sensor(sensor_id=f"s{at}", position=Position(x_m=float(x), y_m=float(y)))
        for at, (x, y) in enumerate(places)
    }
    return Site(sensors={**sensors, "nowhere": Sensor(sensor_id="nowhere")})


@given(
    count=st.integers(1, 9),
    x=st.floats(-30_000, 30_000),
    y=st.floats(-30_000, 30_000),
    seed=st.integers(0, 5),
)
def test_every_place_is_of_one_region_that_hears_all_about_it(count: int, x: float, y: float, seed: int) -> None:
    """The boxes fill the plane without overlap; sensors within reach of a place listen in its region."""
    city = site(60, seed)
    found = [one for one in regions(city, count, REACH_M) if one.box.holds(Position(x_m=x, y_m=y))]

    assert len(found) == 1
    for name, sensor in city.sensors.items():
        place = sensor.position
        if place is not None and math.dist((x, y), (place.x_m, place.y_m)) <= REACH_M:
            assert found[0].listens_to(name)


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8])
def test_regions_have_about_as_many_sensors(count: int) -> None:
    """Within one of each other, but for what they overlap."""
    sizes = [len(one.site.sensors) for one in regions(site(240), count, 0.0)]

    assert max(sizes) - min(sizes) <= 3


def test_an_incident_is_told_by_one_region_located_or_not() -> None:
    """By its place; without one, by that of its first sensor; without that, by the first region."""
    from dataclasses import replace

    made = regions(site(60), 4, REACH_M)
    located = an_incident()
    unlocated = replace(located, position=None, sensor_ids=("s3", "s7"))
    nowhere = replace(located, position=None, sensor_ids=("nowhere",))

    for incident in (located, unlocated, nowhere):
        assert sum(one.owns(incident) for one in made) == 1
    assert made[0].owns(nowhere)
    assert [one.listens_to("nowhere") for one in made] == [True, False, False, False]
    assert [one.listens_to("stranger") for one in made] == [True, False, False, False]


def test_a_city_without_places_is_all_the_first_regions() -> None:
    """No place, no borders."""
    made = regions(Site(sensors={"a": Sensor(sensor_id="a")}), 3, REACH_M)

    assert [len(one.site.sensors) for one in made] == [1, 0, 0]
