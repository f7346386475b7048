"""What a dispatcher reads."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhishoom.core.geometry import geographic_place, to_geographic
from dhishoom.errors import SettingsError
from dhishoom.messages import local_place
from dhishoom.nouns import Origin, Position
from dhishoom.service.alert_text import Wording, alert_link, alert_text
from dhishoom.service.gazetteer import AddressTable, read_gazetteer

from .test_rules import incident

PLAIN = Wording(place=local_place)
ORIGIN = Origin(lat=52.5, lon=13.4)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "1 round at x 50 m, y 50 m ± 8 m"),
        ({"rounds": 3, "rounds_low": 2, "rounds_high": 4}, "3 (2-4) rounds at x 50 m, y 50 m ± 8 m"),
        ({"alternative": Position(x_m=9.0, y_m=9.0)}, "1 round at x 50 m, y 50 m ± 8 m, or at x 9 m, y 9 m"),
        (
            {"position": None, "ellipse": None, "reason": "two sensors only"},
            "1 round within hearing of s1, s2, s3 (two sensors only)",
        ),
    ],
)
def test_the_first_line_says_rounds_and_where(changes: dict[str, Any], expected: str) -> None:
    """A pager shows one line: it must be the one that sends a car."""
    first, second = alert_text(incident(**changes), PLAIN).splitlines()
    assert first == expected
    assert second == "2023-11-14T12:00:00Z, 97% sure, single shot, heard by 3 sensors"


def test_the_place_is_degrees_in_a_geographic_site() -> None:
    """To a metre, as a navigation device takes them."""
    text = alert_text(incident(position=Position(x_m=0.0, y_m=0.0)), Wording(place=geographic_place(ORIGIN)))
    assert text.startswith("1 round at 52.50000, 13.40000 ± 8 m")


def test_local_time_comes_before_utc() -> None:
    """The dispatcher's watch, then the time that every record has."""
    second = alert_text(incident(), replace(PLAIN, timezone="America/Chicago")).splitlines()[1]
    assert second.startswith("2023-11-14 06:00:00 CST (2023-11-14T12:00:00Z), 97% sure")


@pytest.mark.parametrize("meant", ["Exercise", "Test"])
def test_what_is_not_meant_says_so_first(meant: Any) -> None:
    """Nobody is sent out by a simulation."""
    assert alert_text(incident(), replace(PLAIN, meant=meant)).startswith(f"{meant.upper()}: 1 round at")


def test_the_link_opens_the_incident_with_its_sound() -> None:
    """The page's own address of it; none where the page's address is unknown."""
    assert alert_link(incident(), replace(PLAIN, link_base="https://shots.example.org/")) == (
        "https://shots.example.org/#/live/1f"
    )
    assert alert_link(incident(), PLAIN) == ""


@given(name=st.text())
def test_no_name_of_a_sensor_breaks_a_message(name: str) -> None:
    """Names come over the network: two lines stay two, and nothing steers a terminal."""
    text = alert_text(incident(position=None, sensor_ids=(name,)), PLAIN)
    assert len(text.splitlines()) == 2
    assert all(line.isprintable() for line in text.splitlines())


def test_an_address_is_better_than_coordinates() -> None:
    """Where the gazetteer knows the place, its name is told first and its coordinates last."""
    table = AddressTable([("12 Harbour Street", Position(x_m=52.0, y_m=50.0))], 60.0)
    lines = alert_text(incident(), replace(PLAIN, gazetteer=table)).splitlines()
    assert lines[0] == "1 round at 12 Harbour Street ± 8 m"
    assert lines[2] == "at x 50 m, y 50 m"


def test_the_nearest_address_is_told_with_its_distance(tmp_path: Path) -> None:
    """Beside it the name alone; across the yard the metres too; beyond reach nothing."""
    path = tmp_path / "addresses.csv"
    path.write_text("\ufeffaddress,x,y,note\n1 Quay,0,0,\n2 Quay,100,0,corner\n", encoding="utf-8")
    table = read_gazetteer(path, None, 60.0)
    assert table.address(Position(x_m=8.0, y_m=0.0)) == "1 Quay"
    assert table.address(Position(x_m=70.0, y_m=40.0)) == "2 Quay (50 m away)"
    assert table.address(Position(x_m=50.0, y_m=500.0)) is None


def test_addresses_in_degrees_lie_in_the_sites_frame(tmp_path: Path) -> None:
    """A table of the whole country may be given: what is far from the site is left out."""
    lat, lon, _ = to_geographic(ORIGIN, Position(x_m=300.0, y_m=-200.0))
    path = tmp_path / "addresses.csv"
    path.write_text(f"address,lat,lon\nMill Lane 3,{lat},{lon}\nFar away,48.1,11.5\n", encoding="utf-8")
    assert read_gazetteer(path, ORIGIN, 60.0).address(Position(x_m=301.0, y_m=-199.0)) == "Mill Lane 3"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "cannot be read"),
        ("name,lat,lon\n", "no column 'address'"),
        ("address,x,y\n", "no column 'lat'"),
        ("address,lat,lon\nHere,52.5,13.4\nThere,north,13.4\n", "line 3"),
        ("address,lat,lon\nHere,,\n", "line 2"),
        ("address,lat,lon\nHere,13.4,52.5\n", "swapped"),
    ],
)
def test_a_table_that_cannot_be_used_says_what_to_mend(tmp_path: Path, text: str | None, words: str) -> None:
    """At start, not at the first shot."""
    path = tmp_path / "addresses.csv"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match=words):
        read_gazetteer(path, ORIGIN, 60.0)
