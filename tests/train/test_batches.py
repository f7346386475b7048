"""Batches: what was not recorded is filled with the quietest of what was, and never where a shot is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("torch", reason="torch is not installed (pip install 'dhishoom[train]')")

from dhishoom.train.batches import narrowed, with_gap
from dhishoom.train.config import Config

CONFIG = Config(name="t", licence="CC0")
FRAMES = 293


@given(seed=st.integers(0, 2**32 - 1), at=st.integers(0, 53) | st.none())
def test_a_gap_leaves_the_shot_and_puts_quiet_frames_elsewhere(seed: int, at: int | None) -> None:
    """Frames are numbered by their level, so that a moved one is known: only the quietest fifth moves."""
    spectrum = np.repeat(np.random.default_rng(seed).permutation(FRAMES)[None].astype(np.float32), 32, axis=0)
    shot = np.zeros(CONFIG.timing.frames, np.float32)
    if at is not None:
        shot[at] = 1.0

    gapped = with_gap(np.random.default_rng(seed), spectrum, shot, CONFIG)

    moved = np.flatnonzero((gapped != spectrum).any(axis=0))
    assert (gapped[0, moved] <= np.quantile(spectrum[0], 0.2)).all()
    if at is not None:
        shot_s = CONFIG.timing.first_frame_s + at * CONFIG.timing.hop_s
        assert not ((moved * 0.01 > shot_s - 0.1) & (moved * 0.01 < shot_s + 0.39)).any()


@given(seed=st.integers(0, 2**32 - 1))
def test_a_narrow_band_takes_from_high_bands_and_adds_nothing(seed: int) -> None:
    """No band grows beyond the floor, none loses more than one above it, and the lowest keep their level."""
    front_end = CONFIG.network.front_end
    spectrum = np.zeros((front_end.bands, FRAMES), np.float32)

    narrow = narrowed(np.random.default_rng(seed), spectrum, front_end)

    assert (narrow <= 1e-6).all()
    assert (np.diff(narrow[:, 0]) <= 1e-6).all()
    assert narrow[0, 0] == pytest.approx(0.0, abs=0.01)
    assert narrow[-1, 0] < -np.log(2)  # half the power is gone at the highest corner already
