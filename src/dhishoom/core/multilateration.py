"""Closed forms: places from exact arrival times, without a first guess."""

from __future__ import annotations

import itertools
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from dhishoom.core.propagation import Floats

CONDITION_MIN = 1e-6
"""Least determinant, relative to its rows, of three sensors that are not taken to lie in a line."""


def places_of_triples(places_m: Floats, ranges_m: Floats) -> Floats:
    """Every place in the plane from which sound reaches three sensors at these times.

    Squaring the three range equations and eliminating what they share leaves a quadratic in the emission time: two
    roots, one of which may have the sound arrive before it was made.

    Args:
        places_m: [k, 3, 2], the three sensors of each triple.
        ranges_m: [k, 3], arrival times multiplied by the speed of sound, from any common zero.
    Returns:
        [m, 4]: east, north, emission time times speed, and the index of the triple; m <= 2 k, all finite.
    Source: Bancroft, S. (1985), IEEE Trans. Aerospace and Electronic Systems 21, 56-59, in two dimensions.
    """
    centre = places_m.mean(axis=1, keepdims=True)
    zero = ranges_m.min(axis=1, keepdims=True)
    rows = np.concatenate([places_m - centre, -(ranges_m - zero)[..., None]], axis=2)
    size = np.maximum(np.abs(rows).max(axis=(1, 2)), 1e-9)
    rows = rows / size[:, None, None]
    kept = np.flatnonzero(np.abs(np.linalg.det(rows)) > CONDITION_MIN)
    rows = rows[kept]
    half_norms = 0.5 * (rows[..., 0] ** 2 + rows[..., 1] ** 2 - rows[..., 2] ** 2)
    both = np.linalg.solve(rows, np.stack([np.ones_like(half_norms), half_norms], axis=2))
    slope, base = both[..., 0], both[..., 1]
    roots = _roots(_lorentz(slope, slope), _lorentz(slope, base) - 1.0, _lorentz(base, base))
    found = base[:, None, :] + roots[..., None] * slope[:, None, :]
    found = found * size[kept][:, None, None]
    found[..., :2] += centre[kept]
    # the rows hold minus the range, so the third unknown comes out as the emission itself
    found[..., 2] += zero[kept]
    index = np.broadcast_to(kept[:, None, None], (len(kept), 2, 1))
    flat = np.concatenate([found, index], axis=2).reshape(-1, 4)
    finite: Floats = flat[np.isfinite(flat).all(axis=1)]
    return finite


def _lorentz(left: Floats, right: Floats) -> Floats:
    product: Floats = left[..., 0] * right[..., 0] + left[..., 1] * right[..., 1] - left[..., 2] * right[..., 2]
    return product


def _roots(square: Floats, half_linear: Floats, constant: Floats) -> Floats:
    """Roots [k, 2] of `square x² + 2 half_linear x + constant`; where none is real, the point nearest to one, twice."""
    root = np.sqrt(np.maximum(half_linear**2 - square * constant, 0.0))
    larger = -(half_linear + np.copysign(root, half_linear))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.stack([larger / square, constant / larger], axis=1)


@lru_cache(maxsize=256)
def triples(count: int, most: int) -> NDArray[np.intp]:
    """At most `most` of the triples of `count` things, [k, 3]: all, or evenly spaced through their natural order."""
    every = np.array(list(itertools.combinations(range(count), 3)), np.intp).reshape(-1, 3)
    if len(every) <= most:
        return every
    return every[np.linspace(0, len(every) - 1, most).round().astype(np.intp)]
