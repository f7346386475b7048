"""Ranking figures agree with scikit-learn's, and weights mean what repeating a recording means."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from dhishoom.evaluate.ranking import (
    area_under_roc,
    average_precision,
    curve,
    recall_at_rate,
    share_at,
    threshold_for,
)

# Few distinct scores, so that ties are common.
SCORED = st.lists(st.tuples(st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.5000001, 0.9, 1.0]), st.booleans()), min_size=2)


def arrays(scored):
    """Scores, positives and a weight of one each."""
    scores = np.array([score for score, _ in scored])
    positive = np.array([is_positive for _, is_positive in scored])
    return scores, positive, np.ones(len(scored))


@given(SCORED.filter(lambda scored: any(positive for _, positive in scored)))
def test_average_precision_is_scikit_learns(scored):
    """Average precision equals sklearn's, ties included."""
    scores, positive, ones = arrays(scored)
    assert average_precision(scores, positive, ones) == pytest.approx(average_precision_score(positive, scores))


@given(SCORED.filter(lambda scored: len({positive for _, positive in scored}) == 2))
def test_area_under_roc_is_scikit_learns(scored):
    """Area under ROC equals sklearn's, ties included."""
    scores, positive, ones = arrays(scored)
    assert area_under_roc(scores, positive, ones) == pytest.approx(roc_auc_score(positive, scores))


@given(SCORED, st.data())
@settings(max_examples=50)
def test_weights_are_repetitions(scored, data):
    """A recording of weight three counts as three recordings; of weight none, as if it were not there."""
    scores, positive, _ = arrays(scored)
    counts = np.array(data.draw(st.lists(st.integers(0, 3), min_size=len(scored), max_size=len(scored))))
    repeated = np.repeat(scores, counts), np.repeat(positive, counts), np.ones(counts.sum())
    for figure in (average_precision, area_under_roc):
        weighted = figure(scores, positive, counts.astype(float))
        expected = figure(*repeated) if counts.sum() else np.nan
        assert weighted == pytest.approx(expected, nan_ok=True)


def test_a_matrix_of_weights_gives_a_figure_a_row():
    """A thousand resamples are one call."""
    scores, positive = np.array([0.9, 0.8, 0.3, 0.1]), np.array([True, False, True, False])
    weights = np.array([[1.0, 1, 1, 1], [1, 0, 1, 1], [0, 1, 0, 1]])
    assert average_precision(scores, positive, weights) == pytest.approx([(1 + 2 / 3) / 2, 1.0, np.nan], nan_ok=True)


def slow_recall_at_rate(scores, positive, durations_s, per_hour):
    """Try every threshold that could matter; keep the best recall whose false clips are allowed."""
    hours = durations_s[~positive].sum() / 3600
    allowed = int(per_hour * hours + 1e-9)
    best = 0.0
    for threshold in np.unique(np.append(scores, 2.0)):
        called = scores >= threshold
        if (called & ~positive).sum() <= allowed:
            best = max(best, (called & positive).sum() / positive.sum())
    return best


@given(SCORED.filter(lambda scored: any(positive for _, positive in scored)), st.floats(1, 2000))
def test_recall_at_a_rate_is_the_best_that_the_rate_allows(scored, length_s):
    """The fast form equals trying every threshold."""
    scores, positive, ones = arrays(scored)
    durations_s = np.full(len(scored), length_s)
    fast = recall_at_rate(scores, positive, durations_s, ones)
    assert fast == pytest.approx(slow_recall_at_rate(scores, positive, durations_s, 1.0))


@given(st.lists(st.sampled_from([0.0, 0.2, 0.7, 0.7000001, 1.0]), min_size=1), st.floats(1, 4000))
def test_a_threshold_for_a_rate_keeps_it_and_is_the_lowest(scores, length_s):
    """At the threshold the rate holds; a hair lower it would not, unless everything is allowed."""
    scores = np.array(scores)
    durations_s = np.full(len(scores), length_s)
    allowed = int(durations_s.sum() / 3600)
    threshold = threshold_for(scores, durations_s, 1.0)
    assert (scores >= threshold).sum() <= allowed
    assert threshold == 0.0 or (scores >= np.nextafter(threshold, 0.0)).sum() > allowed


def test_recall_at_a_threshold_counts_positives_alone():
    """Half of the positives reach 0.5; negatives do not matter."""
    scores, positive = np.array([0.5, 0.4, 0.9, 0.95]), np.array([True, True, False, False])
    assert share_at(scores, positive, np.ones(4), 0.5) == 0.5


def test_curves_end_where_everything_is_called():
    """The last point of a curve has full recall and every negative."""
    points = curve(np.array([0.9, 0.5, 0.5, 0.1]), np.array([True, True, False, False]))
    assert points.recall.tolist() == [0.5, 1.0, 1.0]
    assert points.false_rate.tolist() == [0.0, 0.5, 1.0]
    assert points.precision.tolist() == pytest.approx([1.0, 2 / 3, 0.5])
