"""Place and time of one sound from its arrivals: many guesses refined at once, each arrival believed or not.

An arrival is either good, with an error of its own sigma, or false, anywhere within `FALSE_WINDOW_S`. The refinement
maximises the likelihood of that mixture, so a false arrival loses its weight instead of bending the place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dhishoom.core.propagation import Air, Floats, rays

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
    jacobian = np.concatenate([slope * scale, np.ones((*travel.shape, 1))], axis=2)
    weighted = jacobian * weights[..., None]
    normal = weighted.transpose(0, 2, 1) @ jacobian
    normal += _damping(normal)
    right = np.einsum("kni,kn->ki", weighted, residuals * scale)
    steps = np.linalg.solve(normal, right[..., None])[..., 0]
    reach = np.maximum(np.hypot(steps[:, 0], steps[:, 1]) / STEP_MAX_M, 1.0)
    bounded: Floats = steps / reach[:, None] / np.array([1.0, 1.0, scale])
    return bounded


def _damping(normal: Floats) -> Floats:
    trace = np.einsum("kii->k", normal)
    damping: Floats = (DAMPING * trace + 1e-12)[:, None, None] * np.eye(3)
    return damping


def _pull(ratios: Floats, sigmas: Floats) -> Floats:
    """Weight of each residual, given in sigmas, in the next round: belief times the tail's own weight."""
    tail = 1 + ratios**2 / TAIL
    good = tail ** (-(TAIL + 1) / 2)
    pull: Floats = good / (good + false_density(sigmas)) * ((TAIL + 1) / TAIL) / tail
    return pull


def judge(sources: Floats, scales: Floats, arrivals: Arrivals, height_m: float, air: Air) -> Fits:
    """Residuals, beliefs and cost of places as they are."""
    travel, _ = rays(sources[:, :2], height_m, arrivals.places_m, air)
    residuals = arrivals.times_s - sources[:, 2:3] - travel
    sigmas = arrivals.sigmas_s * scales[:, None]
    good = (1 + (residuals / sigmas) ** 2 / TAIL) ** (-(TAIL + 1) / 2)
    false = false_density(sigmas)
    return Fits(sources, scales, residuals, good / (good + false), -np.log(good / false + 1).sum(axis=1))


def best_of(several: Sequence[Fits], most: int) -> tuple[Floats, Floats]:
    """Sources and scales of the least cost, no two of one scale and place (to a metre)."""
    sources = np.concatenate([one.sources for one in several])
    scales = np.concatenate([one.scales for one in several])
    order = np.argsort(np.concatenate([one.costs for one in several]), kind="stable")
    order = order[np.isfinite(sources[order]).all(axis=1)]
    cells = np.column_stack([np.round(sources[order, :2]), scales[order]])
    _, firsts = np.unique(cells, axis=0, return_index=True)
    best = order[np.sort(firsts)[:most]]
    return sources[best], scales[best]
