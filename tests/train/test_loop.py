"""Training: a run that was stopped ends where one that was not does. Needs torch; skipped without."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed (pip install 'dhishoom[train]')")

from dhishoom.errors import DhishoomError  # noqa: E402
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


def test_a_gpu_that_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked for one, a run does not quietly take hours on the processor; left to itself, it does without."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)

    with pytest.raises(DhishoomError, match="--device cpu"):
        loop.device_of("cuda")
    assert loop.device_of("auto") == loop.device_of("cpu") == torch.device("cpu")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU is here")
def test_a_gpu_learns_what_a_processor_does(course: loop.Course, tmp_path: Path) -> None:
    """The first losses agree before dropout's random numbers set them apart, and its checkpoint opens on either."""
    slow = loop.train(course, tmp_path / "cpu", lambda step, loss: None)
    fast = loop.train(course, tmp_path / "cuda", lambda step, loss: None, torch.device("cuda"))

    assert fast.losses[0] == pytest.approx(slow.losses[0], rel=0.1)
    loop.Learner(CONFIG).load(tmp_path / "cuda" / "checkpoint.pt")
