"""Where one sound was made: several guesses in closed form, refined robustly, told with a calibrated ellipse.

The source is sought in the plane, at the mean height of the sensors that heard it, and in space only if the arrivals
tell its height: over city distances the height of a street changes slant ranges by less than walls do. How the
constants were chosen, and on what, is told in docs/decisions.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import fdtri

from dhishoom.core.evidence import BELIEVED, PRIOR_FREEDOM, Hint, Modes, modes_of
from dhishoom.core.fitting import AS_THEY_ARE, Arrivals, Fits, best_of, judge, refine
from dhishoom.core.heights import Raised, raised
from dhishoom.core.multilateration import places_of_triples, triples
from dhishoom.core.propagation import Air, Floats, rays
from dhishoom.nouns import Ellipse, Status

PATH_SIGMA_S = 0.009
"""Detours round walls and over roofs, one standard deviation; beside the pick's own error."""
PATH_FULL_M = 200.0
"""Sensors closer together than this have so much shorter detours."""
TRIPLES_MAX = 56
GUESSES_MAX, ROUGH_GUESSES, RIVALS, FITS_MAX = 30, 5, 12, 40
POLISH = (1.0,) * 8
SCALES = np.array([1.0, 1.5, 2.2, 3.3, 5.0, 7.5])
"""Every sigma may be larger than claimed: clocks drift and walls stand in the way, of all at once."""
EXACT_SCALES = SCALES[:2]
SAME_PLACE_M = 25.0
AMBIGUOUS_NATS, EXACT_NATS = 3.0, 8.0
"""A second place less likely by no more than this (e³ to one) is told as well; the larger where no arrival is left over
to decide between two places that three fit alike."""
APART_M = 1.0
LINE_RATIO = 0.01
"""Sensors whose spread across is less than this share of that along stand in a line."""
VAGUE = 2.0
"""A place whose ellipse is longer than so many array radii is none."""
REACH = 20.0
"""A place farther than this many array radii is a direction, not a place."""


@dataclass(frozen=True, slots=True)
class Fix:
    """What the arrivals of one sound say.

    Attributes:
        status: `located`, `ambiguous` or `unlocated`.
        source: [3]: east and north in metres, emission in seconds; None if unlocated.
        height_m: At which it was sought, or found to be; in_space: found.
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
    in_space: bool = False

    def moved(self, by: Floats) -> Fix:
        """The same, `by` [3] metres, metres and seconds farther."""
        assert self.source is not None
        other = None if self.alternative is None else self.alternative + by
        return replace(self, source=self.source + by, alternative=other)


def locate(arrivals: Arrivals, air: Air, hint: Hint | None = None, start: Floats | None = None) -> Fix:
    """Place, time and covariance of one sound, or why there is none.

    Args:
        hint: Tells apart places that fit alike.
        start: [3], a place and time near the best, which spares much of the search for one.
    """
    reason = _cannot(arrivals)
    if reason:
        return Fix("unlocated", reason=reason)
    centre = np.append(arrivals.places_m[:, :2].mean(axis=0), 0.0)
    zero = np.append(centre[:2], arrivals.times_s.min())
    local = _relative(arrivals, centre, float(zero[2]))
    height = float(local.places_m[:, 2].mean())
    begun = None if start is None else start - zero
    fits = refine(*_tries(begun, local, height, air), local, height, air, POLISH)
    local_hint = None if hint is None else replace(hint, place_m=hint.place_m - centre[:2])
    modes = modes_of(fits, local, height, air, local_hint)
    fix = _told(fits, modes, local, height, air)
    return fix if fix.source is None else _in_space(fix, local, air).moved(zero)


def _relative(arrivals: Arrivals, centre: Floats, zero_s: float) -> Arrivals:
    """Places from their middle, times from the first, and sigmas with those of the paths."""
    places = arrivals.places_m - centre
    path_s = PATH_SIGMA_S * min(1.0, float(np.hypot(*places[:, :2].T).max()) / PATH_FULL_M)
    return Arrivals(places, arrivals.times_s - zero_s, np.hypot(arrivals.sigmas_s, path_s))


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


def _tries(start: Floats | None, arrivals: Arrivals, height: float, air: Air) -> tuple[Floats, Floats]:
    """Places near enough to the likeliest ones, with scales of their errors, [k, 3] and [k]."""
    guesses = _guesses(arrivals, height, air)
    if start is not None:
        (near, scales), (others, exact) = _at_scales(start[None], SCALES), _at_scales(guesses[:RIVALS], EXACT_SCALES)
        return np.concatenate([near, others]), np.concatenate([scales, exact])
    exact_tries, rough = _at_scales(guesses, EXACT_SCALES), _at_scales(guesses[: ROUGH_GUESSES + 2], SCALES)
    found = refine(*exact_tries, arrivals, height, air, AS_THEY_ARE), refine(*rough, arrivals, height, air)
    return best_of(found, FITS_MAX)


def _guesses(arrivals: Arrivals, height: float, air: Air) -> Floats:
    """The best guesses in closed form, the middle of the sensors, and a far place that the sound came from."""
    chosen = triples(len(arrivals.times_s), TRIPLES_MAX)
    roots = places_of_triples(arrivals.places_m[chosen][..., :2], arrivals.times_s[chosen] * air.speed_m_s)[:, :3]
    radius = np.hypot(*arrivals.places_m[:, :2].T).max()
    roots = roots[np.hypot(roots[:, 0], roots[:, 1]) < REACH * radius] / np.array([1.0, 1.0, air.speed_m_s])
    middle = np.array([[0.0, 0.0, -radius / air.speed_m_s]])
    rough = judge(roots, np.full(len(roots), 3.0), arrivals, height, air)
    best = roots[np.argsort(rough.costs, kind="stable")[:GUESSES_MAX]]
    return np.concatenate([best[:ROUGH_GUESSES], middle, _far(arrivals, radius, air), best[ROUGH_GUESSES:]])


def _far(arrivals: Arrivals, radius: float, air: Air) -> Floats:
    """Whence a plane wave comes that arrives at these times, twice as far off as a place may be; [1, 3]."""
    rows = np.column_stack([arrivals.places_m[:, :2], np.ones(len(arrivals.times_s))])
    east, north, middle_s = np.linalg.lstsq(rows, arrivals.times_s, rcond=None)[0]
    slowness = max(math.hypot(east, north), 1e-12)
    off = 2 * REACH * radius
    return np.array([[-off * east / slowness, -off * north / slowness, middle_s - off / air.speed_m_s]])


def _at_scales(guesses: Floats, scales: Floats) -> tuple[Floats, Floats]:
    return np.repeat(guesses, len(scales), axis=0), np.tile(scales, len(guesses))


def _told(fits: Fits, modes: Modes, arrivals: Arrivals, height: float, air: Air) -> Fix:
    if not len(modes.at):
        return Fix("unlocated", reason="the arrivals fit no one place")
    places, best = fits.sources[modes.at], int(modes.at[0])
    radius = float(np.hypot(*arrivals.places_m[:, :2].T).max())
    if np.hypot(*places[0, :2]) > REACH * radius:
        return Fix("unlocated", reason="it lies far outside the sensors, so only its direction would be known")
    spread = math.sqrt(modes.covariances[0, 0, 0] + modes.covariances[0, 1, 1])
    near = np.hypot(*(places[:, :2] - places[0, :2]).T) <= max(SAME_PLACE_M, 2 * spread)
    source, covariance = _blended(modes, places, near)
    judged = judge(source[None], fits.scales[[best]], arrivals, height, air)
    fix = Fix("located", source, height, covariance, judged.residuals_s[0], judged.weights[0])
    along_m = ellipse_of(fix).semi_major_m
    if along_m > VAGUE * radius:
        return Fix("unlocated", reason=f"it is known to {along_m:.0f} m only, farther than the sensors stand apart")
    return _or_two(fix, modes, places, ~near & (np.hypot(*places[:, :2].T) < REACH * radius))


def _blended(modes: Modes, places: Floats, near: np.ndarray) -> tuple[Floats, Floats]:
    """Mean and covariance of the likeliest mode and all near it, each as likely as it is."""
    shares = np.exp(modes.nats[near] - modes.nats[0])
    shares = shares / shares.sum()
    mean = shares @ places[near]
    off = places[near] - mean
    spread = modes.covariances[near] + off[:, :, None] * off[:, None, :]
    return mean, np.einsum("m,mij->ij", shares, spread)


def _or_two(fix: Fix, modes: Modes, places: Floats, rivals: np.ndarray) -> Fix:
    """The fix, or both places if a rival is nearly as likely."""
    second = np.flatnonzero(rivals)[:1]
    least = AMBIGUOUS_NATS if modes.freedoms[0] > 0.5 else EXACT_NATS
    if not len(second) or modes.nats[0] - modes.nats[second[0]] >= least:
        return fix
    return replace(fix, status="ambiguous", alternative=places[second[0]], reason="two places fit the arrivals")


def _in_space(fix: Fix, arrivals: Arrivals, air: Air) -> Fix:
    """The fix with its height, where all arrivals are believed and tell it."""
    assert fix.source is not None
    assert fix.covariance is not None
    assert fix.weights is not None
    if fix.status != "located" or fix.weights.min() <= BELIEVED:
        return fix
    found: Raised | None = raised(fix.source, fix.height_m, arrivals, air)
    if found is None:
        return fix
    covariance = found.covariance * max(
        1.0, float(np.trace(fix.covariance[:2, :2]) / np.trace(found.covariance[:2, :2]))
    )
    return replace(
        fix,
        source=found.source,
        height_m=found.height_m,
        in_space=True,
        covariance=covariance,
        residuals_s=found.residuals_s,
    )


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
    jacobian = np.column_stack([slope[0].T, np.ones(len(arrivals.times_s))])
    weights = fix.weights / np.hypot(arrivals.sigmas_s, PATH_SIGMA_S) ** 2
    inverse = np.linalg.pinv((jacobian * weights[:, None]).T @ jacobian)
    leverage = np.einsum("ni,ij,nj->n", jacobian, inverse, jacobian) * weights
    left: Floats = fix.residuals_s / np.maximum(1 - leverage, 1e-3)
    return left
