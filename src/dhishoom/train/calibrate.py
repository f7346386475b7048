"""From raw scores to probabilities: Platt's two numbers, written as rising pairs that a card can carry."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from dhishoom.detectors.platt import platt

Pairs = tuple[tuple[float, float], ...]
_LOGITS = np.arange(-9.0, 12.01, 1.0)
_EDGE = 1e-6


def platt_of(scores: Sequence[float], labels: Sequence[float]) -> tuple[float, float]:
    """Slope and offset of raw scores, see `detectors.platt`."""
    odds = logit(np.clip(np.asarray(scores, np.float64), _EDGE, 1 - _EDGE))
    return platt(odds, np.asarray(labels) > 0)


def pairs_of(slope: float, offset: float) -> Pairs:
    """Platt's curve as rising (raw score, probability) pairs from (0, 0) to (1, 1)."""
    raw, stated = expit(_LOGITS), expit(slope * _LOGITS + offset)
    middle = [(round(float(x), 7), round(float(y), 7)) for x, y in zip(raw, stated, strict=True)]
    rising = [pair for before, pair in zip([(0.0, 0.0), *middle], middle, strict=False) if pair[1] > before[1]]
    return ((0.0, 0.0), *(pair for pair in rising if pair[1] < 1.0), (1.0, 1.0))


def apply(pairs: Pairs, scores: Sequence[float]) -> NDArray[np.float64]:
    """Probabilities of raw scores, as the listening fold computes them."""
    raw, stated = zip(*pairs, strict=True)
    return np.asarray(np.interp(scores, raw, stated))


def expected_calibration_error(probabilities: Sequence[float], labels: Sequence[float], bins: int = 10) -> float:
    """Mean gap between stated and observed frequency over equal-width bins, weighted by their counts (Naeini 2015)."""
    stated, observed = np.asarray(probabilities), np.asarray(labels, np.float64)
    index = np.minimum((stated * bins).astype(int), bins - 1)
    gaps = [abs(float(np.sum(stated[index == one] - observed[index == one]))) for one in range(bins)]
    return sum(gaps) / len(stated)
