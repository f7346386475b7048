"""Calibration: what is stated as 0.9 is right nine times in ten."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit

from dhishoom.train.calibrate import apply, expected_calibration_error, pairs_of, platt_of


def test_an_overconfident_score_is_calibrated() -> None:
    """Scores whose log-odds are three times too large come out right."""
    rng = np.random.default_rng(0)
    odds = rng.normal(0.0, 1.5, 20_000)
    labels = (rng.random(20_000) < expit(odds)).astype(float)
    raw = expit(3 * odds)

    stated = apply(pairs_of(*platt_of(raw.tolist(), labels.tolist())), raw.tolist())

    assert expected_calibration_error(raw.tolist(), labels.tolist()) > 0.1
    assert expected_calibration_error(stated.tolist(), labels.tolist()) < 0.02


@settings(max_examples=50, deadline=None)
@given(st.floats(0.05, 5.0), st.floats(-8.0, 8.0))
def test_pairs_rise_from_nothing_to_certainty(slope: float, offset: float) -> None:
    """A card's pairs are strictly rising in both columns, so that no two scores change order."""
    raw, stated = zip(*pairs_of(slope, offset), strict=True)

    assert np.all(np.diff(raw) > 0)
    assert np.all(np.diff(stated) > 0)
    assert (raw[0], stated[0], raw[-1], stated[-1]) == (0.0, 0.0, 1.0, 1.0)


def test_perfect_separation_stays_finite() -> None:
    """A few held-out clips that never err must not make the model certain of everything."""
    slope, offset = platt_of([0.1, 0.2, 0.8, 0.9], [0.0, 0.0, 1.0, 1.0])

    assert np.isfinite([slope, offset]).all()
