"""Gunfire by formula and from single shots."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from dhishoom.train.gunfire import automatic, blast

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


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=25, deadline=None)
def test_every_round_of_a_burst_is_where_it_says(seed: int) -> None:
    """400 to 1100 rounds a minute, and at each stated onset the click that was fired again."""
    sound = np.zeros(2 * RATE, np.float32)
    sound[8000] = 1.0

    burst, onsets_s = automatic(np.random.default_rng(seed), sound, RATE, 8000 / RATE)

    assert len(onsets_s) >= 2
    gaps_s = np.diff(onsets_s)
    assert (gaps_s > 60 / 1100 * 0.5).all()
    assert (gaps_s < 60 / 400 * 1.5).all()
    for onset_s in onsets_s:
        near = burst[round(onset_s * RATE) - 1 : round(onset_s * RATE) + 2]
        assert near.size == 0 or np.abs(near).max() > 0.3
