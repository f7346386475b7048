"""docs/formats.md is what the code does: its examples are read, and its keys are those that are printed."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from dhishoom.buses.audio_message import chunk_to_message
from dhishoom.cli.detect import LabelForm, detect
from dhishoom.cli.exports import CSV_COLUMNS, RAVEN_COLUMNS, WRITERS
from dhishoom.cli.init import COLUMNS as INIT_COLUMNS
from dhishoom.cli.listen import listen
from dhishoom.cli.replay import replay
from dhishoom.messages import detection_from_json
from dhishoom.nouns import Chunk, Position
from dhishoom.sources.picks import read_picks
from dhishoom.sources.replay import Replay
from dhishoom.sources.sensors_csv import KNOWN
from dhishoom.sources.smj0 import parse_smj0
from dhishoom.stores.clips import clip_name
from tests.cli.conftest import bangs
from tests.cli.test_replay import incidents, write_scene
from tests.sources.radio import RATE, Programme, encoded, on_air

__all__ = ["write_scene"]
TEXT = (Path(__file__).parents[2] / "docs/formats.md").read_text()
ENERGY = ("--model", "energy")


def section(title: str) -> str:
    """What stands under one heading."""
    return TEXT.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def examples(title: str, language: str = "json") -> list[str]:
    """Its blocks of code."""
    return re.findall(rf"```{language}\n(.*?)```", section(title), re.DOTALL)


def example(kind: str) -> dict[str, Any]:
    """The JSON line of a type."""
    return next(found for found in map(json.loads, examples("JSON lines")) if found["type"] == kind)


def table_keys(title: str) -> list[str]:
    """Everything in code in the first column of its tables."""
    cells = re.findall(r"^\| (`[^|]*) \|", section(title), re.MULTILINE)
    return [key for cell in cells for key in re.findall(r"`([^`]+)`", cell)]


def keys(value: Any) -> Any:
    """The keys of an object, and of the objects within it, in order; names that follow from the data are left out."""
    if isinstance(value, dict):
        return {name: {} if name == "classes" else keys(inner) for name, inner in value.items()}
    return [keys(value[0])] if isinstance(value, list) and value and isinstance(value[0], dict) else None


def ordered(value: Any) -> str:
    """With the order of keys."""
    return json.dumps(keys(value))


def test_detect_prints_files_and_events_as_documented(run, write_bangs: Callable[..., Path]) -> None:
    """The same keys in the same order."""
    file, event = map(json.loads, run(detect, write_bangs("a.wav", 2.0), "--json", *ENERGY).out.splitlines())

    assert ordered(file) == ordered(example("file"))
    assert ordered(event) == ordered(example("event"))


def test_listen_prints_detections_as_documented(run) -> None:
    """The same keys in the same order; the documented one is read back."""
    pytest.importorskip("av")
    body = encoded(bangs(5.0, (2.5,), rate=RATE), "WAV")
    with on_air(Programme(body, length=len(body))) as station:
        (line,) = run(listen, station.url, "--json", *ENERGY).out.splitlines()

    assert ordered(json.loads(line)) == ordered(example("detection"))
    assert detection_from_json(example("detection")).sensor_id == "s1"


def test_replay_prints_incidents_as_documented(run, write_scene: Callable[..., Path], tmp_path: Path) -> None:
    """The same keys in the same order, down to the shots and their ellipses."""
    write_scene("one", 3.0)

    (incident,) = incidents(run(replay, tmp_path, "--json", *ENERGY).out)

    assert ordered(incident) == ordered(example("incident"))


def test_the_documented_sensors_csv_is_played(tmp_path: Path) -> None:
    """Its columns are all that are known; the example gives two sensors where it says they are."""
    (text,) = examples("sensors.csv", "csv")
    (tmp_path / "sensors.csv").write_text(text)
    for name in ("roof", "gate"):
        soundfile.write(tmp_path / f"{name}.wav", np.zeros(800, np.float32), 8000)

    (scene,) = Replay(tmp_path).scenes

    assert scene.site().sensors["gate"].position == Position(x_m=310.5, y_m=-20, z_m=3)
    assert table_keys("sensors.csv") == list(KNOWN)
    assert set(INIT_COLUMNS) <= set(KNOWN)


def test_the_documented_sidecar_is_played(tmp_path: Path) -> None:
    """Sensor, time, place and temperature are taken from it."""
    sidecar, weather = examples("Sidecars")
    (tmp_path / "T.audio.S.json").write_text(sidecar)
    (tmp_path / "T.weather.json").write_text(weather)
    soundfile.write(tmp_path / "T.audio.S.flac", np.zeros(800, np.float32), 8000)

    (scene,) = Replay(tmp_path).scenes

    assert scene.problems == scene.remarks == []
    assert scene.site().sensors["SCP-00-BNQ-1582"].position == Position(x_m=12.5, y_m=-80.25, z_m=7)
    assert scene.site().weather.temperature_c == -1.5


def test_the_documented_smj0_chunk_is_understood() -> None:
    """Every key of the example has an effect."""
    (text,) = examples("smj0")

    found = parse_smj0(zlib.compress(text.encode()), Path("a.wav"))

    assert (found.sensor_id, found.name) == ("SCP-00-BNG-5688", "Pole 3075")
    assert (found.place.lat, found.place.altitude_m) == (41.794033, 199.8)
    assert found.weather.wind_north_m_s == pytest.approx(3.1 * np.cos(np.radians(30)))


def test_the_documented_picks_are_read(tmp_path: Path) -> None:
    """Both forms."""
    ours, pulses = examples("Picks")
    path = tmp_path / "picks.json"
    path.write_text(ours)
    assert [one.sensor_id for one in read_picks(path).detections] == ["s1"]

    path.write_text(pulses)
    assert [one.snr_db for one in read_picks(path).detections] == [21.0]


def test_the_documented_headers_are_those_that_are_sent() -> None:
    """All of them, in order."""
    chunk = Chunk(
        sensor_id="s", start_ns=1, sample_rate=8000, samples=np.zeros(8, np.float32), clock_sigma_s=0.1, sequence=1
    )

    assert table_keys("Sound as messages") == list(chunk_to_message(chunk).headers)


def test_clips_are_named_as_documented() -> None:
    """The form, filled in for the beginning of 1970."""
    (form,) = re.findall(r"```\n(.*)\n```", section("Clips"))
    filled = form.replace("YYYY-MM-DD", "1970-01-01").replace("YYYYMMDDTHHMMSS.ffffff", "19700101T000000.000000")

    assert clip_name("ID", 0) == filled


def test_labels_are_as_documented() -> None:
    """Every form with its ending, and the columns of the tables."""
    assert table_keys("Labels") == [form.value for form in LabelForm] == list(WRITERS)
    assert all(f"NAME{ending}`" in section("Labels") for _, ending in WRITERS.values())
    assert ",".join(CSV_COLUMNS) in section("Labels")
    assert all(f"`{column}`" in section("Labels") for column in RAVEN_COLUMNS[7:])
