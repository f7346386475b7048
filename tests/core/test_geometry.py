"""Claims about places on the earth and in metres."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Geod

from dhishoom.core.geometry import place_of, to_geographic, to_local
from dhishoom.errors import GeometryError
from dhishoom.nouns import Origin, Position, Site

ORIGIN = Origin(lat=40.44, lon=-79.99, altitude_m=250.0)


@given(st.floats(-0.2, 0.2), st.floats(-0.2, 0.2), st.floats(-100, 500))
def test_there_and_back_is_the_same_place(north: float, east: float, up: float) -> None:
    """To a millimetre, within a city."""
    place = to_local(ORIGIN, ORIGIN.lat + north, ORIGIN.lon + east, up)
    lat, lon, altitude_m = to_geographic(ORIGIN, place)
    assert lat == pytest.approx(ORIGIN.lat + north, abs=1e-8)
    assert lon == pytest.approx(ORIGIN.lon + east, abs=1e-8)
    assert altitude_m == pytest.approx(up, abs=1e-3)


@given(st.floats(0, 360), st.floats(1, 5000))
def test_distances_and_directions_are_those_on_the_ellipsoid(azimuth_deg: float, distance_m: float) -> None:
    """Golden: PROJ's geodesics, another method than the tangent plane."""
    level = Origin(lat=ORIGIN.lat, lon=ORIGIN.lon)
    lon, lat, _ = Geod(ellps="WGS84").fwd(level.lon, level.lat, azimuth_deg, distance_m)
    place = to_local(level, lat, lon)
    assert math.hypot(place.x_m, place.y_m) == pytest.approx(distance_m, rel=1e-5, abs=2e-3)
    off = math.degrees(math.atan2(place.x_m, place.y_m)) - azimuth_deg
    assert abs((off + 180) % 360 - 180) < 0.05


def test_a_place_near_the_pole_or_across_the_date_line_is_a_place() -> None:
    """Nothing about the frame rests on longitude being small."""
    north = to_local(Origin(lat=89.9999, lon=10.0), 89.9999, -170.0)
    assert abs(north.x_m) < 1
    assert 20 < north.y_m < 25
    date_line = to_local(Origin(lat=0.0, lon=179.9999), 0.0, -179.9999)
    assert date_line.x_m == pytest.approx(22.26, abs=0.05)


@pytest.mark.parametrize(("lat", "lon"), [(95.0, 0.0), (0.0, 200.0), (float("nan"), 0.0), (0.0, float("inf"))])
def test_what_is_no_place_on_earth_is_refused(lat: float, lon: float) -> None:
    """Degrees that cannot be, or that are none."""
    with pytest.raises(GeometryError, match="no place on earth"):
        to_local(ORIGIN, lat, lon)


def test_a_place_in_another_country_is_refused() -> None:
    """Swapped degrees mostly land far off: it says so."""
    with pytest.raises(GeometryError, match="more than 200 km"):
        to_local(ORIGIN, -79.99, 40.44)


def test_a_site_writes_places_in_its_own_way() -> None:
    """Metres where it is local, degrees where it is on the earth."""
    here = Position(x_m=1.23456, y_m=-2.0, z_m=3.0)
    assert place_of(Site())(here) == {"x": 1.235, "y": -2.0, "z": 3.0}
    assert place_of(Site())(replace(here, z_assumed=True)) == {"x": 1.235, "y": -2.0, "z": None}
    told = place_of(Site(origin=ORIGIN))(here)
    assert told["lat"] == pytest.approx(ORIGIN.lat, abs=1e-4)
    assert set(told) == {"lat", "lon"}
