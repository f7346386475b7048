"""Lessons: examples by number, their targets where the shots are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from dhishoom.train.augment import Chain
from dhishoom.train.labels import CLASSES
from dhishoom.train.lessons import Known, Lessons, Shares
from dhishoom.train.library import build_library
from dhishoom.train.recordings import LIVE_FIRE, Recording
from dhishoom.train.shapes import Timing

RATE = 12000
PLAIN = Chain(distance=0, colour=0, low_pass=0, clip=0, quantise=0, gap=0, wind=0)


def _recording(folder: Path, name: str, samples: np.ndarray, **changes: object) -> Recording:
    path = folder / f"{name}.wav"
    soundfile.write(path, samples, RATE)
    values = {"source": "clips", "group": name, "label": "door_slam", "use": "yes"} | changes
    return Recording(key=name, path=path, **values)  # type: ignore[arg-type]


@pytest.fixture
def recordings(tmp_path: Path) -> list[Recording]:
    """Noise with one click as live fire, and a door."""
    rng = np.random.default_rng(0)
    shot = rng.standard_normal(5 * RATE) * 1e-4
    shot[2 * RATE : 2 * RATE + 120] += 0.8
    door = rng.standard_normal(3 * RATE) * 1e-2
    return [
        _recording(tmp_path, "shot", shot, source=LIVE_FIRE, label="gunshot", onsets_s=(2.0,)),
        _recording(tmp_path, "door", door),
    ]


def _lessons(recordings: list[Recording], folder: Path, chain: Chain = PLAIN, **shares: float) -> Lessons:
    return Lessons(
        recordings,
        build_library(recordings, folder / "cache", RATE),
        Known(onsets_s={"door": (1.0,)}),
        timing=Timing(),
        chain=chain,
        shares=Shares(**shares),
        batch_size=16,
        seed=3,
    )


def test_a_step_always_gives_the_same_batch(recordings: list[Recording], tmp_path: Path) -> None:
    """A run that was stopped goes on with exactly the examples it would have had."""
    first, again = (_lessons(recordings, tmp_path, Chain()).batch(7) for _ in range(2))

    assert all(np.array_equal(one, other) for one, other in zip(first, again, strict=True))


def test_the_target_lies_where_the_shot_is(recordings: list[Recording], tmp_path: Path) -> None:
    """The frames marked as a shot hold the loudest sample of the window, or lie a frame beside it."""
    timing = Timing()
    batch = _lessons(recordings, tmp_path, live_fire=1.0, live_fire_rest=0.0).batch(0)

    for audio, shot in zip(batch.audio, batch.shot, strict=True):
        loudest_s = int(np.abs(audio).argmax()) / RATE
        marked_s = timing.first_frame_s + (np.flatnonzero(shot) + 0.5) * timing.hop_s
        assert len(marked_s)
        assert np.abs(marked_s - loudest_s).min() < 1.5 * timing.hop_s


def test_other_sound_is_never_a_shot_and_says_what_it_is(recordings: list[Recording], tmp_path: Path) -> None:
    """A door teaches that no frame is a gunshot, and that a door is heard."""
    batch = _lessons(recordings, tmp_path, live_fire=0.0, live_fire_rest=0.0, other_gunfire=0.0).batch(0)

    assert not batch.shot.any()
    assert (batch.shot_weight == 1.0).all()
    assert (batch.heard[:, CLASSES.index("door")] == 1.0).all()


def test_audio_is_finite_and_within_full_scale(recordings: list[Recording], tmp_path: Path) -> None:
    """Whatever the chain does, a recorder's samples stay in [-1, 1]."""
    rough = Chain(distance=1, colour=1, low_pass=1, clip=1, quantise=1, gap=1, wind=1)

    batch = _lessons(recordings, tmp_path, rough).batch(1)

    assert np.isfinite(batch.audio).all()
    assert np.abs(batch.audio).max() <= 1.0
