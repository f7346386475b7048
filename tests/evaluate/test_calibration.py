"""Calibration error is what its definition says."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhishoom.evaluate.calibration import expected_calibration_error, reliability

STATED = st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1)


def slow_error(stated, positive):
    """Bin by bin, in words: how far the mean statement lies from the share that came true."""
    error = 0.0
    for low in range(10):
        inside = [(one, came) for one, came in zip(stated, positive, strict=True) if min(int(one * 10), 9) == low]
        if inside:
            gap = abs(np.mean([one for one, _ in inside]) - np.mean([came for _, came in inside]))
            error += gap * len(inside) / len(stated)
    return error


@given(STATED)
def test_the_fast_form_is_the_slow_one(answers):
    """Weights of one each give the plain error."""
    stated = np.array([one for one, _ in answers])
    positive = np.array([came for _, came in answers])
    fast = expected_calibration_error(stated, positive, np.ones(len(answers)))
    assert fast == pytest.approx(slow_error(stated, positive))


def test_a_forecaster_who_is_right_nine_times_in_ten_has_no_error():
    """0.9 said ten times, true nine times."""
    stated, positive = np.full(10, 0.9), np.arange(10) > 0
    assert expected_calibration_error(stated, positive, np.ones(10)) == pytest.approx(0.0)


@given(STATED)
def test_bins_hold_every_recording_once(answers):
    """Nothing is lost between bins, a probability of 1 included."""
    bins = reliability(np.array([one for one, _ in answers]), np.array([came for _, came in answers]))
    assert sum(one.count for one in bins) == len(answers)
