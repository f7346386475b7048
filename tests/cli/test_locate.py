"""Claims about `dhishoom locate`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from dhishoom.cli.locate import locate
from dhishoom.core.acoustics import speed_of_sound_m_s
from dhishoom.core.timestamps import from_rfc3339, to_rfc3339
from dhishoom.nouns import Weather
from tests.cli.conftest import Run
from tests.core.scenery import START_NS

PLACES = {"a": (0, 0), "b": (500, 20), "c": (480, 520), "d": (10, 470), "e": (240, -150)}
SOURCE = (200.0, 150.0)
Runner = Callable[..., Run]


def arrivals(temperature_c: float = 20.0):
    """Sensor and exact time of arrival of two shots."""
    speed = speed_of_sound_m_s(Weather(temperature_c=temperature_c))
    for fired_s in (0.0, 0.6):
        for name, (x, y) in PLACES.items():
            travel_s = float(np.hypot(x - SOURCE[0], y - SOURCE[1])) / speed
            yield name, to_rfc3339(START_NS + round((fired_s + travel_s) * 1e9))


@pytest.fixture
def own_form(tmp_path: Path) -> Path:
    """A file of our own form."""
    sensors = {name: {"x": x, "y": y, "z": 3.0} for name, (x, y) in PLACES.items()}
    picks = [{"sensor_id": name, "time": time, "sigma_s": 0.001} for name, time in arrivals()]
    return write(tmp_path / "picks.json", {"temperature_c": 20, "sensors": sensors, "picks": picks})


@pytest.fixture
def pulses(tmp_path: Path) -> Path:
    """A file of the live-fire form, its weather beside it."""
    write(tmp_path / "t.weather.json", {"temperature": 5.0, "speed": 0.0, "direction": 0.0})
    found = [
        {
            "pulse_uuid": f"p{at}",
            "serial_number": name,
            "arrival_time_utc": time,
            "location": dict(zip("xyz", (*PLACES[name], 3.0), strict=True)),
            "signal_to_noise_dB": 20.0,
        }
        for at, (name, time) in enumerate(arrivals(5.0))
    ]
    return write(tmp_path / "t.allpulses.json", found)


def write(path: Path, content: object) -> Path:
    """As JSON."""
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def incidents(run: Run) -> list[dict]:
    """The lines of standard output."""
    assert run.exit_code == 0, run.err
    return [json.loads(line) for line in run.out.splitlines()]


@pytest.mark.parametrize("form", ["own_form", "pulses"])
def test_both_forms_are_located(form: str, run: Runner, request: pytest.FixtureRequest) -> None:
    """Two shots from one place: one incident, two rounds, at its place to a metre, as docs/formats.md has it."""
    (incident,) = incidents(run(locate, request.getfixturevalue(form), "--json"))
    assert incident["type"] == "incident"
    assert incident["status"] == "located"
    assert np.hypot(incident["position"]["x"] - SOURCE[0], incident["position"]["y"] - SOURCE[1]) < 1
    assert incident["position"]["z"] is None  # sensors of one height do not tell it
    assert incident["rounds"] == 2
    assert len(incident["shots"]) == 2
    assert abs(from_rfc3339(incident["time"]) - START_NS) < 5_000_000


def test_a_table_is_for_people(own_form: Path, run: Runner) -> None:
    """Status, place and rounds, and no JSON."""
    told = run(locate, own_form)
    assert told.exit_code == 0
    assert "located" in told.out
    assert "multiple" in told.out


def test_the_temperature_given_goes_before_the_file_s(own_form: Path, run: Runner) -> None:
    """In colder air sound is slower, and exact arrivals fit another place less well."""
    (true,) = incidents(run(locate, own_form, "--json"))
    (cold,) = incidents(run(locate, own_form, "--json", "--temperature", "-20"))
    assert cold["shots"][0]["residual_ms"] > true["shots"][0]["residual_ms"]


def test_the_wind_is_found_where_asked(own_form: Path, run: Runner) -> None:
    """Exact arrivals in still air show no wind."""
    told = run(locate, own_form, "--json", "--estimate-wind")
    assert "wind 0.0 m/s" in told.err
    assert len(incidents(told)) == 1


def test_a_figure_is_drawn(own_form: Path, run: Runner, tmp_path: Path) -> None:
    """A PNG of the first located incident."""
    pytest.importorskip("matplotlib")
    figure = tmp_path / "shot.png"
    assert run(locate, own_form, "--json", "--plot", figure).exit_code == 0
    assert figure.read_bytes().startswith(b"\x89PNG")
    refused = run(locate, own_form, "--plot", tmp_path / "no" / "shot.png")
    assert refused.exit_code == 2
    assert "--plot" in refused.err


def test_picks_that_cannot_be_are_told_and_left_out(own_form: Path, run: Runner) -> None:
    """An unknown sensor, a time that is none or lies in the far future, a sigma below zero: the rest is located."""
    content = json.loads(own_form.read_text())
    content["picks"] += [
        {"sensor_id": "z", "time": "2026-01-01T00:00:00Z"},
        {"sensor_id": "a", "time": "yesterday"},
        {"sensor_id": "a", "time": "2999-01-01T00:00:00Z"},
        {"sensor_id": "a", "time": "2026-01-01T00:00:00Z", "sigma_s": -1},
    ]
    write(own_form, content)
    told = run(locate, own_form, "--json")
    assert told.err.count("is left out") == 4
    assert [one["status"] for one in incidents(told)].count("located") == 1


def test_a_sensor_that_moved_is_told(pulses: Path, run: Runner) -> None:
    """A pulse measured 300 m from where its sensor mostly stood counts for nothing."""
    content = json.loads(pulses.read_text())
    content.append({**content[0], "pulse_uuid": "moved", "location": {"x": 300.0, "y": 0.0}})
    content.append({**content[0], "pulse_uuid": "again", "location": {"x": 0.0, "y": 0.0}})
    write(pulses, content)
    told = run(locate, pulses, "--json")
    assert "moved" in told.err
    assert "another id" in told.err
    assert [one["status"] for one in incidents(told)] == ["located"]


@pytest.mark.parametrize(
    ("sensors", "reason"),
    [
        ({"a": (0, 0), "b": (500, 20)}, "three are needed"),
        ({"a": (0, 0), "b": (0, 0), "c": (480, 520)}, "three are needed"),
        ({"a": (0, 0), "b": (200, 0), "c": (400, 0), "d": (700, 0)}, "in a line"),
    ],
)
def test_sensors_that_cannot_locate_make_no_point(sensors, reason: str, tmp_path: Path, run: Runner) -> None:
    """Too few, two at one place, all in a line: unlocated incidents with their reason, or none, never a point."""
    picks = [
        {"sensor_id": name, "time": to_rfc3339(START_NS + round(np.hypot(x - 100, y - 90) / 340 * 1e9)), "score": 0.95}
        for name, (x, y) in sensors.items()
    ]
    places = {name: {"x": x, "y": y} for name, (x, y) in sensors.items()}
    told = incidents(run(locate, write(tmp_path / "p.json", {"sensors": places, "picks": picks}), "--json"))
    assert all(one["position"] is None and reason in one["reason"] for one in told)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[",
        "{}",
        "null",
        '{"sensors": {}, "picks": 3}',
        '{"sensors": {"a": {"x": NaN, "y": 0}}, "picks": []}',
        "\xff",
    ],
)
def test_what_is_no_file_of_picks_is_refused_in_one_sentence(text: str, tmp_path: Path, run: Runner) -> None:
    """It names the file and the page that shows what it should hold."""
    path = tmp_path / "picks.json"
    path.write_bytes(text.encode("latin-1"))
    told = run(locate, path)
    assert told.exit_code == 4
    assert "picks.json" in told.err
    assert "Traceback" not in told.err


def test_a_file_that_is_not_there_is_refused(tmp_path: Path, run: Runner) -> None:
    """With its name."""
    told = run(locate, tmp_path / "none.json")
    assert told.exit_code == 4
    assert "none.json" in told.err


def test_a_file_without_picks_says_so(tmp_path: Path, run: Runner) -> None:
    """No incident is no error."""
    told = run(locate, write(tmp_path / "p.json", {"sensors": {}, "picks": []}))
    assert told.exit_code == 0
    assert "no incident" in told.err
