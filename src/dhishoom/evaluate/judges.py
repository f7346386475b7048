"""The judge of a second look: a logistic regression on what two models say of the same instants."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

from dhishoom.detectors.second_look import Judge, log_odds
from dhishoom.evaluate.doubts import Doubt

Floats = NDArray[np.float64]


def judge_of(doubts: Sequence[Doubt]) -> Judge:
    """Logistic regression, every source of gunfire as heavy as another, and all of them as heavy as other sound."""
    columns = np.column_stack([log_odds(of_both) for of_both in own_and_guns(doubts)])
    shot = np.array([bool(one.is_shot) for one in doubts])
    own, guns, offset = _regression(columns, shot, _evenly(doubts))
    return Judge(own=own, guns=guns, offset=offset)


def own_and_guns(doubts: Sequence[Doubt]) -> tuple[Floats, Floats]:
    """What each model says of gunfire, [n] each."""
    return np.array([one.own for one in doubts]), np.array([one.guns for one in doubts])


def _evenly(doubts: Sequence[Doubt]) -> Floats:
    names = np.array([one.recording.source if one.is_shot else "" for one in doubts])
    sources, place, counts = np.unique(names, return_inverse=True, return_counts=True)
    share = np.where(sources == "", 0.5, 0.5 / max(1, len(sources) - 1))
    return np.asarray((share * len(doubts) / counts)[place])


def _regression(columns: Floats, truth: NDArray[np.bool_], weight: Floats) -> list[float]:
    """Weights of the columns, then the offset, that make the truth likeliest."""
    target = truth.astype(np.float64)

    def loss(numbers: Floats) -> tuple[float, Floats]:
        odds = columns @ numbers[:-1] + numbers[-1]
        error = weight * (expit(odds) - target)
        value = weight @ (np.logaddexp(0.0, odds) - target * odds)
        return float(value), np.append(columns.T @ error, error.sum())

    found = minimize(loss, np.zeros(columns.shape[1] + 1), jac=True, method="L-BFGS-B").x
    return [float(one) for one in found]
