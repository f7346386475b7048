"""Training: a run that was stopped ends where one that was not does. Needs torch; skipped without."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed (pip install 'dhishoom[train]')")

from dhishoom.train import loop  # noqa: E402
from dhishoom.train.augment import Chain  # noqa: E402
from dhishoom.train.batches import spectra_of  # noqa: E402
from dhishoom.train.config import Config, Optimisation  # noqa: E402
from dhishoom.train.labels import CLASSES  # noqa: E402
from dhishoom.train.lessons import Known, Lessons, Shares  # noqa: E402
from dhishoom.train.library import build_library  # noqa: E402
from dhishoom.train.pool import build_pool  # noqa: E402
from dhishoom.train.recordings import Recording  # noqa: E402
from dhishoom.train.shapes import NetworkShape, Timing  # noqa: E402

STEPS = Optimisation(steps=4, rounds=2, batch_size=4)
SHAPE = NetworkShape(channels=8, classes=len(CLASSES), taught=1)
CONFIG = Config(name="t", licence="CC0", network=SHAPE, optimisation=STEPS)


@pytest.fixture
def course(recordings: list[Recording], tmp_path: Path) -> loop.Course:
    """A pool of a click, a clip labelled as gunfire, a door and rain."""
    lessons = Lessons(
        recordings,
        build_library(recordings, tmp_path / "cache", 12000),
        Known(onsets_s={}),
        timing=Timing(),
        chain=Chain(codec=0.0),
        shares=Shares(),
        seed=1,
    )
    pool = build_pool(lessons, 12, 12000, tmp_path / "pool")
    spectra = spectra_of(pool, SHAPE.front_end, tmp_path / "spectra.npy")
    return loop.Course(config=CONFIG, pool=pool, rows=np.arange(12), spectra=spectra)


def test_a_stopped_run_ends_where_an_unbroken_one_does(
    course: loop.Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed after any step that was saved, a run goes on to the same weights, bit for bit."""
    monkeypatch.setattr(loop, "_CHECKPOINT_STEPS", 1)
    whole = loop.train(course, tmp_path / "whole", lambda step, loss: None)

    def stop_at_three(step: int, loss: float) -> None:
        if step == 3:
            raise KeyboardInterrupt

    (tmp_path / "broken").mkdir()
    with pytest.raises(KeyboardInterrupt):
        loop.train(course, tmp_path / "broken", stop_at_three)
    again = loop.train(course, tmp_path / "broken", lambda step, loss: None)

    assert whole.step == again.step == 4
    ours, theirs = whole.averaged.state_dict(), again.averaged.state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_the_fixed_front_end_is_not_learnt(course: loop.Course, tmp_path: Path) -> None:
    """Sines, mel bands and the background's mean stay what they are."""
    before = loop.Learner(CONFIG).network.log_mel.state_dict()

    learner = loop.train(course, tmp_path, lambda step, loss: None)

    after = learner.network.log_mel.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_a_config_survives_its_folder() -> None:
    """What is written beside a run reads back as the same config."""
    assert msgspec.json.decode(msgspec.json.encode(CONFIG), type=Config) == CONFIG
