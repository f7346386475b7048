"""The wind, where nobody measured it: what makes the arrivals of several shots fit their places best.

Wind hastens sound one way and delays it the other, so it shows in residuals that many sensors and shots share.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from dhishoom.core.fitting import Arrivals
from dhishoom.core.location import PATH_SIGMA_S, locate
from dhishoom.core.propagation import Air, Floats, air_of, rays
from dhishoom.nouns import NS_PER_S, Detection, Incident, Site

WIND_SIGMA_M_S = 3.0
"""Standard deviation on each axis about the wind that is assumed."""
STEPS = 4
CONVERGED_M_S = 0.05
FREEDOM_MIN = 4
"""Arrivals beyond three a shot that there must be; else the assumed wind stays."""


def air_from(sounds: Sequence[Arrivals], air: Air) -> Air:
    """The air with its wind estimated from located sounds, about the wind that it has; unchanged where they are few.

    Each round locates every sound in the air as it is, then finds the wind that explains what is left, the places
    being free to follow (their share is projected out).
    """
    if sum(max(len(one.times_s) - 3, 0) for one in sounds) < FREEDOM_MIN:
        return air
    assumed = np.array([air.wind_east_m_s, air.wind_north_m_s])
    wind = assumed
    for _ in range(STEPS):
        here = replace(air, wind_east_m_s=float(wind[0]), wind_north_m_s=float(wind[1]))
        normal, right = np.eye(2) / WIND_SIGMA_M_S**2, (assumed - wind) / WIND_SIGMA_M_S**2
        for one in sounds:
            its_normal, its_right = _told(one, here)
            normal, right = normal + its_normal, right + its_right
        step = np.linalg.solve(normal, right)
        wind = wind + step
        if np.abs(step).max() < CONVERGED_M_S:
            break
    return replace(air, wind_east_m_s=float(wind[0]), wind_north_m_s=float(wind[1]))


def site_with_wind(site: Site, incidents: Iterable[Incident], detections: Iterable[Detection]) -> Site:
    """The site with the wind that its located shots show; the same where they are too few.

    Args:
        detections: Those that the incidents rest on; any others are left out.
    """
    by_id = {one.detection_id: one for one in detections}
    shots = [shot for one in incidents if one.status == "located" for shot in one.shots]
    sounds = [_arrivals([by_id[name] for name in shot.detection_ids if name in by_id], site) for shot in shots]
    air = air_from(sounds, air_of(site.weather))
    weather = replace(site.weather, wind_east_m_s=air.wind_east_m_s, wind_north_m_s=air.wind_north_m_s)
    return replace(site, weather=weather)


def _arrivals(detections: Sequence[Detection], site: Site) -> Arrivals:
    placed = [(place, one) for one in detections if (place := site.sensors[one.sensor_id].position)]
    zero = min((one.onset_ns for _, one in placed), default=0)
    return Arrivals(
        np.array([[place.x_m, place.y_m, place.z_m] for place, _ in placed]).reshape(-1, 3),
        np.array([(one.onset_ns - zero) / NS_PER_S for _, one in placed]),
        np.array([one.sigma_s for _, one in placed]),
    )


def _told(arrivals: Arrivals, air: Air) -> tuple[Floats, Floats]:
    """What one sound says of a change of wind: normal matrix [2, 2] and right side [2]."""
    fix = locate(arrivals, air)
    if fix.source is None or fix.weights is None or fix.residuals_s is None:
        return np.zeros((2, 2)), np.zeros(2)
    travel, slope = rays(fix.source[None, :2], fix.height_m, arrivals.places_m, air)
    slope = slope[0].T
    unit = -slope / np.maximum(np.linalg.norm(slope, axis=1, keepdims=True), 1e-12)
    by_wind = -travel[0][:, None] * unit / air.along(unit)[:, None]
    weights = np.sqrt(fix.weights) / np.hypot(arrivals.sigmas_s, PATH_SIGMA_S)
    place = np.column_stack([slope, np.ones(len(weights))]) * weights[:, None]
    basis, _ = np.linalg.qr(place)
    free = by_wind * weights[:, None]
    free = free - basis @ (basis.T @ free)
    left = fix.residuals_s * weights
    return free.T @ free, free.T @ (left - basis @ (basis.T @ left))
