"""How high a sound was made, where the arrivals tell it.

Sensors on roofs of much the same height see height poorly: it is told only if it is known to `SIGMA_MAX_M`, the scale
of errors being what the residuals show (its upper 95 % limit), not what is claimed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import chdtri

from dhishoom.core.fitting import Arrivals
from dhishoom.core.propagation import Air, Floats

SIGMA_MAX_M = 10.0
FREEDOM_MIN = 1
"""Arrivals beyond the four that any place in space fits."""
STEPS = 15
STEP_MAX_M = 20.0
STARTS_M = (-10.0, 10.0)
BELOW_M, ABOVE_M = 50.0, 200.0
"""No shot is fired farther below or above the sensors."""
CONVERGED_M = 1e-6
RIDGE = 1e-12
HOPELESS = 4.0


@dataclass(frozen=True, slots=True, eq=False)
class Raised:
    """A place in space.

    Attributes:
        source: [3], east, north, emission.
        covariance: [3, 3] of it, for the claimed sigmas.
        residuals_s: [n].
    """

    source: Floats
    height_m: float
    covariance: Floats
    residuals_s: Floats


def raised(source: Floats, height_m: float, arrivals: Arrivals, air: Air) -> Raised | None:
    """The place in space that fits all arrivals best, or None if they do not tell its height.

    Args:
        source: [3], the best place at the assumed height.
    """
    freedom = len(arrivals.times_s) - 4
    if freedom < FREEDOM_MIN:
        return None
    if _is_hopeless(source, height_m, arrivals, air):
        return None
    found = [_fit(np.append(source, height_m + start), arrivals, air) for start in STARTS_M]
    unknowns, residuals, jacobian = min(found, key=lambda fit: float((fit[1] ** 2).sum()))
    squares = float((residuals**2).sum())
    normal = jacobian.T @ jacobian
    heights = arrivals.places_m[:, 2]
    inside = heights.min() - BELOW_M <= unknowns[3] <= heights.max() + ABOVE_M
    if not (np.isfinite(unknowns).all() and inside) or np.linalg.cond(normal) > 1 / RIDGE:
        return None
    covariance = np.linalg.inv(normal)
    scale = squares / chdtri(freedom, 0.95)
    if not covariance[3, 3] * scale <= SIGMA_MAX_M**2:
        return None
    seconds = np.array([1.0, 1.0, 1.0 / air.speed_m_s])
    in_plane: Floats = np.asarray(covariance[:3, :3] * np.outer(seconds, seconds), np.float64)
    return Raised(unknowns[:3] * seconds, float(unknowns[3]), in_plane, residuals * arrivals.sigmas_s)


def _is_hopeless(source: Floats, height_m: float, arrivals: Arrivals, air: Air) -> bool:
    """Whether errors as claimed would hide the height, and the residuals show errors as claimed: a quick look first."""
    unknowns = np.append(source, height_m + STARTS_M[1]) * np.array([1.0, 1.0, air.speed_m_s, 1.0])
    residuals, jacobian = _slopes(unknowns, arrivals, air)
    normal = jacobian.T @ jacobian
    if np.linalg.cond(normal) > 1 / RIDGE:
        return True
    vague = np.linalg.inv(normal)[3, 3] > (HOPELESS * SIGMA_MAX_M) ** 2
    honest = float(((residuals - residuals.mean()) ** 2).mean()) > 1 / HOPELESS**2
    return bool(vague and honest)


def _fit(start: Floats, arrivals: Arrivals, air: Air) -> tuple[Floats, Floats, Floats]:
    """Unknowns [4] in metres (the third is emission times speed), residuals [n] in sigmas, their slopes [n, 4]."""
    speed = air.speed_m_s
    unknowns = start * np.array([1.0, 1.0, speed, 1.0])
    residuals, jacobian = _slopes(unknowns, arrivals, air)
    for _ in range(STEPS):
        normal = jacobian.T @ jacobian
        normal += np.eye(4) * RIDGE * np.trace(normal)
        step = np.linalg.solve(normal, jacobian.T @ residuals)
        step /= max(1.0, float(np.abs(step).max()) / STEP_MAX_M)
        unknowns = unknowns + step
        residuals, jacobian = _slopes(unknowns, arrivals, air)
        if np.abs(step).max() < CONVERGED_M:
            break
    return unknowns, residuals, jacobian


def _slopes(unknowns: Floats, arrivals: Arrivals, air: Air) -> tuple[Floats, Floats]:
    toward = arrivals.places_m - unknowns[[0, 1, 3]]
    distance = np.maximum(np.linalg.norm(toward, axis=1), 1e-9)
    unit = toward / distance[:, None]
    speed = air.along(unit)
    sigmas = arrivals.sigmas_s
    residuals = (arrivals.times_s - unknowns[2] / air.speed_m_s - distance / speed) / sigmas
    slope = -unit / speed[:, None]
    jacobian = np.column_stack([slope[:, :2], np.full(len(sigmas), 1 / air.speed_m_s), slope[:, 2]]) / sigmas[:, None]
    return residuals, jacobian
