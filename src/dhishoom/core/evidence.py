"""Which of several fits to believe, and how surely: the posterior of a place as a sum over its modes.

A fit's evidence is its likelihood, times how much of the prior lies within its errors (Laplace's approximation), times
what is known beforehand of the scale of errors and of where a shot is heard. Without the second factor, three arrivals
that agree by chance would always seem surer than six that agree within larger errors.

Source: MacKay, D. (1992), Bayesian interpolation, Neural Computation 4, 415-447: Occam's factor.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dhishoom.core.fitting import Arrivals, Fits, first_of_each
from dhishoom.core.propagation import Air, Floats, rays

BELIEVED = 0.5
SCALE_COST = 2.0
"""Nats for each doubling of every sigma."""
PRIOR_FREEDOM = 3.0
"""How many arrivals' worth the claimed sigmas count against what the residuals say."""
INFLATION_MIN = 1.0 / 3
AROUND, AROUND_MAX = 6.0, 12.0
"""Sensors that heard a sound stand around it: so many nats for each e-fold of 1 + (distance from their middle over
their radius)², up to so many."""
NEAR_SIGMA_M = 30.0
"""The next round of a burst is fired about so far from the one before."""
WIDE_M = 1000.0
"""Standard deviation of a prior that bounds what no arrival bounds."""
ALIKE_M = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Modes:
    """Fits that differ, the likeliest first.

    Attributes:
        at: [m], index into the fits.
        nats: [m], logarithm of the evidence.
        covariances: [m, 3, 3], of east, north, emission.
        freedoms: [m], believed arrivals beyond the three that any place fits.
    """

    at: NDArray[np.intp]
    nats: Floats
    covariances: Floats
    freedoms: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Hint:
    """Where a sound was probably made, by other evidence than its arrivals.

    Attributes:
        place_m: [2].
        nats: How much that evidence weighs at most; infinite for another round of the same burst.
    """

    place_m: Floats
    nats: float

    def weigh(self, places_m: Floats) -> Floats:
        """How much it speaks against each place, [k] of [k, 2]."""
        off = 0.5 * ((places_m - self.place_m) ** 2).sum(axis=1) / NEAR_SIGMA_M**2
        against: Floats = np.minimum(off, self.nats)
        return against


def modes_of(fits: Fits, arrivals: Arrivals, height_m: float, air: Air, hint: Hint | None = None) -> Modes:
    """Every fit once, if three arrivals or more believe in it, with its evidence and covariance."""
    travel, slope = rays(fits.sources[:, :2], height_m, arrivals.places_m, air)
    rows = np.concatenate([slope * air.speed_m_s, np.ones((len(travel), 1, travel.shape[1]))], axis=1)
    sigmas = arrivals.sigmas_s * fits.scales[:, None]
    pull = fits.weights / (sigmas * air.speed_m_s) ** 2
    normal = (rows * pull[:, None]) @ rows.transpose(0, 2, 1) + np.eye(3) / WIDE_M**2
    nats = -fits.costs - SCALE_COST * np.log2(fits.scales) - 0.5 * np.linalg.slogdet(normal)[1]
    radius = np.hypot(*arrivals.places_m[:, :2].T).max()
    around = AROUND * np.log1p((fits.sources[:, :2] ** 2).sum(axis=1) / radius**2)
    nats = nats - np.minimum(around, AROUND_MAX)
    if hint is not None:
        nats = nats - hint.weigh(fits.sources[:, :2])
    nats = np.where((fits.weights > BELIEVED).sum(axis=1) >= 3, nats, -np.inf)
    at = _distinct(fits, nats)
    freedoms = np.maximum(fits.weights[at].sum(axis=1) - 3, 0.0)
    squares = (fits.weights[at] * (fits.residuals_s[at] / sigmas[at]) ** 2).sum(axis=1)
    inflation = np.maximum((PRIOR_FREEDOM + squares) / (PRIOR_FREEDOM + freedoms), INFLATION_MIN)
    units = np.array([1.0, 1.0, 1.0 / air.speed_m_s])
    covariances = np.linalg.inv(normal[at]) * np.outer(units, units) * inflation[:, None, None]
    return Modes(at, nats[at], covariances, freedoms)


def _distinct(fits: Fits, nats: Floats) -> NDArray[np.intp]:
    """Index of every fit that is no repetition of a likelier one, the likeliest first; lost ones are left out."""
    order = np.argsort(-nats, kind="stable")
    order = order[np.isfinite(nats[order])]
    cells = np.column_stack([np.round(fits.sources[order, :2] / ALIKE_M), fits.scales[order]])
    distinct: NDArray[np.intp] = order[first_of_each(cells)]
    return distinct
