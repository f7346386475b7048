"""Whether 0.9 means nine in ten: expected calibration error and the points of a reliability diagram."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BINS = 10
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Bin:
    """Recordings whose stated probability falls between two tenths."""

    stated: float
    observed: float
    count: int


def expected_calibration_error(stated: Floats, positive: NDArray[np.bool_], weights: Floats) -> Floats:
    """Mean gap between stated and observed frequency over ten equal bins, weighted by their content, [...].

    Source: Naeini, Cooper, Hauskrecht (2015), Obtaining well calibrated probabilities using Bayesian binning, AAAI.

    Args:
        stated, positive: [n].
        weights: [..., n].
    """
    member = _bin_of(stated)
    gaps = np.zeros(weights.shape[:-1])
    for one in range(BINS):
        inside = member == one
        gaps = gaps + np.abs((weights[..., inside] * (stated[inside] - positive[inside])).sum(axis=-1))
    total = weights.sum(axis=-1)
    error: Floats = np.divide(gaps, total, out=np.full_like(gaps, np.nan), where=total > 0)
    return error


def reliability(stated: Floats, positive: NDArray[np.bool_]) -> tuple[Bin, ...]:
    """The bins that hold any recording, from low to high."""
    member = _bin_of(stated)
    inside = [member == one for one in range(BINS)]
    return tuple(
        Bin(float(stated[chosen].mean()), float(positive[chosen].mean()), int(chosen.sum()))
        for chosen in inside
        if chosen.any()
    )


def _bin_of(stated: Floats) -> NDArray[np.int64]:
    return np.asarray(np.minimum((stated * BINS).astype(np.int64), BINS - 1))
