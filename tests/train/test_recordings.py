"""Recordings: what is known of every file, and what its licence lets it teach."""

from __future__ import annotations

from pathlib import Path

import pytest

from dhishoom.errors import SourceError
from dhishoom.train.recordings import read_live_fire, read_manifest

HEADER = "path,source,original,licence,train_ok,group,label,onsets,distance_m,duration_s,sample_rate,note\n"


def _manifest(folder: Path, *rows: str) -> Path:
    (folder / "a.flac").touch()
    manifest = folder / "manifest.csv"
    manifest.write_text(HEADER + "".join(row + "\n" for row in rows))
    return manifest


def test_a_row_without_its_file_is_left_out(tmp_path: Path) -> None:
    """A manifest may name more than a copy of the collection holds."""
    manifest = _manifest(
        tmp_path,
        "a.flac,door,,CC0,yes,g1,door_slam,,,1.0,16000,",
        "gone.flac,door,,CC0,yes,g2,door_slam,,,1.0,16000,",
    )

    assert [recording.key for recording in read_manifest(manifest)] == ["a.flac"]


def test_an_unknown_permission_is_refused(tmp_path: Path) -> None:
    """Nobody trains by accident on what no licence allows."""
    manifest = _manifest(tmp_path, "a.flac,door,,?,maybe,g1,door_slam,,,1.0,16000,")

    with pytest.raises(SourceError, match="maybe"):
        read_manifest(manifest)


def test_a_missing_manifest_says_what_to_name(tmp_path: Path) -> None:
    """The message names the file and what belongs there."""
    with pytest.raises(SourceError, match=r"manifest\.csv"):
        read_manifest(tmp_path / "manifest.csv")


@pytest.mark.shared
def test_live_fire_recordings_carry_their_listed_arrivals(shared: Path) -> None:
    """480 of the 519 recordings heard at least one listed shot, each within its ten seconds, each time once."""
    recordings = read_live_fire(shared / "data" / "pittsburgh")

    assert len(recordings) == 480
    assert {"FP1", "FP2", "FP3", "FP5", "FP6", "FP7"} == {recording.group for recording in recordings}
    assert all(0.0 < onset < 10.0 for recording in recordings for onset in recording.onsets_s)
    assert all(len(set(recording.onsets_s)) == len(recording.onsets_s) for recording in recordings)
