"""What learning makes of sequences that can be told apart. Needs torch; skipped without."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed (pip install 'dhishoom[train]')")

from dhishoom.train.models.frame_level import KINDS  # noqa: E402
from dhishoom.train.models.learn import embedded, may_teach, told, train_embedder, train_frame_level  # noqa: E402
from dhishoom.train.models.light import LightVgg  # noqa: E402
from dhishoom.train.models.sequences import FRAMES, Sequences  # noqa: E402
from dhishoom.train.recordings import Recording  # noqa: E402

ROWS = 64


@pytest.fixture(scope="module")
def rows() -> Sequences:
    """Noise; half of the sequences have a bright edge in one of their pictures, and that is all the teacher tells."""
    rng = np.random.default_rng(0)
    gunshot = np.arange(ROWS) % 2 == 0
    pictures = rng.standard_normal((ROWS, FRAMES, 96, 64)).astype(np.float16)
    for row in np.flatnonzero(gunshot):
        pictures[row, rng.integers(FRAMES), 40:44] += 8
    taught = np.stack((gunshot, ~gunshot, np.zeros(ROWS, bool)), axis=1).astype(np.float32) * 0.9
    return Sequences(pictures=pictures, gunshot=gunshot, taught=taught, recording=np.arange(ROWS))


def test_the_embedder_stops_when_its_time_is_up(rows: Sequences) -> None:
    """After the first look at the clock; what comes out embeds all the same."""
    network = train_embedder(rows, 1e-9, 100, lambda _: None)

    assert isinstance(network, LightVgg)
    assert not network.training
    assert embedded(network, rows.pictures[:3]).shape == (3, FRAMES, 128)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_learns_to_tell_two_classes_apart(kind: str) -> None:
    """Embeddings of which one frame points elsewhere: all are told right."""
    rng = np.random.default_rng(1)
    gunshot = np.arange(128) % 2 == 0
    embeddings = rng.standard_normal((128, FRAMES, 128)).astype(np.float32)
    embeddings[gunshot, 2, :8] += 30
    targets = np.stack((gunshot, ~gunshot), axis=1).astype(np.float32)

    model = train_frame_level(kind, embeddings, targets, 1.0, 60)

    scores = told(model, embeddings)[:, 0]
    assert scores[gunshot].min() > scores[~gunshot].max()


def test_recordings_that_may_not_teach_do_not() -> None:
    """Neither those of unknown or non-commercial licence nor the positions held out."""

    def recording(use: str, source: str = "clips", group: str = "a") -> Recording:
        return Recording(key="x", path=Path("x"), source=source, group=group, label="rain", use=use)  # type: ignore[arg-type]

    assert may_teach(recording("yes"))
    assert may_teach(recording("yes", "live_fire", "FP1"))
    assert not may_teach(recording("yes", "live_fire", "FP7"))
    assert not may_teach(recording("nc"))
    assert not may_teach(recording("validate"))
