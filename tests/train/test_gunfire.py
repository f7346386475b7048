"""Gunfire by formula."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from dhishoom.train.gunfire import blast

RATE = 16000


@given(seed=st.integers(0, 2**32 - 1), at_s=st.floats(0.5, 1.5))
@settings(max_examples=25, deadline=None)
def test_a_blast_begins_where_it_should(seed: int, at_s: float) -> None:
    """Before it, but for a bullet's crack at most 0.12 s earlier, there is only the floor."""
    sound = blast(np.random.default_rng(seed), 2 * RATE, RATE, at_s)

    loudest_s = int(np.abs(sound).argmax()) / RATE
    assert at_s - 0.121 <= loudest_s <= at_s + 0.3
    before = sound[: int((at_s - 0.13) * RATE)]
    assert np.abs(before).max() < 0.5 * np.abs(sound).max()
