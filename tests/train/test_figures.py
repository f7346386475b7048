"""Figures of the card: counted by hand on a few outcomes."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from dhishoom.train.figures import (
    area_under_roc,
    average_precision,
    figures,
    match_live_fire,
    poisson,
    threshold_for,
)
from dhishoom.train.scoring import Outcome


def _outcome(key: str, score: float = 0.0, **changes: object) -> Outcome:
    values = {"source": "s", "group": key, "label": "door_slam", "use": "validate", "duration_s": 10.0}
    values |= {"onsets_s": (), "events": (), "heard": "door"} | changes
    return Outcome(key=key, score=score, **values)  # type: ignore[arg-type]


def test_events_are_hits_echoes_or_false() -> None:
    """Within 100 ms of a listed arrival, each once; within 1.5 s after one; anything else."""
    events = ((1.02, 0.9), (1.06, 0.5), (1.8, 0.4), (5.0, 0.3))
    one = _outcome("a", source="live_fire", label="gunshot", onsets_s=(1.0, 8.0), events=events)

    matched = match_live_fire([one])

    assert sorted(matched.hits) == [0.0, 0.9]
    assert sorted(matched.echoes) == [0.4, 0.5]
    assert matched.false == [0.3]


def test_threshold_lets_one_clip_an_hour_through() -> None:
    """Of two hours of other sound two clips may be above it."""
    negatives = [_outcome(str(index), score=index / 1000) for index in range(720)]

    threshold = threshold_for(negatives, 1.0)

    assert sum(one.score >= threshold for one in negatives) == 2


def test_areas_agree_with_scikit_learn() -> None:
    """Its average_precision_score and roc_auc_score are the reference, without ties."""
    rng = np.random.default_rng(0)
    positives, negatives = rng.normal(1, 1, 40).tolist(), rng.normal(0, 1, 200).tolist()
    labels = [1] * 40 + [0] * 200

    precision = average_precision_score(labels, positives + negatives)
    assert average_precision(positives, negatives) == pytest.approx(precision)
    assert area_under_roc(positives, negatives) == pytest.approx(roc_auc_score(labels, positives + negatives))


def test_poisson_interval_of_none_in_three_hours_is_the_rule_of_three() -> None:
    """Zero events in 3 hours: up to 1.23 an hour (3.689 / 3), Garwood's exact two-sided bound."""
    assert poisson(0, 3.0) == pytest.approx((0.0, 1.2296), abs=1e-3)


def test_figures_tell_positions_and_sources() -> None:
    """A perfect detector reads as one everywhere, with its sample size."""
    heard = {"source": "live_fire", "label": "gunshot", "onsets_s": (1.0,), "events": ((1.0, 0.9),)}
    shots = [_outcome(f"f{index}", 0.9, group=f"FP{index}", **heard) for index in range(3)]
    clips = [_outcome(f"g{index}", 0.8, source="videos", label="gunshot") for index in range(4)]
    other = [_outcome(f"n{index}", 0.001 * index) for index in range(400)]

    told = figures([*shots, *clips, *other])

    assert told["live_fire"]["recall_fireworks_out"] == {"all_arrivals": 1.0, "worst_position": 1.0}  # type: ignore[index]
    assert told["sources"]["videos"]["average_precision"]["value"] == 1.0  # type: ignore[index]
    assert told["sources"]["videos"]["average_precision"]["recordings"] == 4  # type: ignore[index]
