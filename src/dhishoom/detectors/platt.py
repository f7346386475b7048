"""From scores to probabilities: Platt's two numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

Floats = NDArray[np.float64]


def platt(log_odds: Floats, labels: NDArray[np.bool_]) -> tuple[float, float]:
    """Slope and offset that turn log-odds of scores [n] into log-odds of being right (Platt 1999).

    Two numbers, because held-out gunfire is too little to bend a curve more often than once. Platt's smoothed targets
    keep them finite where a score separates perfectly.
    """
    positive, negative = labels.sum(), (~labels).sum()
    target = np.where(labels, (positive + 1) / (positive + 2), 1 / (negative + 2))

    def loss(numbers: Floats) -> float:
        odds = np.exp(numbers[0]) * log_odds + numbers[1]
        return float(np.mean(np.logaddexp(0.0, odds) - target * odds))

    slope, offset = minimize(loss, np.zeros(2), method="BFGS").x
    return float(np.exp(slope)), float(offset)
