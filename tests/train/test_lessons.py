"""Lessons: examples by number, their targets where the shots are, nothing mixed over the border of a fold."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from dhishoom.train.augment import Chain
from dhishoom.train.labels import CLASSES
from dhishoom.train.lessons import Known, Lessons, Shares
from dhishoom.train.library import build_library
from dhishoom.train.recordings import Recording
from dhishoom.train.shapes import Timing

RATE = 12000
PLAIN = Chain(distance=0, colour=0, low_pass=0, clip=0, quantise=0, limit=0, codec=0, wind=0, mix=0)
FOLDS = {"shot": 1, "clip": 2, "door": 1, "rain": 2}


def _lessons(recordings: list[Recording], folder: Path, chain: Chain = PLAIN, **shares: float) -> Lessons:
    return Lessons(
        recordings,
        build_library(recordings, folder / "cache", RATE),
        Known(onsets_s={"door": (1.0,), "clip": (1.0,)}, folds=FOLDS),
        timing=Timing(),
        chain=chain,
        shares=Shares(**shares),  # type: ignore[arg-type]
        seed=3,
    )


def test_a_number_always_gives_the_same_example(recordings: list[Recording], tmp_path: Path) -> None:
    """A pool can be drawn in any order, by any number of processes."""
    first, again = (_lessons(recordings, tmp_path, Chain()).example(7) for _ in range(2))

    assert all(np.array_equal(one, other) for one, other in zip(first, again, strict=True))


def test_the_target_lies_where_the_shot_is(recordings: list[Recording], tmp_path: Path) -> None:
    """The frames marked as a shot hold the loudest sample of the window, or lie a frame beside it."""
    timing = Timing()
    lessons = _lessons(recordings, tmp_path, live_fire=1.0, live_fire_rest=0.0)

    for one in map(lessons.example, range(16)):
        loudest_s = int(np.abs(one.audio).argmax()) / RATE
        marked_s = timing.first_frame_s + (np.flatnonzero(one.shot) + 0.5) * timing.hop_s
        assert len(marked_s)
        assert np.abs(marked_s - loudest_s).min() < 1.5 * timing.hop_s


def test_other_sound_is_never_a_shot_and_says_what_it_is(recordings: list[Recording], tmp_path: Path) -> None:
    """A door teaches that no frame is a gunshot, and that a door is heard."""
    doors = [one for one in recordings if one.label == "door_slam"]
    lessons = _lessons(doors, tmp_path, live_fire=0.0, live_fire_rest=0.0, other_gunfire=0.0, simulated_other=0.0)

    for one in map(lessons.example, range(16)):
        assert not one.shot.any()
        assert (one.shot_weight == 1.0).all()
        assert one.heard[CLASSES.index("door")] == 1.0
        assert not one.gunfire


def test_an_example_holds_one_fold_and_says_whether_it_is_free(recordings: list[Recording], tmp_path: Path) -> None:
    """Rain at a hundredth of the level lies only behind what shares its fold, and never behind a free recording."""
    loud = Chain(
        **{name: 0.0 for name in PLAIN.__slots__ if name not in {"mix", "distance_max_m", "level_db"}} | {"mix": 1.0}
    )
    lessons = _lessons(recordings, tmp_path, loud, live_fire=0.3, live_fire_rest=0.0, other_gunfire=0.4)
    rain = CLASSES.index("rain")

    examples = [lessons.example(number) for number in range(60)]

    assert {one.fold for one in examples} == {1, 2}
    assert all(one.free for one in examples if one.fold == 1)
    assert not any(one.heard[rain] for one in examples if one.fold == 1 or one.free)
    assert any(one.heard[rain] for one in examples if one.fold == 2)


def test_audio_is_finite_and_within_full_scale(recordings: list[Recording], tmp_path: Path) -> None:
    """Whatever the chain does, a recorder's samples stay in [-1, 1]."""
    rough = Chain(distance=1, colour=1, low_pass=1, clip=1, quantise=1, limit=1, codec=0.3, wind=1, mix=1)
    lessons = _lessons(recordings, tmp_path, rough)

    for one in map(lessons.example, range(24)):
        assert np.isfinite(one.audio).all()
        assert np.abs(one.audio).max() <= 1.0


def test_what_is_simulated_is_what_it_is_and_nothing_else(recordings: list[Recording], tmp_path: Path) -> None:
    """A simulated door teaches that a door is heard and that no dog barks; a nail gun has no class and teaches none."""
    doors = [one for one in recordings if one.label == "door_slam"]
    lessons = _lessons(doors, tmp_path, live_fire=0.0, live_fire_rest=0.0, other_gunfire=0.0, simulated_other=1.0)
    taught = [(one.heard.sum(), set(one.heard_weight)) for one in map(lessons.example, range(32))]

    assert (1.0, {1.0}) in taught
    assert (0.0, {0.0}) in taught
    assert len({(heard, *weights) for heard, weights in taught}) == 2


def test_every_repetition_is_marked_and_none_is_of_other_sound(recordings: list[Recording], tmp_path: Path) -> None:
    """With a shot fired again, each click within the middle has its frame; a door that slams again has none."""
    timing = Timing()
    fired = _lessons(recordings, tmp_path, replace(PLAIN, again=1.0), live_fire=1.0, live_fire_rest=0.0)
    doors = [one for one in recordings if one.label == "door_slam"]
    nothing = {"live_fire": 0.0, "live_fire_rest": 0.0, "other_gunfire": 0.0, "simulated_other": 0.0}
    slammed = _lessons(doors, tmp_path / "doors", replace(PLAIN, again=1.0), **nothing)
    counts = []

    for one in map(fired.example, range(32)):
        marked_s = timing.first_frame_s + (np.flatnonzero(one.shot) + 0.5) * timing.hop_s
        clicks_s = np.flatnonzero(np.diff((np.abs(one.audio) > 0.3 * np.abs(one.audio).max()).astype(int)) == 1) / RATE
        inside = clicks_s[(clicks_s > timing.first_frame_s) & (clicks_s < timing.window_s - timing.right_s)]
        assert all(np.abs(marked_s - at_s).min() < 1.5 * timing.hop_s for at_s in inside)
        counts.append(len(clicks_s))

    assert max(counts) >= 3
    assert not any(one.shot.any() for one in map(slammed.example, range(8)))
