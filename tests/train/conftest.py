"""Recordings that these tests learn from: noise with one click as live fire, a clip of gunfire, a door, rain."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from dhishoom.train.recordings import LIVE_FIRE, Recording

RATE = 12000


def _recording(folder: Path, name: str, samples: np.ndarray, **changes: object) -> Recording:
    path = folder / f"{name}.wav"
    soundfile.write(path, samples, RATE)
    values = {"source": "clips", "group": name, "label": "door_slam", "use": "yes"} | changes
    return Recording(key=name, path=path, **values)  # type: ignore[arg-type]


@pytest.fixture
def recordings(tmp_path: Path) -> list[Recording]:
    """The shot is at 2 s, the others begin where you like."""
    rng = np.random.default_rng(0)
    shot = rng.standard_normal(5 * RATE) * 1e-4
    shot[2 * RATE : 2 * RATE + 120] += 0.8
    return [
        _recording(tmp_path, "shot", shot, source=LIVE_FIRE, label="gunshot", onsets_s=(2.0,)),
        _recording(tmp_path, "clip", rng.standard_normal(3 * RATE) * 1e-1, label="gunshot", use="nc"),
        _recording(tmp_path, "door", rng.standard_normal(3 * RATE) * 1e-2),
        _recording(tmp_path, "rain", rng.standard_normal(3 * RATE) * 1e-2, label="rain", use="nc"),
    ]
