"""How well a score ranks: average precision, area under ROC, thresholds, and their curves.

Every figure takes weights, so that a resample of the recordings is a row of counts and a thousand of them are one
matrix. Ties are one threshold.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
SECONDS_AN_HOUR = 3600.0


class Ranked(NamedTuple):
    """Scores from high to low with the weights of positives and negatives at or above each distinct one.

    Attributes:
        thresholds: [k] distinct scores, falling.
        hits, false: [..., k].
    """

    thresholds: Floats
    hits: Floats
    false: Floats


def ranked(scores: Floats, positive: Flags, weights: Floats) -> Ranked:
    """Cumulative weights by threshold.

    Args:
        scores, positive: [n].
        weights: [..., n], not negative.
    """
    order = np.argsort(-scores, kind="stable")
    falling = scores[order]
    last = np.flatnonzero(np.append(falling[:-1] != falling[1:], True))
    hits = np.cumsum(weights[..., order] * positive[order], axis=-1)[..., last]
    false = np.cumsum(weights[..., order] * ~positive[order], axis=-1)[..., last]
    return Ranked(falling[last], hits, false)


def average_precision(scores: Floats, positive: Flags, weights: Floats) -> Floats:
    """Sum over thresholds of precision times the rise of recall, [...]; nan without positives.

    Source: Manning, Raghavan, Schuetze, Introduction to Information Retrieval (2008), section 8.4; not interpolated.
    """
    table = ranked(scores, positive, weights)
    told = table.hits + table.false
    precision = np.divide(table.hits, told, out=np.zeros_like(told), where=told > 0)
    rise = np.diff(table.hits, axis=-1, prepend=0.0)
    total = table.hits[..., -1]
    return _divided((precision * rise).sum(axis=-1), total)


def area_under_roc(scores: Floats, positive: Flags, weights: Floats) -> Floats:
    """Probability that a positive scores above a negative, ties half, [...]; nan where either is missing."""
    table = ranked(scores, positive, weights)
    rise = np.diff(table.false, axis=-1, prepend=0.0)
    before = np.concatenate((np.zeros_like(table.hits[..., :1]), table.hits[..., :-1]), axis=-1)
    area = (rise * (before + table.hits) / 2).sum(axis=-1)
    return _divided(area, table.hits[..., -1] * table.false[..., -1])


def _divided(above: Floats, below: Floats) -> Floats:
    return np.divide(above, below, out=np.full_like(np.asarray(above, np.float64), np.nan), where=below > 0)


def threshold_for(scores: Floats, durations_s: Floats, per_hour: float) -> float:
    """The lowest threshold at which no more of these negatives an hour score at or above it; 0 if all may."""
    allowed = int(per_hour * durations_s.sum() / SECONDS_AN_HOUR)
    worst = np.sort(scores)[::-1]
    return float(np.nextafter(worst[allowed], 2.0)) if allowed < len(worst) else 0.0


def recall_at_rate(
    scores: Floats, positive: Flags, durations_s: Floats, weights: Floats, per_hour: float = 1.0
) -> Floats:
    """Share of positives above the negatives that `per_hour` does not allow, [...]; nan without positives.

    The threshold is chosen anew in every resample, from its own negatives and their length.
    """
    table = ranked(scores, positive, weights)
    hours = (weights * durations_s * ~positive).sum(axis=-1) / SECONDS_AN_HOUR
    allowed = np.floor(per_hour * hours + 1e-9)
    kept = np.where(table.false <= allowed[..., None], table.hits, 0.0).max(axis=-1)
    return _divided(kept, table.hits[..., -1])


def share_at(scores: Floats, positive: Flags, weights: Floats, threshold: float) -> Floats:
    """Share of positives at or above a threshold, [...]; nan without positives."""
    chosen = weights * positive
    return _divided((chosen * (scores >= threshold)).sum(axis=-1), chosen.sum(axis=-1))


class Curve(NamedTuple):
    """Points of a curve: [k] each, by falling threshold."""

    thresholds: Floats
    recall: Floats
    precision: Floats
    false_rate: Floats


def curve(scores: Floats, positive: Flags) -> Curve:
    """Recall, precision and share of negatives called positive at every threshold."""
    table = ranked(scores, positive, np.ones(len(scores)))
    recall = table.hits / max(table.hits[-1], 1.0)
    return Curve(table.thresholds, recall, table.hits / (table.hits + table.false), table.false / table.false[-1])
