"""`dhishoom init`: files that work as written."""

from __future__ import annotations

import csv
import re
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from dhishoom.cli.init import init
from dhishoom.sections import Section
from dhishoom.settings import Settings, parse_settings, read_settings
from dhishoom.sources.sensors_csv import KNOWN, read_sensors_csv

WriteBangs = Callable[..., Path]


def keys(section: type[Section] = Settings, name: str = "") -> Iterator[str]:
    """Every setting as `table.key`."""
    for field in msgspec.structs.fields(section):
        inner = section_in(field.type)
        yield from keys(inner, field.encode_name) if inner else [f"{name}.{field.encode_name}"]


def section_in(kind: Any) -> type[Section] | None:
    """The table that a setting is, or is a list of."""
    if isinstance(kind, type) and issubclass(kind, Section):
        return kind
    return next((found for one in get_args(kind) if (found := section_in(one))), None)


def test_what_is_written_is_taken_as_it_is(run, tmp_path: Path) -> None:
    """It listens to the microphone; nothing need be filled in."""
    config = tmp_path / "dhishoom.toml"

    result = run(init, "--config", config)

    assert result.exit_code == 0
    assert [sensor.source for sensor in read_settings(config).sensor] == ["microphone"]
    assert "dhishoom run" in result.err


def test_what_is_switched_off_shows_what_holds_without_it(run, tmp_path: Path) -> None:
    """Apart from the examples of sensors and sources, switching a line on changes nothing but those that say empty."""
    config = tmp_path / "dhishoom.toml"
    run(init, "--config", config)
    text = config.read_text()
    for name in (
        "humidity_percent",
        "pressure_kpa",
        "threads",
        "free_megabytes",
        "lateness_s",
        "messages_max",
        "clips",
    ):
        text, count = re.subn(rf"^# ({name} =)", r"\1", text, flags=re.MULTILINE)
        assert count == 1

    assert msgspec.structs.replace(read_settings(config)) == msgspec.convert(tomllib.loads(text), Settings)


BY_EXAMPLE = ("alerts.", "rule.", "sink.", "bus.", "bridge.", "spark.")
"""Tables of which the file shows an example or the name; docs/settings.md lists their keys."""


@pytest.mark.parametrize("key", sorted(key for key in set(keys()) if not key.startswith(BY_EXAMPLE)))
def test_every_setting_is_in_it(run, tmp_path: Path, write_bangs: WriteBangs, key: str) -> None:
    """With its name as it is read, switched on or off, whatever it is written for."""
    name = key.rpartition(".")[2]
    folder = write_bangs("recordings/a.wav").parent
    for options in ((), ("--replay", folder)):
        run(init, "--config", tmp_path / "dhishoom.toml", "--force", *options)
        text = (tmp_path / "dhishoom.toml").read_text()
        if key.startswith(("sensor.", "replay.")) and options:
            continue  # examples of live sensors stand in the other one
        assert re.search(rf"^(# )?{name} =", text, re.MULTILINE), key


def test_every_example_in_it_is_taken(run, tmp_path: Path) -> None:
    """Each table that is switched off, switched on."""
    run(init, "--config", tmp_path / "dhishoom.toml")
    text = (tmp_path / "dhishoom.toml").read_text()
    tables = re.findall(r"^# \[.*\n(?:# \w+ = .*\n)+", text, re.MULTILINE)
    tables = [re.sub("^# ", "", table, flags=re.MULTILINE) for table in tables]
    sink = next(table for table in tables if table.startswith("[[sink]]"))

    assert len(tables) >= 7
    for table in tables:
        needed = sink if table.startswith("[[rule]]") else ""
        parse_settings(needed + table, environment={"CAMERA_PASSWORD": "x", "MAIL_PASSWORD": "x"})


def test_nothing_is_overwritten_unasked(run, tmp_path: Path, write_bangs: WriteBangs) -> None:
    """Where one of two files is there, neither is written; --force writes both."""
    folder = write_bangs("recordings/a.wav").parent
    config, table = tmp_path / "dhishoom.toml", folder / "sensors.csv"
    table.write_text("mine")

    refused = run(init, "--config", config, "--replay", folder)

    assert refused.exit_code == 2
    assert "--force" in refused.err
    assert table.read_text() == "mine"
    assert not config.exists()
    assert run(init, "--config", config, "--replay", folder, "--force").exit_code == 0
    assert table.read_text() != "mine"


def test_recordings_are_listed_by_sensor_and_time(run, tmp_path: Path, write_bangs: WriteBangs) -> None:
    """A name tells the time where a recorder wrote it there, a folder the sensor; the rest is left to fill in."""
    for name in (
        "roof_20260131_200000.wav",
        "sensor=s1/date=2026-01-31/20260131T200000.123456Z.flac",
        "yard/2026-01-31T20-00-05Z.wav",
        "plain.wav",
        "20269931_200000.wav",
    ):
        write_bangs(f"recordings/{name}", seconds=0.5)
    folder = tmp_path / "recordings"

    result = run(init, "--config", tmp_path / "dhishoom.toml", "--replay", folder)

    with (folder / "sensors.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert set(rows[0]) <= set(KNOWN)
    assert [(row["sensor_id"], row["start_time"]) for row in rows] == [
        ("20269931_200000", ""),
        ("plain", ""),
        ("roof", "2026-01-31T20:00:00.000000Z"),
        ("s1", "2026-01-31T20:00:00.123456Z"),
        ("yard", "2026-01-31T20:00:05.000000Z"),
    ]
    assert "start_time of 2 of 5 files" in result.err


def test_the_table_is_replayed_once_it_is_filled_in(run, tmp_path: Path, write_bangs: WriteBangs) -> None:
    """What init writes is what replay reads; the settings name the folder relative to themselves."""
    folder = write_bangs("recordings/a.wav").parent
    run(init, "--config", tmp_path / "dhishoom.toml", "--replay", folder)
    table = folder / "sensors.csv"
    with table.open(newline="") as file:
        (row,) = csv.DictReader(file)
    filled = row | {"start_time": "2026-01-31T20:00:00Z", "x": "1", "y": "2"}
    table.write_text(",".join(filled) + "\n" + ",".join(filled.values()) + "\n")

    problems: list[str] = []
    (recording,) = read_sensors_csv(folder, problems)

    assert problems == []
    assert (recording.sensor_id, recording.path.name) == ("a", "a.wav")
    replay = read_settings(tmp_path / "dhishoom.toml").replay
    assert replay is not None
    assert replay.path == "recordings"


@pytest.mark.parametrize(("path", "code"), [("none", 2), ("empty", 4)])
def test_a_folder_without_recordings_is_refused(run, tmp_path: Path, path: str, code: int) -> None:
    """And nothing is written."""
    (tmp_path / "empty").mkdir()

    result = run(init, "--config", tmp_path / "dhishoom.toml", "--replay", tmp_path / path)

    assert result.exit_code == code
    assert not (tmp_path / "dhishoom.toml").exists()


def test_a_folder_that_cannot_be_written_is_told(run, tmp_path: Path) -> None:
    """In one message."""
    (tmp_path / "file").write_text("")

    result = run(init, "--config", tmp_path / "file" / "dhishoom.toml")

    assert result.exit_code == 3
    assert "cannot write" in result.err
