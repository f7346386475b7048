"""Place and time of one sound from its arrivals: many guesses refined at once, each arrival believed or not.

An arrival is either good, with an error of its own sigma, or false, anywhere within `FALSE_WINDOW_S`. The refinement
maximises the likelihood of that mixture, so a false arrival loses its weight instead of bending the place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dhishoom.core.propagation import Air, Floats, rays, travel_s

FALSE_SHARE = 0.02
"""Of arrivals that are not what they seem; docs/decisions says how it was chosen."""
FALSE_WINDOW_S = 2.0
"""A false arrival lies anywhere in this."""
TAIL = 20.0
"""Degrees of freedom of Student's t: clocks and walls err more often by three sigma than a Gaussian would."""
WIDENINGS = (8.0, 4.0, 2.0, *[1.0] * 5)
"""How much every sigma is widened in each round: the first forgive more, so that a rough guess finds its arrivals."""
AS_THEY_ARE = (1.0,) * 6
"""A guess that fits three arrivals exactly keeps to them, so that no false one draws it away."""
CONVERGED_M = 1e-5
STEP_MAX_M = 300.0
DAMPING = 1e-7
HOPELESS_NATS = 30.0
"""A fit so much less likely than the best comes to nothing, whatever else is known of the place and of the errors."""


@dataclass(frozen=True, slots=True)
class Arrivals:
    """What was heard of one sound, sensor by sensor.

    Attributes:
        places_m: [n, 3].
        times_s: [n], from any common zero.
        sigmas_s: [n], pick, clock and path together.
    """

    places_m: Floats
    times_s: Floats
    sigmas_s: Floats


@dataclass(frozen=True, slots=True)
class Fits:
    """Refined guesses.

    Attributes:
        sources: [k, 3]: east and north in metres, emission in seconds.
        scales: [k], by how much every sigma is taken larger than claimed.
        residuals_s: [k, n], arrival less prediction.
        weights: [k, n], how far each arrival is believed, 0 to 1.
        costs: [k], negative log likelihood ratio to all arrivals being false; lower is better.
    """

    sources: Floats
    scales: Floats
    residuals_s: Floats
    weights: Floats
    costs: Floats


def false_density(sigmas_s: Floats) -> Floats:
    """How likely a false arrival is, in units of the density at the peak of a good one."""
    density: Floats = FALSE_SHARE / (1 - FALSE_SHARE) * sigmas_s * np.sqrt(2 * np.pi) / FALSE_WINDOW_S
    return density


def refine(
    guesses: Floats,
    scales: Floats,
    arrivals: Arrivals,
    height_m: float,
    air: Air,
    widenings: Sequence[float] = WIDENINGS,
) -> Fits:
    """Move every guess [k, 3] downhill by damped Gauss-Newton steps on reweighted residuals.

    Args:
        scales: [k], by how much every sigma is larger than it claims, under this guess.
    """
    sources = guesses.copy()
    sigmas = arrivals.sigmas_s * scales[:, None]
    before = 0.0
    for widening in widenings:
        steps = _step(sources, arrivals, height_m, air, sigmas * widening)
        sources += steps
        if widening == before and np.abs(steps[:, :2]).max() < CONVERGED_M:
            break
        before = widening
    return judge(sources, scales, arrivals, height_m, air)


def _step(sources: Floats, arrivals: Arrivals, height_m: float, air: Air, sigmas: Floats) -> Floats:
    travel, slope = rays(sources[:, :2], height_m, arrivals.places_m, air)
    residuals = arrivals.times_s - sources[:, 2:3] - travel
    scale = air.speed_m_s
    weights = _pull(residuals / sigmas, sigmas) / (sigmas * scale) ** 2
    rows = np.empty((len(sources), 4, travel.shape[1]))
    np.multiply(slope, scale, out=rows[:, :2])
    rows[:, 2] = 1.0
    np.multiply(residuals, scale, out=rows[:, 3])
    steps = _solved((rows[:, :3] * weights[:, None]) @ rows.transpose(0, 2, 1))
    reach = np.maximum(np.hypot(steps[:, 0], steps[:, 1]) / STEP_MAX_M, 1.0)
    bounded: Floats = steps / reach[:, None] / np.array([1.0, 1.0, scale])
    return bounded


def _solved(equations: Floats) -> Floats:
    """What solves three damped symmetric equations [k, 3, 4] each, [k, 3], by Cramer's rule."""
    (xx, xy, xz, x), (_, yy, yz, y), (_, _, zz, z) = equations.transpose(1, 2, 0)
    damping = DAMPING * (xx + yy + zz) + 1e-12
    xx, yy, zz = xx + damping, yy + damping, zz + damping
    by_xx, by_xy, by_xz = yy * zz - yz * yz, xz * yz - xy * zz, xy * yz - xz * yy
    by_yy, by_yz, by_zz = xx * zz - xz * xz, xy * xz - xx * yz, xx * yy - xy * xy
    solved = [
        by_xx * x + by_xy * y + by_xz * z,
        by_xy * x + by_yy * y + by_yz * z,
        by_xz * x + by_yz * y + by_zz * z,
    ]
    unknowns: Floats = np.stack(solved, axis=1) / (xx * by_xx + xy * by_xy + xz * by_xz)[:, None]
    return unknowns


def _pull(ratios: Floats, sigmas: Floats) -> Floats:
    """Weight of each residual, given in sigmas, in the next round: belief times the tail's own weight."""
    tail = 1 + ratios * ratios / TAIL
    good = _good(tail)
    pull: Floats = good / (good + false_density(sigmas)) * ((TAIL + 1) / TAIL) / tail
    return pull


def _good(tail: Floats) -> Floats:
    """Student's density by its peak, of 1 + squared ratio over degrees of freedom."""
    good: Floats = np.exp(-(TAIL + 1) / 2 * np.log(tail))
    return good


def judge(sources: Floats, scales: Floats, arrivals: Arrivals, height_m: float, air: Air) -> Fits:
    """Residuals, beliefs and cost of places as they are."""
    residuals = arrivals.times_s - sources[:, 2:3] - travel_s(sources[:, :2], height_m, arrivals.places_m, air)
    sigmas = arrivals.sigmas_s * scales[:, None]
    good = _good(1 + (residuals / sigmas) ** 2 / TAIL)
    false = false_density(sigmas)
    return Fits(sources, scales, residuals, good / (good + false), -np.log(good / false + 1).sum(axis=1))


def best_of(several: Sequence[Fits], most: int) -> tuple[Floats, Floats]:
    """Sources and scales of the least cost, no two of one scale and place (to a metre), none hopelessly dear."""
    sources = np.concatenate([one.sources for one in several])
    scales = np.concatenate([one.scales for one in several])
    costs = np.concatenate([one.costs for one in several])
    order = np.argsort(costs, kind="stable")
    order = order[np.isfinite(sources[order]).all(axis=1)]
    order = order[costs[order] <= costs[order[:1]] + HOPELESS_NATS]
    cells = np.column_stack([np.round(sources[order, :2]), scales[order]])
    best = order[first_of_each(cells)[:most]]
    return sources[best], scales[best]


def first_of_each(cells: Floats) -> NDArray[np.intp]:
    """Index of every row that is not the repetition of an earlier one, in order."""
    firsts: dict[tuple[float, ...], int] = {}
    for at, cell in enumerate(map(tuple, cells.tolist())):
        firsts.setdefault(cell, at)
    return np.fromiter(firsts.values(), np.intp, len(firsts))
