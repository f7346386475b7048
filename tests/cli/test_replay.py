"""`dhishoom replay`: recordings of several sensors become incidents, each told once, in its last revision."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
import soundfile

from dhishoom.cli.replay import replay
from dhishoom.core.timestamps import from_rfc3339, to_rfc3339
from tests.cli.conftest import RATE, bangs

ENERGY = ("--model", "energy")
SENSORS = {"a": (0.0, 0.0), "b": (300.0, 20.0), "c": (10.0, 280.0), "d": (310.0, 300.0), "e": (150.0, -200.0)}
SHOOTER = (120.0, 90.0)
SPEED_M_S = 340.3
"""Of sound at 15 degrees, where nothing else is said."""
NIGHT = "2026-03-01T22:00:00Z"
WriteScene = Callable[..., Path]


def sound_at(place: tuple[float, float], fired_s: tuple[float, ...], *, seconds: float, seed: int) -> np.ndarray:
    """What a sensor hears of shots fired then."""
    travel_s = math.dist(place, SHOOTER) / SPEED_M_S
    return bangs(seconds, tuple(fired + travel_s for fired in fired_s), seed=seed)


@pytest.fixture
def write_scene(tmp_path: Path) -> WriteScene:
    """Writes `tmp_path/NAME` with a sensors.csv: five sensors that hear shots fired at these seconds."""

    def write(
        name: str, *fired_s: float, seconds: float = 10.0, edit: Callable[[str, np.ndarray], np.ndarray] | None = None
    ) -> Path:
        folder = tmp_path / name
        folder.mkdir(parents=True)
        rows = ["sensor_id,file,start_time,x,y"]
        for seed, (sensor, place) in enumerate(SENSORS.items()):
            sound = sound_at(place, fired_s, seconds=seconds, seed=seed)
            sound = edit(sensor, sound) if edit else sound
            soundfile.write(folder / f"{sensor}.wav", sound, RATE)
            rows.append(f"{sensor},{sensor}.wav,{NIGHT},{place[0]},{place[1]}")
        (folder / "sensors.csv").write_text("\n".join(rows))
        return folder

    return write


def incidents(text: str) -> list[dict]:
    """JSON lines as objects."""
    return [json.loads(line) for line in text.splitlines()]


def distance_m(incident: Mapping[str, dict]) -> float:
    """From the shooter to where the incident was located."""
    return math.dist((incident["position"]["x"], incident["position"]["y"]), SHOOTER)


def test_an_incident_is_told_with_place_time_and_rounds(run, write_scene: WriteScene, tmp_path: Path) -> None:
    """Three shots from one place are one incident of three rounds, within metres and milliseconds, in its folder."""
    write_scene("north/one", 3.0, 4.2, 5.1)

    (incident,) = incidents(run(replay, tmp_path, "--json", *ENERGY).out)

    assert (incident["type"], incident["folder"], incident["status"]) == ("incident", "north/one", "located")
    assert (incident["rounds"], incident["fire"], len(incident["shots"])) == (3, "multiple", 3)
    assert incident["sensors"] == sorted(SENSORS)
    assert distance_m(incident) < 5
    assert from_rfc3339(incident["time"]) == pytest.approx(from_rfc3339(NIGHT) + 3_000_000_000, abs=15_000_000)
    assert incident["ellipse"]["confidence"] == 0.95


def test_folders_are_told_in_the_order_of_their_names(run, write_scene: WriteScene, tmp_path: Path) -> None:
    """Each folder is a scene of its own, though all of them are of the same minute."""
    write_scene("b", 3.0)
    write_scene("a", 2.0)

    result = run(replay, tmp_path, "--json", *ENERGY)

    assert [one["folder"] for one in incidents(result.out)] == ["a", "b"]
    assert "2 folders played: 2 incidents." in result.err


def test_replaying_twice_prints_the_same(run, write_scene: WriteScene, tmp_path: Path) -> None:
    """Ids, revisions and figures follow from the sound alone; a rate changes nothing but the time it takes."""
    write_scene("one", 3.0, 5.0)

    first, second, played = (run(replay, tmp_path, "--json", *ENERGY, *more).out for more in ((), (), ("--rate", 1000)))

    assert first == second
    assert [one["id"] for one in incidents(played)] == [one["id"] for one in incidents(first)]
    assert [one["shots"] for one in incidents(played)] == [one["shots"] for one in incidents(first)]


def test_at_a_rate_incidents_are_shown_while_they_unfold(run, write_scene: WriteScene, tmp_path: Path) -> None:
    """On standard error, as they come; the table follows at the end."""
    write_scene("one", 3.0)

    result = run(replay, tmp_path, "--rate", 1000, *ENERGY)

    assert "2026-03-01 22:00:03.00" in result.err
    assert "2026-03-01 22:00:03.00" in result.out


def test_the_table_says_where_and_how_sure(run, write_scene: WriteScene, tmp_path: Path) -> None:
    """Folder, time, place, ellipse, rounds, sensors and score."""
    write_scene("one", 3.0, 4.0)

    result = run(replay, tmp_path, *ENERGY)

    (row,) = [line for line in result.out.splitlines() if "one" in line]
    assert result.exit_code == 0
    cells = [cell.strip() for cell in row.strip("│ ").split("│")]
    assert (cells[0], cells[1], cells[4], cells[5]) == ("one", "2026-03-01 22:00:03.00", "2", "5")
    assert [round(float(value), -1) for value in cells[2].split(", ")] == [120.0, 90.0]


def test_nothing_fired_is_no_incident_and_no_failure(run, write_scene: WriteScene, tmp_path: Path) -> None:
    """Noise alone: no line, no table, success."""
    write_scene("quiet")

    result = run(replay, tmp_path, *ENERGY)

    assert (result.exit_code, result.out) == (0, "")
    assert "1 folder played: 0 incidents." in result.err


def test_the_edge_of_padding_is_no_shot(run, write_scene: WriteScene, tmp_path: Path) -> None:
    """Recordings padded with zeros before and after steady noise make no incident; a shot within them is found."""

    def padded(sensor: str, sound: np.ndarray) -> np.ndarray:
        begin, end = round((2.0 + 0.1 * ord(sensor) % 1) * RATE), round(8.0 * RATE)
        loud = 30 * sound
        return np.concatenate([np.zeros(begin, np.float32), loud[begin:end], np.zeros(len(sound) - end, np.float32)])

    write_scene("edges", edit=padded)
    write_scene("shot", 4.0, edit=padded)

    found = incidents(run(replay, tmp_path, "--json", *ENERGY).out)

    assert [(one["folder"], one["rounds"]) for one in found] == [("shot", 1)]


def test_what_is_wrong_with_one_sensor_costs_that_sensor_alone(run, write_scene: WriteScene, tmp_path: Path) -> None:
    """A text, a truncated file and a row without a file: each told in one line, the shot is located by the rest."""
    folder = write_scene("one", 3.0)
    (folder / "d.wav").write_text("no sound in here " * 9)
    (folder / "e.wav").write_bytes((folder / "e.wav").read_bytes()[:150_000])
    with (folder / "sensors.csv").open("a") as table:
        table.write(f"\nf,gone.wav,{NIGHT},1,1\n")

    result = run(replay, tmp_path, "--json", *ENERGY)

    (incident,) = incidents(result.out)
    assert (result.exit_code, incident["status"]) == (4, "located")
    assert distance_m(incident) < 20
    errors = [line for line in result.err.splitlines() if line.startswith("error:")]
    assert [sum(name in line for line in errors) for name in ("/d.wav", "/e.wav", "gone.wav")] == [1, 1, 1]


def test_gaps_and_silence_are_remarked_upon(run, write_scene: WriteScene, tmp_path: Path) -> None:
    """A sensor of zeros and one with a hole are heard as far as they go; neither is a failure."""
    folder = write_scene("one", 3.0, edit=lambda sensor, sound: 0 * sound if sensor == "e" else sound)
    sound, _ = soundfile.read(folder / "d.wav", dtype="float32")
    soundfile.write(folder / "d.wav", sound[: 5 * RATE], RATE)
    soundfile.write(folder / "d2.wav", sound[6 * RATE :], RATE)
    with (folder / "sensors.csv").open("a") as table:
        table.write("\nd,d2.wav,2026-03-01T22:00:06Z,310,300\n")

    result = run(replay, tmp_path, "--json", *ENERGY)

    assert (result.exit_code, len(incidents(result.out))) == (0, 1)
    assert "sensor d, 2026-03-01T22:00:06.000000Z: 1.000 s of sound are missing." in result.err
    assert "e.wav: every sample is zero" in result.err


def test_a_picture_of_every_incident(run, write_scene: WriteScene, tmp_path: Path) -> None:
    """--plot leaves one PNG an incident, in the folder's own folder, named after time and id."""
    pytest.importorskip("matplotlib")
    write_scene("in/one", 3.0)

    (incident,) = incidents(run(replay, tmp_path / "in", "--json", "--plot", tmp_path / "out", *ENERGY).out)

    (picture,) = (tmp_path / "out").rglob("*.png")
    assert picture.relative_to(tmp_path / "out").as_posix() == f"one/2026-03-01T220003Z-{incident['id']}.png"
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(("rate", "code"), [("0", 2), ("-1", 2), ("nan", 2)])
def test_a_rate_that_cannot_be_is_refused(run, write_scene: WriteScene, tmp_path: Path, rate: str, code: int) -> None:
    """Nothing is played."""
    write_scene("one", 3.0)

    result = run(replay, tmp_path, "--rate", rate, *ENERGY)

    assert (result.exit_code, "cannot be played" in result.err) == (code, True)


def test_a_folder_without_recordings_is_an_error(run, tmp_path: Path) -> None:
    """Exit code of sources, and how to describe plain recordings."""
    result = run(replay, tmp_path, *ENERGY)

    assert (result.exit_code, "init --replay" in result.err) == (4, True)


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_ctrl_c_tells_what_was_played_and_exits_130(write_scene: WriteScene, tmp_path: Path) -> None:
    """Interrupted once the first folder is told: whole lines, a sentence, no traceback."""
    write_scene("a", 3.0)
    write_scene("b", 3.0, seconds=600.0)
    program = "import typer; from dhishoom.cli.replay import replay; typer.run(replay)"
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path), "--json", "--rate", "30", *ENERGY],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "NO_COLOR": "1"},
    )
    first = process.stdout.readline()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)

    assert process.returncode == 130
    assert incidents(first + out)[0]["folder"] == "a"
    assert ("of 2 folders were played to the end" in err, "Traceback" in err) == (True, False)


def test_live_fire_is_heard_in_nearly_every_test(run, shared: Path) -> None:
    """At least one incident in all but one of the tests of the first position."""
    result = run(replay, shared / "data/pittsburgh/FP1", "--json")

    found = incidents(result.out)
    folders = {one["folder"] for one in found}
    assert result.exit_code == 0
    assert len(folders) >= len(list((shared / "data/pittsburgh/FP1").iterdir())) - 1
    assert list(found[0])[:5] == ["type", "id", "revision", "folder", "status"]


def test_the_street_incident_is_heard(run, shared: Path) -> None:
    """Six sensors in Chicago: a burst, told in degrees."""
    (incident,) = incidents(run(replay, shared / "data/street", "--json").out)

    assert incident["fire"] == "multiple"
    assert to_rfc3339(from_rfc3339(incident["time"]))[:19] in ("2022-09-21T06:52:01", "2022-09-21T06:52:02")
    assert incident["position"] is None or set(incident["position"]) == {"lat", "lon"}
