"""Where one sound was made: several guesses in closed form, refined robustly, told with a calibrated ellipse.

The source is sought in the plane, at the mean height of the sensors that heard it: over city distances the height of a
street changes slant ranges by less than walls do. Constants below were chosen on the six published firing positions of
the live-fire set taken together, or are stated priors; none is known to a single position.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import fdtri

from dhishoom.core.fitting import Arrivals, Fits, judge, refine
from dhishoom.core.multilateration import places_of_triples, triples
from dhishoom.core.propagation import Air, Floats, rays
from dhishoom.nouns import Ellipse, Status

PATH_SIGMA_S = 0.012
"""Detours round walls and over roofs, one standard deviation; beside the pick's own error."""
TRIPLES_MAX = 56
GUESSES_MAX = 6
SCALES = np.array([1.0, 2.0, 4.0])
"""Every sigma may be larger than claimed: clocks drift and walls stand in the way, of all at once."""
SCALE_COST = 1.0
"""Nats for each doubling."""
SAME_PLACE_M = 25.0
AMBIGUOUS_NATS = 2.0
"""A second place less likely by no more than this (e² to one) is told as well."""
PRIOR_FREEDOM = 8.0
"""How many arrivals' worth the claimed sigmas count against what the residuals say."""
APART_M = 1.0
LINE_RATIO = 0.01
"""Sensors whose spread across is less than this share of that along stand in a line."""
REACH = 20.0
"""A place farther than this many array radii is a direction, not a place."""


@dataclass(frozen=True, slots=True)
class Fix:
    """What the arrivals of one sound say.

    Attributes:
        status: `located`, `ambiguous` or `unlocated`.
        source: [3]: east and north in metres, emission in seconds; None if unlocated.
        height_m: At which it was sought.
        covariance: [3, 3] of `source`.
        residuals_s: [n], arrival less prediction.
        weights: [n], how far each arrival is believed.
        alternative: The other place of an ambiguous one.
        reason: Why it is not located.
    """

    status: Status
    source: Floats | None = None
    height_m: float = 0.0
    covariance: Floats | None = None
    residuals_s: Floats | None = None
    weights: Floats | None = None
    alternative: Floats | None = None
    reason: str = ""


def locate(arrivals: Arrivals, air: Air) -> Fix:
    """Place, time and covariance of one sound, or why there is none."""
    reason = _cannot(arrivals)
    if reason:
        return Fix("unlocated", reason=reason)
    zero = float(arrivals.times_s.min())
    centre = np.append(arrivals.places_m[:, :2].mean(axis=0), 0.0)
    local = Arrivals(arrivals.places_m - centre, arrivals.times_s - zero, np.hypot(arrivals.sigmas_s, PATH_SIGMA_S))
    height = float(local.places_m[:, 2].mean())
    fits = refine(*_starts(local, height, air), local, height, air)
    return _tell(fits, local, height, air, np.append(centre[:2], zero))


def _cannot(arrivals: Arrivals) -> str:
    known = np.isfinite(arrivals.times_s) & np.isfinite(arrivals.places_m).all(axis=1)
    if not (known & np.isfinite(arrivals.sigmas_s) & (arrivals.sigmas_s >= 0)).all():
        return "an arrival, its sigma or a sensor's place is not a finite number"
    places = _distinct(arrivals.places_m[:, :2])
    if len(places) < 3:
        return f"heard at {_count(len(places))}; three are needed"
    spread = np.linalg.svd(places - places.mean(axis=0), compute_uv=False)
    if spread[1] < LINE_RATIO * spread[0]:
        return "the sensors stand in a line, so either side of it looks alike"
    return ""


def _count(places: int) -> str:
    return "one place" if places == 1 else f"{places} places"


def _distinct(places: Floats) -> Floats:
    far = np.linalg.norm(places[:, None] - places[None], axis=2) >= APART_M
    first = np.array([far[:index, index].all() for index in range(len(places))], bool)
    distinct: Floats = places[first]
    return distinct


def _starts(arrivals: Arrivals, height: float, air: Air) -> tuple[Floats, Floats]:
    """The best guesses in closed form, each under every scale of error."""
    chosen = triples(len(arrivals.times_s), TRIPLES_MAX)
    roots = places_of_triples(arrivals.places_m[chosen][..., :2], arrivals.times_s[chosen] * air.speed_m_s)[:, :3]
    radius = np.hypot(*arrivals.places_m[:, :2].T).max()
    roots = roots[np.hypot(roots[:, 0], roots[:, 1]) < REACH * radius] / np.array([1.0, 1.0, air.speed_m_s])
    middle = np.array([[0.0, 0.0, -radius / air.speed_m_s]])
    guesses = np.concatenate([roots, middle])
    rough = judge(guesses, np.full(len(guesses), 3.0), arrivals, height, air)
    best = guesses[np.argsort(rough.costs, kind="stable")[:GUESSES_MAX]]
    return np.repeat(best, len(SCALES), axis=0), np.tile(SCALES, len(best))


def _tell(fits: Fits, arrivals: Arrivals, height: float, air: Air, zero: Floats) -> Fix:
    costs = fits.costs + SCALE_COST * np.log2(fits.scales)
    best = int(np.argmin(costs))
    source, weights = fits.sources[best], fits.weights[best]
    radius = float(np.hypot(*arrivals.places_m[:, :2].T).max())
    if (weights > 0.5).sum() < 3:
        return Fix("unlocated", reason="the arrivals fit no one place")
    if np.hypot(*source[:2]) > REACH * radius:
        return Fix("unlocated", reason="it lies far outside the sensors, so only its direction would be known")
    covariance = _covariance(source, fits, best, arrivals, height, air)
    if covariance is None:
        return Fix("unlocated", reason="from these sensors its place is not determined")
    far = np.hypot(*(fits.sources[:, :2] - source[:2]).T) > max(
        SAME_PLACE_M, 2 * math.sqrt(covariance[0, 0] + covariance[1, 1])
    )
    far &= np.hypot(*fits.sources[:, :2].T) < REACH * radius
    rival = int(np.argmin(np.where(far, costs, np.inf)))
    ambiguous = bool(far[rival]) and costs[rival] - costs[best] < AMBIGUOUS_NATS
    return Fix(
        "ambiguous" if ambiguous else "located",
        source + zero,
        height,
        covariance,
        fits.residuals_s[best],
        weights,
        fits.sources[rival] + zero if ambiguous else None,
        "two places fit the arrivals" if ambiguous else "",
    )


def _covariance(source: Floats, fits: Fits, best: int, arrivals: Arrivals, height: float, air: Air) -> Floats | None:
    """Of east, north, emission: from the believed arrivals, their sigmas corrected by what the residuals show."""
    _, slope = rays(source[None, :2], height, arrivals.places_m, air)
    jacobian = np.column_stack([slope[0], np.ones(len(arrivals.times_s))])
    weights = fits.weights[best] / arrivals.sigmas_s**2
    normal = (jacobian * weights[:, None]).T @ jacobian
    if np.linalg.cond(normal * np.outer(SCALED, SCALED)) > CONDITION_MAX:
        return None
    freedom = max(float(fits.weights[best].sum()) - 3, 0.0)
    squares = float((weights * fits.residuals_s[best] ** 2).sum())
    inflation = (PRIOR_FREEDOM + squares) / (PRIOR_FREEDOM + freedom)
    inverse: Floats = np.linalg.inv(normal) * max(inflation, 1.0 / 3)
    return inverse


SCALED = np.array([340.0, 340.0, 1.0])
CONDITION_MAX = 1e10


def ellipse_of(fix: Fix, confidence: float = 0.95) -> Ellipse:
    """Where the place lies with this confidence, the scale of the errors being itself estimated."""
    assert fix.covariance is not None
    values, vectors = np.linalg.eigh(fix.covariance[:2, :2])
    reach = _reach(fix, confidence)
    east, north = vectors[:, 1]
    return Ellipse(
        semi_major_m=math.sqrt(max(values[1], 0.0) * reach),
        semi_minor_m=math.sqrt(max(values[0], 0.0) * reach),
        azimuth_deg=math.degrees(math.atan2(east, north)) % 180,
        confidence=confidence,
    )


def holds(fix: Fix, place_m: Floats, sigma_m: float = 0.0, confidence: float = 0.95) -> bool:
    """Whether a place [2], itself known to `sigma_m` on each axis, lies in the ellipse."""
    assert fix.source is not None
    assert fix.covariance is not None
    off = fix.source[:2] - place_m
    spread = fix.covariance[:2, :2] + np.eye(2) * sigma_m**2
    return bool(off @ np.linalg.solve(spread, off) <= _reach(fix, confidence))


def _reach(fix: Fix, confidence: float) -> float:
    """Square of the ellipse's radius in standard deviations."""
    assert fix.weights is not None
    freedom = PRIOR_FREEDOM + max(float(fix.weights.sum()) - 3, 0.0)
    return 2 * float(fdtri(2, freedom, confidence))


def leave_one_out_s(fix: Fix, arrivals: Arrivals, air: Air) -> Floats:
    """How far each arrival lies from where the others alone would have it: names the clock or the wall that is off."""
    assert fix.source is not None
    assert fix.residuals_s is not None
    assert fix.weights is not None
    _, slope = rays(fix.source[None, :2], fix.height_m, arrivals.places_m, air)
    jacobian = np.column_stack([slope[0], np.ones(len(arrivals.times_s))])
    weights = fix.weights / np.hypot(arrivals.sigmas_s, PATH_SIGMA_S) ** 2
    inverse = np.linalg.pinv((jacobian * weights[:, None]).T @ jacobian)
    leverage = np.einsum("ni,ij,nj->n", jacobian, inverse, jacobian) * weights
    left: Floats = fix.residuals_s / np.maximum(1 - leverage, 1e-3)
    return left
