"""How sure a figure is: exact bounds for counts, the bootstrap over original recordings for everything else."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta, chi2

CONFIDENCE = 0.95
RESAMPLES = 1000
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Figure:
    """A value with its 95 % interval; nan where there is nothing to tell.

    Attributes:
        count: Recordings, shots or events it rests on.
        groups: Original recordings among them; 0 where the interval does not rest on groups.
    """

    value: float
    low: float
    high: float
    count: int = 0
    groups: int = 0


def poisson_rate(events: int, exposure: float) -> Figure:
    """Events per unit of exposure with Garwood's exact bounds; nan without exposure.

    Source: Garwood, F. (1936), Fiducial limits for the Poisson distribution, Biometrika 28, 437-442.
    """
    if exposure <= 0:
        return Figure(math.nan, math.nan, math.nan, events)
    tail = (1 - CONFIDENCE) / 2
    low = float(chi2.ppf(tail, 2 * events)) / 2 if events else 0.0
    high = float(chi2.ppf(1 - tail, 2 * events + 2)) / 2
    return Figure(events / exposure, low / exposure, high / exposure, events)


def binomial_share(events: int, trials: int) -> Figure:
    """A share with its exact bounds; nan without trials.

    Source: Clopper, C. and Pearson, E. (1934), The use of confidence or fiducial limits, Biometrika 26, 404-413.
    """
    if trials == 0:
        return Figure(math.nan, math.nan, math.nan)
    tail = (1 - CONFIDENCE) / 2
    low = float(beta.ppf(tail, events, trials - events + 1)) if events else 0.0
    high = float(beta.ppf(1 - tail, events + 1, trials - events)) if events < trials else 1.0
    return Figure(events / trials, low, high, trials)


def resampled(groups: Sequence[str], strata: Sequence[str], seed: int, draws: int = RESAMPLES) -> Floats:
    """Weights [draws, n] of a bootstrap that draws whole groups, within each stratum as many as it has.

    Args:
        groups, strata: [n] names; a group lies in one stratum.
    """
    rng = np.random.default_rng(seed)
    weights = np.zeros((draws, len(groups)))
    names, kinds = np.asarray(groups, dtype=str), np.asarray(strata, dtype=str)
    for kind in np.unique(kinds):
        chosen = np.flatnonzero(kinds == kind)
        distinct, member = np.unique(names[chosen], return_inverse=True)
        counts = rng.multinomial(len(distinct), np.full(len(distinct), 1 / len(distinct)), size=draws)
        weights[:, chosen] = counts[:, member]
    return weights


def with_interval(figure: Callable[[Floats], Floats], weights: Floats, *, count: int, groups: int) -> Figure:
    """A figure of all recordings (weight 1 each) and the 95 % of its resamples; `figure` maps [..., n] to [...]."""
    value = float(figure(np.ones(weights.shape[-1])))
    if math.isnan(value):
        return Figure(value, math.nan, math.nan, count, groups)
    drawn = figure(weights)
    tail = 100 * (1 - CONFIDENCE) / 2
    low, high = np.nanpercentile(drawn, [tail, 100 - tail])
    return Figure(value, float(low), float(high), count, groups)
