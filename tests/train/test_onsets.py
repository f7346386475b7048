"""Onsets by energy: where a sudden sound begins."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from dhishoom.train.onsets import energy_onsets_s

RATE = 12000


def _bursts(at_s: list[float], length_s: float = 3.0) -> np.ndarray:
    rng = np.random.default_rng(0)
    sound = rng.standard_normal(int(length_s * RATE)) * 0.002
    decay = np.exp(-np.arange(RATE // 2) / (0.03 * RATE))
    for at in at_s:
        start = int(at * RATE)
        sound[start : start + len(decay)] += rng.standard_normal(len(decay)) * decay * 0.4
    return sound.astype(np.float32)


@settings(max_examples=20, deadline=None)
@given(st.floats(0.3, 2.0))
def test_a_single_burst_is_found_within_ten_milliseconds(at_s: float) -> None:
    """Onsets are on a 5 ms grid; a burst must not be told late by its own length."""
    (onset,) = energy_onsets_s(_bursts([at_s]), RATE)

    assert abs(onset - at_s) <= 0.01


def test_a_burst_of_three_is_three() -> None:
    """Shots 0.4 s apart are told one by one."""
    assert len(energy_onsets_s(_bursts([0.5, 0.9, 1.3]), RATE)) == 3


def test_there_is_always_one() -> None:
    """A clip labelled gunshot without any rise still teaches by its steepest place; an empty one by its beginning."""
    assert len(energy_onsets_s(_bursts([]), RATE)) == 1
    assert energy_onsets_s(np.zeros(10, np.float32), RATE) == (0.0,)
