"""What a plain method makes of the same arrivals: robust least squares, to compare the locator with."""

from __future__ import annotations

import numpy as np
from scipy.optimize import least_squares

from dhishoom.core.fitting import Arrivals
from dhishoom.core.location import PATH_SIGMA_S
from dhishoom.core.propagation import Air, Floats

BEFORE_FIRST_S = 0.5


def robust_least_squares(arrivals: Arrivals, air: Air) -> Floats:
    """East and north [2] of least soft-L1 residuals, sought from the middle of the sensors (SciPy)."""
    places, times = arrivals.places_m[:, :2], arrivals.times_s

    def residuals(unknowns: Floats) -> Floats:
        due = unknowns[2] + np.hypot(*(places - unknowns[:2]).T) / air.speed_m_s
        return np.asarray((times - due) / PATH_SIGMA_S)

    start = np.array([*places.mean(axis=0), times.min() - BEFORE_FIRST_S])
    found: Floats = least_squares(residuals, start, loss="soft_l1", x_scale=[100.0, 100.0, 0.3]).x[:2]
    return found
