"""audio_clips.csv: exactly the columns that its readers know, whatever happens while it is written."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhishoom.core.timestamps import from_rfc3339
from dhishoom.errors import StoreError
from dhishoom.stores.ancestor_log import AncestorLog, latest, line_of, read_log, row_of
from dhishoom.stores.logged_clip import LoggedClip

KNOWN = (
    "Sensor1|2018-11-29_22:19:42|1|[('Gunshot, gunfire', 0.9872897)]|"
    "hdfs://namenode:9000/clips/sensor=Sensor1/date=2018-11-29/20181129T221942.000000Z.flac"
)
ROW = LoggedClip(
    sensor_id="Sensor1",
    start_ns=from_rfc3339("2018-11-29T22:19:42Z"),
    duration_s=None,
    gunshot=True,
    score=0.9872897,
    classes={"Gunshot, gunfire": 0.9872897},
    clip="hdfs://namenode:9000/clips/sensor=Sensor1/date=2018-11-29/20181129T221942.000000Z.flac",
)


def rows(count: int, sensor_id: str = "s") -> list[LoggedClip]:
    """Second by second."""
    return [replace(ROW, sensor_id=sensor_id, start_ns=ROW.start_ns + at * 10**9) for at in range(count)]


def test_a_line_has_exactly_the_known_columns() -> None:
    """Both ways, to the byte."""
    assert line_of(ROW) == KNOWN
    assert row_of(KNOWN) == ROW


@given(
    sensor_id=st.text(min_size=1, max_size=40),
    gunshot=st.booleans(),
    classes=st.dictionaries(st.text(max_size=20), st.floats(0, 1), max_size=5),
    second=st.integers(0, 4_000_000_000),
)
def test_any_clip_is_one_line_and_reads_back(
    sensor_id: str, gunshot: bool, classes: dict[str, float], second: int
) -> None:
    """Bars, ends of lines and quotes in ids and names included; probabilities to seven digits."""
    row = LoggedClip(
        sensor_id=sensor_id, start_ns=second * 10**9, duration_s=1.0, gunshot=gunshot, score=None, classes=classes
    )
    line = line_of(row)
    read = row_of(line)

    assert len(line.splitlines()) == 1
    assert read is not None
    assert (read.sensor_id, read.start_ns, read.gunshot) == (sensor_id, second * 10**9, gunshot)
    assert dict(read.classes) == pytest.approx(classes, abs=1e-6)


@given(st.text(max_size=200))
def test_no_line_breaks_the_reader(line: str) -> None:
    """It is a clip or it is nothing."""
    row_of(line)
    row_of(f"s|2018-11-29_22:19:42|1|{line}|x")


def test_a_log_with_a_line_of_commas_and_torn_lines_is_read(tmp_path: Path) -> None:
    """Such as a first line of column names with commas, an empty one, and an end without its last column."""
    path = tmp_path / "audio_clips.csv"
    path.write_text(f"sensor_id,time,flag,classes,path\n{KNOWN}\n\nSensor2|2018-11-29_22:19:44|0|[('Spee\n{KNOWN}")

    assert list(read_log(path)) == [ROW, ROW]


def test_the_latest_clip_of_a_sensor_is_found_from_the_end(tmp_path: Path) -> None:
    """In a log longer than what is read at a time, with a torn last line."""
    path = tmp_path / "audio_clips.csv"
    lines = [line_of(row) for row in [*rows(3, "rare"), *rows(2000, "often")]]
    path.write_text("\n".join(lines) + "\noften|2018-")

    assert latest(path, "rare") == rows(3, "rare")[-1]
    assert latest(path, "often") == rows(2000, "often")[-1]
    assert latest(path, "nobody") is None


@pytest.mark.parametrize("torn", [0, 10, 200])
def test_a_batch_that_is_written_again_replaces_itself(tmp_path: Path, torn: int) -> None:
    """Killed before, within or after its writing."""
    path = tmp_path / "audio_clips.csv"
    log = AncestorLog(path)
    log.put("q-0", rows(2))
    log.put("q-1", rows(3))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) - torn])

    AncestorLog(path).put("q-1", rows(3))
    AncestorLog(path).put("q-1", rows(3))

    assert path.read_bytes() == whole


def test_lines_of_others_before_ours_stay(tmp_path: Path) -> None:
    """We append to a log that somebody else began."""
    path = tmp_path / "audio_clips.csv"
    path.write_text(KNOWN + "\n")
    AncestorLog(path).put("q-0", rows(1))

    assert [row.sensor_id for row in read_log(path)] == ["Sensor1", "s"]


def test_a_log_that_is_not_there_is_told(tmp_path: Path) -> None:
    """With its name."""
    with pytest.raises(StoreError, match="nowhere"):
        latest(tmp_path / "nowhere.csv", "s")
