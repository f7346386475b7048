"""The judge of a second look: a logistic regression on what two models say of the same instants."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

from dhishoom.detectors.second_look import Judge, log_odds
from dhishoom.evaluate.doubts import Doubt

RIDGE = 300.0
"""Pull of every class's weight to zero: five hundred classes must not learn two thousand windows by heart."""
SPREAD_LEAST = 0.3
"""Least deviation of a class's log-odds to divide by; one that never speaks must not weigh."""

Floats = NDArray[np.float64]


def judge_of(doubts: Sequence[Doubt], classes: Sequence[str]) -> Judge:
    """Logistic regression, every source of gunfire as heavy as another, and all of them as heavy as other sound."""
    own = log_odds(np.array([one.own for one in doubts]))
    heard = log_odds(np.stack([one.heard for one in doubts]))
    shot = np.array([bool(one.is_shot) for one in doubts])
    spread = heard.std(axis=0) + SPREAD_LEAST
    middle = heard.mean(axis=0)
    columns = np.column_stack([(heard - middle) / spread, own])
    pull = np.append(np.full(len(classes), RIDGE), 0.0)
    weights, offset = _regression(columns, shot, _evenly(doubts), pull)
    scaled = weights[:-1] / spread
    return Judge(
        own=round(float(weights[-1]), 5),
        classes={name: round(float(one), 5) for name, one in zip(classes, scaled, strict=True)},
        offset=round(float(offset - middle @ scaled), 5),
    )


def _evenly(doubts: Sequence[Doubt]) -> Floats:
    names = np.array([one.recording.source if one.is_shot else "" for one in doubts])
    sources, place, counts = np.unique(names, return_inverse=True, return_counts=True)
    share = np.where(sources == "", 0.5, 0.5 / max(1, len(sources) - 1))
    return np.asarray((share * len(doubts) / counts)[place])


def _regression(columns: Floats, truth: NDArray[np.bool_], weight: Floats, pull: Floats) -> tuple[Floats, float]:
    """Weights [columns] and offset that make the truth likeliest, less the pull on their squares."""
    target = truth.astype(np.float64)

    def loss(numbers: Floats) -> tuple[float, Floats]:
        odds = columns @ numbers[:-1] + numbers[-1]
        error = weight * (expit(odds) - target)
        value = weight @ (np.logaddexp(0.0, odds) - target * odds) + pull @ np.square(numbers[:-1])
        return float(value), np.append(columns.T @ error + 2 * pull * numbers[:-1], error.sum())

    found = minimize(loss, np.zeros(columns.shape[1] + 1), jac=True, method="L-BFGS-B").x
    return found[:-1], float(found[-1])


def verdicts_of(judge: Judge, doubts: Sequence[Doubt], classes: Sequence[str]) -> Floats:
    """Log-odds of gunfire by a judge, of each doubt [n]."""
    weights = np.array([judge.classes.get(name, 0.0) for name in classes])
    own = log_odds(np.array([one.own for one in doubts]))
    heard = log_odds(np.stack([one.heard for one in doubts]))
    return np.asarray(judge.own * own + heard @ weights + judge.offset)


def scaled(judge: Judge, slope: float, offset: float) -> Judge:
    """The judge whose verdict is `slope` times this one's, plus `offset`."""
    return Judge(
        own=judge.own * slope,
        classes={name: round(weight * slope, 6) for name, weight in judge.classes.items() if weight},
        offset=judge.offset * slope + offset,
    )
