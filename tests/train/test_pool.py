"""The pool: drawn once, thinned to what a fold or a licence may learn from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dhishoom.train.augment import Chain
from dhishoom.train.lessons import Known, Lessons, Shares
from dhishoom.train.library import Samples, build_library
from dhishoom.train.pool import Pool, build_pool
from dhishoom.train.recordings import Recording
from dhishoom.train.shapes import Timing

RATE = 12000


class Loudness:
    """A teacher with a hundred opinions, all about the level."""

    def opinion(self, clean: Samples, sample_rate: int) -> Samples:
        """Level times a hundred different numbers."""
        return np.asarray(clean.std() * np.arange(100), np.float32)


@pytest.fixture
def pool(recordings: list[Recording], tmp_path: Path) -> Pool:
    """Forty examples of two folds."""
    lessons = Lessons(
        recordings,
        build_library(recordings, tmp_path / "cache", RATE),
        Known(onsets_s={}, folds={"shot": 1, "clip": 2, "door": 1, "rain": 2}),
        timing=Timing(),
        chain=Chain(codec=0.0),
        shares=Shares(gunfire={"simulated": 0.0}),
        seed=1,
    )
    return build_pool(lessons, 40, RATE, tmp_path / "pool", teacher=Loudness)


def test_a_fold_can_be_left_out_and_the_free_kept(pool: Pool) -> None:
    """Rows leave out what was asked for; together the folds are everything."""
    assert set(pool.fold[pool.rows(leave_out=1, free_only=False)]) == {2}
    assert pool.free[pool.rows(leave_out=0, free_only=True)].all()
    assert len(pool.rows(leave_out=0, free_only=False)) == len(pool) == 40


def test_a_position_can_be_left_out_alone(pool: Pool) -> None:
    """Of the fold its live fire goes and its clips stay."""
    kept = pool.rows(leave_out=1, free_only=False, position_only=True)

    assert pool.live_fire.any()
    assert not (pool.live_fire & (pool.fold == 1))[kept].any()
    assert (~pool.live_fire & (pool.fold == 1))[kept].any()
    assert (pool.live_fire & (pool.fold != 1)).sum() == (pool.live_fire[kept]).sum()


def test_sound_comes_at_the_networks_rate(pool: Pool) -> None:
    """As it is at the pool's rate, resampled to another; the same duration."""
    rows = np.array([3, 5])

    assert np.array_equal(pool.sound(rows, RATE), pool.audio[rows].astype(np.float32))
    assert pool.sound(rows, 8000).shape == (2, round(Timing().window_s * 8000))


def test_opinions_are_centred_and_few(pool: Pool) -> None:
    """However many numbers a teacher gives, the largest components are kept, with a mean of zero."""
    assert pool.taught.shape == (40, 64) or pool.taught.shape[1] <= 64
    assert np.abs(pool.taught.astype(np.float64).mean(axis=0)).max() < 0.05


def test_a_pool_is_drawn_once(pool: Pool, tmp_path: Path) -> None:
    """What is there is taken as it is: no example is drawn again."""
    again = build_pool(None, 40, RATE, tmp_path / "pool")  # type: ignore[arg-type]

    assert np.array_equal(again.audio, pool.audio)
