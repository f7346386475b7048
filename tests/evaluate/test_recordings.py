"""Manifests and the live-fire set are read as they are, and what is wrong with them is said."""

from __future__ import annotations

import pytest

from dhishoom.errors import SourceError, UsageError
from dhishoom.evaluate.pittsburgh import live_fire_tests
from dhishoom.evaluate.recordings import live_fire_recordings, read_manifest, thinned


def test_lacking_columns_are_named_with_what_they_are_for(tmp_path):
    """Which, why and how to mend it."""
    path = tmp_path / "manifest.csv"
    path.write_text("path,source,label\na.wav,x,gunshot\n", encoding="utf-8")
    with pytest.raises(UsageError, match=r"lacks group .*resampled as one.* first line has to name"):
        read_manifest(path)


def test_a_manifest_that_is_not_there_is_said(tmp_path):
    """One sentence, no traceback."""
    with pytest.raises(SourceError, match="No such file"):
        read_manifest(tmp_path / "none.csv")


def test_a_manifest_without_rows_is_nothing_to_score(tmp_path):
    """A header alone is no set."""
    path = tmp_path / "manifest.csv"
    path.write_text("path,source,group,label\n", encoding="utf-8")
    with pytest.raises(UsageError, match="lists no clips"):
        read_manifest(path)


def test_missing_files_are_counted_and_the_rest_goes_on(clips):
    """Two files go; twelve are left, and both are named."""
    (clips.parent / "gun0.flac").unlink()
    (clips.parent / "other3.flac").unlink()
    manifest = read_manifest(clips)
    assert len(manifest.recordings) == 12
    assert manifest.missing == ("gun0.flac", "other3.flac")


@pytest.mark.parametrize("onsets", ["0.5;1.25", "[0.5, 1.25]", "1.25 0.5"])
def test_onsets_may_be_written_in_any_usual_way(tmp_path, onsets):
    """Seconds between blanks, commas, semicolons or brackets, in order of time."""
    (tmp_path / "a.wav").write_bytes(b"")
    path = tmp_path / "manifest.csv"
    path.write_text(f'path,source,group,label,onsets,distance_m\na.wav,x,g,gunshot,"{onsets}",40\n', encoding="utf-8")
    (recording,) = read_manifest(path).recordings
    assert [one.onset_s for one in recording.arrivals] == [0.5, 1.25]
    assert recording.arrivals[0].distance_m == 40


def test_an_onset_that_is_no_number_is_said(tmp_path):
    """The row, the column and the word."""
    path = tmp_path / "manifest.csv"
    path.write_text("path,source,group,label,onsets\na.wav,x,g,gunshot,early\n", encoding="utf-8")
    with pytest.raises(UsageError, match=r"a\.wav has onsets 'early'"):
        read_manifest(path)


def test_explosions_are_neither_gunfire_nor_negative(clips):
    """Nobody is blamed for an explosion."""
    (explosion,) = [one for one in read_manifest(clips).recordings if one.label == "explosion"]
    assert not explosion.is_gunfire
    assert not explosion.is_negative


def test_live_fire_recordings_carry_their_listed_arrivals(live_fire):
    """Seconds from the first sample, metres from the survey; a listed id that does not exist is left out."""
    recordings = live_fire_recordings(live_fire_tests(live_fire)).recordings
    assert [one.group for one in recordings] == ["FP1", "FP1", "FP2", "FP2"]
    assert [one.arrivals[0].onset_s for one in recordings] == pytest.approx([3.0, 3.25] * 2)
    assert [one.arrivals[0].distance_m for one in recordings] == pytest.approx([100, 185] * 2)


def test_live_fire_is_read_as_wav_too(live_fire):
    """As it is published."""
    for flac in live_fire.rglob("*.flac"):
        flac.rename(flac.with_suffix(".wav"))
    manifest = live_fire_recordings(live_fire_tests(live_fire))
    assert len(manifest.recordings) == 4
    assert manifest.missing == ()


def test_a_limit_thins_evenly(clips):
    """Both ends of the manifest are still there."""
    recordings = read_manifest(clips).recordings
    chosen = thinned(recordings, 4)
    assert len(chosen) == 4
    assert {one.source for one in chosen} == {"range", "street"}
    assert thinned(recordings, None) == recordings
