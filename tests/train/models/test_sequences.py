"""What frame-level models learn from: windows of recordings, and whether a gun is heard in each."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from dhishoom.train.models.sequences import FRAMES, LENGTH, RATE, sequences_of
from dhishoom.train.recordings import Recording


@pytest.fixture
def shot(tmp_path: Path) -> Recording:
    """Twelve seconds of noise with one burst at second 6."""
    rng = np.random.default_rng(0)
    sound = 1e-3 * rng.standard_normal(12 * RATE)
    sound[6 * RATE : 6 * RATE + 400] += 0.5 * rng.standard_normal(400)
    soundfile.write(tmp_path / "shot.wav", sound, RATE)
    return Recording(
        key="shot", path=tmp_path / "shot.wav", source="live_fire", group="FP1", label="gunshot", use="yes",
        onsets_s=(6.0,),
    )  # fmt: skip


@pytest.mark.parametrize("listed", [True, False])
def test_windows_with_the_shot_and_those_without_are_told_apart(shot: Recording, listed: bool) -> None:
    """By the listed onset, or in a labelled clip by where it is loudest; without one, other windows teach nothing."""
    recording = shot if listed else replace(shot, onsets_s=(), source="clips")

    rows = sequences_of([recording], None, copies=3)

    assert rows.pictures.shape[1:] == (FRAMES, 96, 64)
    assert rows.gunshot.any()
    assert rows.gunshot.all() != listed


def test_other_sound_never_holds_a_gun_and_short_clips_fill_a_window(shot: Recording, tmp_path: Path) -> None:
    """A door of a second; its rows say which recording they are of."""
    soundfile.write(tmp_path / "door.wav", 0.1 * np.random.default_rng(1).standard_normal(RATE), RATE)
    door = replace(shot, path=tmp_path / "door.wav", label="door_slam", onsets_s=())

    rows = sequences_of([shot, door], None, copies=1)

    assert not rows.gunshot[rows.recording == 1].any()
    assert np.isfinite(rows.pictures).all()
    assert set(rows.recording) == {0, 1}


def test_on_the_fold_s_grid_a_recording_is_covered_once(shot: Recording) -> None:
    """Steps of 4.8 s: twelve seconds are three windows."""
    assert len(sequences_of([shot], None, copies=0).gunshot) == 3
    assert LENGTH > FRAMES * 0.96 * RATE


def test_the_same_seed_cuts_the_same_windows(shot: Recording) -> None:
    """And another seed others."""
    one, same, other = (sequences_of([shot], None, copies=2, seed=seed) for seed in (0, 0, 1))

    np.testing.assert_array_equal(one.pictures, same.pictures)
    assert one.pictures.shape != other.pictures.shape or not np.array_equal(one.pictures, other.pictures)
