"""Multi-sensor recordings in three forms become scenes: who heard it, where and when; what does not fit is told."""

from __future__ import annotations

import itertools
import json
import math
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from dhishoom.core.timestamps import from_rfc3339
from dhishoom.errors import SourceError
from dhishoom.nouns import NS_PER_S, Position
from dhishoom.sources.replay import Replay

WriteWav = Callable[..., Path]
NIGHT_NS = from_rfc3339("2018-12-19T00:49:26Z")


def table(folder: Path, *rows: str, header: str = "sensor_id,file,start_time,x,y") -> None:
    """A sensors.csv."""
    (folder / "sensors.csv").write_text("\n".join([header, *rows]) + "\n")


def only_scene(folder: Path):
    """The one scene there is."""
    (scene,) = Replay(folder).scenes
    return scene


@pytest.mark.parametrize("ending", ["flac", "wav"])
def test_sidecars_tell_sensor_time_and_place(write_sidecar: WriteWav, tmp_path: Path, ending: str) -> None:
    """The live-fire form, as FLAC or as published as WAV: places in metres, temperature from the weather file."""
    write_sidecar("FP1/test_001", "s1", ending=ending)
    write_sidecar("FP1/test_001", "s2", ending=ending, location={"x": -5.0, "y": 0.0, "z": 1.0})
    (tmp_path / "FP1/test_001/test_001.weather.json").write_text('{"temperature": -3.5, "wind_speed": 2}')

    scene = only_scene(tmp_path)

    assert scene.folder == "FP1/test_001"
    assert scene.site().sensors["s1"].position == Position(x_m=10.0, y_m=20.0, z_m=3.0)
    assert scene.site().weather.temperature_c == -3.5
    assert {chunk.sensor_id: chunk.start_ns for chunk in reversed(list(scene.chunks()))} == {
        "s1": NIGHT_NS,
        "s2": NIGHT_NS,
    }
    assert scene.problems == scene.remarks == []


def test_a_recording_kept_in_two_formats_is_played_once(write_sidecar: WriteWav, write_wav: WriteWav) -> None:
    """FLAC and WAV of one name beside one sidecar are one recording, and nothing is left over."""
    audio = write_sidecar("t", "s1")
    write_wav("t/t.audio.s1.wav")

    replay = Replay(audio.parent)

    assert [one.path.suffix for one in replay.scenes[0].recordings] == [".flac"]
    assert replay.remarks == []


def test_smj0_chunks_tell_degrees_that_become_metres(write_smj0: WriteWav, tmp_path: Path) -> None:
    """Two sensors 0.001 degrees of latitude apart stand 111.05 m apart at 41.8 north; wind is where the air goes to."""
    write_smj0("a.wav")
    write_smj0("b.wav", geolocation={"latitude": 41.791, "longitude": -87.64, "elevation": 190.0})

    site = only_scene(tmp_path).site()
    a, b = (site.sensors[name].position for name in "ab")

    assert math.dist((a.x_m, a.y_m), (b.x_m, b.y_m)) == pytest.approx(111.07, abs=0.05)
    assert site.origin.lat == pytest.approx(41.7905)
    assert (site.weather.temperature_c, site.weather.wind_east_m_s) == (26.0, pytest.approx(3.0))


def test_a_sensors_csv_tells_places_in_metres_or_degrees(write_wav: WriteWav, tmp_path: Path) -> None:
    """The documented columns, with spaces, another column order and a file in a folder below."""
    write_wav("m/day/one.wav")
    table(
        tmp_path / "m",
        " 2026-01-02T03:04:05.5+01:00 , s1, day/one.wav, 1.5, -2, 4, 0.02, 31, roof ",
        header="start_time,sensor_id,file,x,y,z,clock_sigma_s,temperature_c,name",
    )
    write_wav("g/one.wav")
    table(
        tmp_path / "g",
        "s1,one.wav,2026-01-02T03:04:05Z,52.5,13.4,40",
        header="sensor_id,file,start_time,lat,lon,altitude",
    )

    degrees, metres = Replay(tmp_path).scenes

    sensor = metres.site().sensors["s1"]
    assert (sensor.position, sensor.clock_sigma_s, sensor.name) == (Position(x_m=1.5, y_m=-2, z_m=4), 0.02, "roof")
    assert metres.recordings[0].start_ns == from_rfc3339("2026-01-02T02:04:05.5Z")
    assert metres.site().weather.temperature_c == 31
    assert (degrees.site().origin.lat, degrees.site().origin.altitude_m) == (52.5, 40)
    assert Replay(tmp_path).remarks == []


def test_sensors_are_interleaved_in_the_order_of_time(write_wav: WriteWav, tmp_path: Path) -> None:
    """Chunks of all sensors come by their start, each sensor's own without gap over its two files."""
    write_wav("a.wav", 3.0)
    write_wav("a2.wav", 2.0)
    write_wav("b.wav", 4.5)
    table(
        tmp_path,
        "a,a.wav,2026-01-01T00:00:00Z,0,0",
        "a,a2.wav,2026-01-01T00:00:03Z,0,0",
        "b,b.wav,2026-01-01T00:00:00.25Z,9,0",
    )

    chunks = list(only_scene(tmp_path).chunks())

    assert [chunk.start_ns for chunk in chunks] == sorted(chunk.start_ns for chunk in chunks)
    of_a = [chunk for chunk in chunks if chunk.sensor_id == "a"]
    assert sum(chunk.duration_s for chunk in of_a) == pytest.approx(5.0)
    assert all(after.start_ns == before.end_ns for before, after in itertools.pairwise(of_a))


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("s2,gone.wav,2026-01-01T00:00:00Z,0,0", "is not there"),
        ("s2,../a.wav,2026-01-01T00:00:00Z,0,0", "does not lie in the folder"),
        ("s2,a.wav,yesterday,0,0", "RFC 3339"),
        ("s2,a.wav,1960-01-01T00:00:00Z,0,0", "before 1970"),
        ("s2,a.wav,2026-01-01T00:00:00Z,nan,0", "x is 'nan'"),
        ("s2,a.wav,2026-01-01T00:00:00Z,5,", "half given"),
        (",a.wav,2026-01-01T00:00:00Z,5,5", "names no sensor"),
        ("s1,copy.wav,2026-01-01T00:00:01Z,0,0", "was still recording a.wav"),
        ("s1,later.wav,2026-01-01T01:00:00Z,900,0", "stands elsewhere"),
        ("s2,later.wav,2026-01-01T00:00:00Z,9e9,0", "more than 100 km"),
        ("s2,later.wav,2026-01-01T00:00:00Z,1e308,1e308", "more than 100 km"),
        ("s2,text.wav,2026-01-01T00:00:00Z,9,0", "neither libsndfile"),
    ],
)
def test_a_bad_row_is_left_out_and_the_rest_is_played(write_wav: WriteWav, tmp_path: Path, row: str, told: str) -> None:
    """One sentence says which row or file and why; the good sensors are there."""
    for name in ("a.wav", "b.wav", "copy.wav", "later.wav"):
        write_wav(name)
    (tmp_path / "text.wav").write_text("no sound in here" * 9)
    table(tmp_path, "s1,a.wav,2026-01-01T00:00:00Z,0,0", "s0,b.wav,2026-01-01T00:00:00Z,9,9", row)

    scene = only_scene(tmp_path)

    assert set(scene.site().sensors) == {"s0", "s1"}
    assert len(scene.problems) == 1
    assert told in scene.problems[0]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "lacks the column 'sensor_id'"),
        ("sensor,file,start_time,x,y\n", "Did you mean sensor_id?"),
        ("sensor_id,file,start_time,x,lat\ns1,a.wav,2026-01-01T00:00:00Z,1,2\n", "half given"),
        ("\xff\xfe", "unknown column"),
    ],
)
def test_a_table_that_cannot_be_understood_says_what_to_mend(
    write_wav: WriteWav, tmp_path: Path, text: str, told: str
) -> None:
    """Nothing else to play: the reason becomes the error."""
    write_wav("a.wav")
    (tmp_path / "sensors.csv").write_text(text)

    with pytest.raises(SourceError, match=r"nothing to replay") as error:
        Replay(tmp_path)
    assert told in str(error.value)


def test_degrees_and_metres_do_not_mix(write_wav: WriteWav, tmp_path: Path) -> None:
    """No distance is known between them."""
    write_wav("a.wav")
    write_wav("b.wav")
    table(
        tmp_path,
        "a,a.wav,2026-01-01T00:00:00Z,1,1,,",
        "b,b.wav,2026-01-01T00:00:00Z,,,52,13",
        header="sensor_id,file,start_time,x,y,lat,lon",
    )

    with pytest.raises(SourceError, match="mixes degrees and metres"):
        Replay(tmp_path)


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        ({"timestamp": "noon"}, "RFC 3339"),
        ({"location": {"x": "far"}}, "cannot understand"),
        ({"serial_number": ""}, "names no sensor"),
        ({"serial_number": None}, "cannot understand"),
    ],
)
def test_a_bad_sidecar_is_left_out_and_named(
    write_sidecar: WriteWav, tmp_path: Path, facts: dict[str, object], told: str
) -> None:
    """The other sensors of the test are played."""
    write_sidecar("t", "good")
    write_sidecar("t", "bad", **facts)

    scene = only_scene(tmp_path)

    assert set(scene.site().sensors) == {"good"}
    assert len(scene.problems) == 1
    assert told in scene.problems[0]
    assert "t.audio.bad.json" in scene.problems[0]


def test_a_sensor_without_a_place_is_heard_and_remarked_upon(write_sidecar: WriteWav, tmp_path: Path) -> None:
    """It is played, and the operator is told that it cannot help to locate."""
    write_sidecar("t", "s1", location=None)

    scene = only_scene(tmp_path)

    assert scene.site().sensors["s1"].position is None
    assert (scene.problems, len(list(scene.chunks()))) == ([], 2)
    assert "sensor s1 has no place" in scene.remarks[0]


def test_weather_that_cannot_be_is_not_believed(write_smj0: WriteWav, tmp_path: Path) -> None:
    """One thermometer says 900 degrees: the others' mean counts, and a remark says so."""
    for name, celsius in (("a.wav", 10.0), ("b.wav", 20.0), ("c.wav", 900.0)):
        write_smj0(name, weather={"temperature": celsius})

    scene = only_scene(tmp_path)

    assert scene.site().weather.temperature_c == 15.0
    assert "900 degrees" in scene.remarks[0]


def test_a_file_that_breaks_off_is_played_as_far_as_it_goes(write_sidecar: WriteWav, tmp_path: Path) -> None:
    """What is there comes, then the scene's problems say what is missing, once however often it is played."""
    audio = write_sidecar("t", "s1", ending="wav")
    audio.write_bytes(audio.read_bytes()[: audio.stat().st_size // 2])
    scene = only_scene(tmp_path)

    seconds = [sum(chunk.duration_s for chunk in scene.chunks()) for _ in range(2)]

    assert seconds == pytest.approx([1.0, 1.0], abs=0.01)
    assert len(scene.problems) == 1
    assert "breaks off early" in scene.problems[0]


def test_what_is_odd_about_the_sound_is_remarked_upon(write_wav: WriteWav, tmp_path: Path) -> None:
    """Silence is played, and said to be silence."""
    write_wav("a.wav", samples=np.zeros(16_000, np.float32))
    table(tmp_path, "a,a.wav,2026-01-01T00:00:00Z,1,1")
    scene = only_scene(tmp_path)

    list(scene.chunks())

    assert "every sample is zero" in scene.remarks[0]


def test_sound_that_nothing_explains_is_named(write_smj0: WriteWav, write_wav: WriteWav, tmp_path: Path) -> None:
    """A WAV without its chunk, and one that broke off before its chunk, are told apart; the rest is played."""
    write_smj0("a.wav")
    write_wav("plain.wav")
    cut = write_smj0("cut.wav")
    cut.write_bytes(cut.read_bytes()[:9000])

    remarks = Replay(tmp_path).remarks

    assert ["breaks off" in remarks[0], "nothing says which sensor" in remarks[1]] == [True, True]
    assert ["cut.wav" in remarks[0], "plain.wav" in remarks[1]] == [True, True]


def test_a_folder_that_cannot_be_listed_is_told(
    write_sidecar: WriteWav, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folders beside it are played."""
    write_sidecar("closed", "s1")
    write_sidecar("open", "s1")
    really = os.scandir

    def scandir(path: object):
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", str(path))
        return really(path)

    monkeypatch.setattr(os, "scandir", scandir)
    replay = Replay(tmp_path)

    assert [scene.folder for scene in replay.scenes] == ["open"]
    assert "Permission denied" in replay.problems[0]


def test_a_directory_that_is_none_is_refused(tmp_path: Path) -> None:
    """Missing, and empty: what was expected is said."""
    with pytest.raises(SourceError, match="no such folder"):
        Replay(tmp_path / "nowhere")
    with pytest.raises(SourceError, match="init --replay"):
        Replay(tmp_path)


def test_scenes_share_a_site_unless_they_contradict(write_sidecar: WriteWav, tmp_path: Path) -> None:
    """All sensors of all folders; a sensor that stands elsewhere in another folder is no site of one frame."""
    write_sidecar("t1", "s1")
    write_sidecar("t2", "s2")
    assert set(Replay(tmp_path).site().sensors) == {"s1", "s2"}

    write_sidecar("t3", "s1", location={"x": 999.0, "y": 0.0})
    with pytest.raises(SourceError, match="sensor s1 is not where it was"):
        Replay(tmp_path).site()


def test_real_street_recordings_are_one_scene(shared: Path) -> None:
    """Six sensors by their own words, in Chicago; the recording that lost its chunk is told."""
    replay = Replay(shared / "data/street")
    (scene,) = replay.scenes

    assert len(scene.site().sensors) == 6
    assert scene.site().origin.lat == pytest.approx(41.795, abs=0.005)
    assert {one.start_ns % NS_PER_S for one in scene.recordings} == {0}
    assert ["ScepterTest" in remark for remark in replay.remarks] == [True]
    assert replay.problems == []


def test_the_live_fire_set_is_whole(shared: Path) -> None:
    """108 tests of 519 recordings, nothing left out."""
    replay = Replay(shared / "data/pittsburgh")

    assert (len(replay.scenes), sum(len(scene.recordings) for scene in replay.scenes)) == (108, 519)
    assert replay.problems == replay.remarks == []
    assert json.dumps([scene.problems for scene in replay.scenes if scene.problems]) == "[]"
