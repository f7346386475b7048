"""Augmentation: what was not recorded is filled with the quietest of what was, and never where a shot is."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from dhishoom.train.augment import with_gap

RATE = 12_000


@given(seed=st.integers(0, 2**32 - 1), at=st.integers(2000, 20_000) | st.none())
@settings(max_examples=50, deadline=None)
def test_a_gap_leaves_the_shot_and_is_quiet(seed: int, at: int | None) -> None:
    """What changes lies outside the kept stretch, and is no louder than the sound around it."""
    sound = np.random.default_rng(seed).standard_normal(2 * RATE).astype(np.float32)
    keep = (0, 0) if at is None else (at - 1200, at + 2000)

    gapped = with_gap(np.random.default_rng(seed), sound, RATE, keep)

    changed = np.flatnonzero(gapped != sound)
    assert not ((changed >= keep[0]) & (changed < keep[1])).any()
    if len(changed) > 500:
        assert gapped[changed].std() < 1.2
