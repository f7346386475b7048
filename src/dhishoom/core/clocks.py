"""Which sensor's clock disagrees, and by how much: what a sensor heard against when located shots were due there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from dhishoom.core.propagation import Floats, air_of, travel_s
from dhishoom.nouns import NS_PER_S, Detection, Incident, Position, Shot, Site

OFF_MAX_S = 1.5
"""A clock farther off than this is taken for another sound."""
ALIKE_S = 0.020
"""Lags of one clock agree to this: a pick's error and that of the place."""
DETOUR_S = 0.050
"""What walls delay is no clock's fault."""
SHOTS_MIN = 2
SHARE_MIN = 0.6
"""Of the shots that the sensor may have heard at all, so many must agree."""
APART_M = 50.0
"""An echo comes as late from one place as the next round from there; from elsewhere it does not."""


@dataclass(frozen=True, slots=True)
class ClockOffset:
    """How far a sensor's clock is ahead of the others'.

    Attributes:
        offset_s: Positive: its clock shows later times.
        sigma_s: Of that.
        shots: How many shots bear it out.
    """

    offset_s: float
    sigma_s: float
    shots: int


def clock_offsets(
    incidents: Iterable[Incident], detections: Sequence[Detection], site: Site, *, places_min: int = 1
) -> dict[str, ClockOffset]:
    """Sensors whose clocks are off by more than detours explain.

    Args:
        incidents: In their last revision; only shots with a place count.
        detections: All that was heard about their time, whatever became of it.
        places_min: From how many places, 50 m apart, the shots that bear it out must have been fired.
    """
    shots = [shot for one in incidents if one.status == "located" for shot in one.shots if shot.position]
    found = {}
    for name, sensor in site.sensors.items():
        if sensor.position is None:
            continue
        heard = np.array([one.onset_ns for one in detections if one.sensor_id == name], np.int64)
        offset = _offset(shots, [_lags_s(shot, sensor.position, heard, site) for shot in shots], places_min)
        if offset is not None:
            found[name] = offset
    return found


def _lags_s(shot: Shot, place: Position, heard_ns: np.ndarray, site: Site) -> Floats:
    """How much later than due each sound was heard that may be this shot."""
    assert shot.position is not None
    source = np.array([[shot.position.x_m, shot.position.y_m]])
    sensor = np.array([[place.x_m, place.y_m, place.z_m]])
    travel = travel_s(source, shot.position.z_m, sensor, air_of(site.weather))
    lags: Floats = (heard_ns - shot.time_ns) / NS_PER_S - float(travel[0, 0])
    return lags[np.abs(lags) <= OFF_MAX_S]


def _offset(shots: Sequence[Shot], lags: Sequence[Floats], places_min: int) -> ClockOffset | None:
    """The lag that most shots share, the least of equals; None if it is small or too few share it."""
    heard = [(shot, one) for shot, one in zip(shots, lags, strict=True) if len(one)]
    if len(heard) < SHOTS_MIN:
        return None
    candidates = np.concatenate([one for _, one in heard])
    nearest = np.array([[float(np.abs(one - lag).min()) for _, one in heard] for lag in candidates])
    support = (nearest <= ALIKE_S).sum(axis=1)
    best = candidates[np.lexsort((np.abs(candidates), -support))[0]]
    alike = [(shot, one[np.abs(one - best).argmin()]) for shot, one in heard if np.abs(one - best).min() <= ALIKE_S]
    if len(alike) < max(SHOTS_MIN, SHARE_MIN * len(heard)) or abs(best) <= DETOUR_S:
        return None
    if _places([shot for shot, _ in alike]) < places_min:
        return None
    shared = np.array([lag for _, lag in alike])
    return ClockOffset(float(np.median(shared)), float(max(shared.std(), ALIKE_S / 2)), len(alike))


def _places(shots: Sequence[Shot]) -> int:
    """How many places the shots were fired from."""
    found: list[Position] = []
    for shot in shots:
        place = shot.position
        assert place is not None
        if all(np.hypot(place.x_m - one.x_m, place.y_m - one.y_m) >= APART_M for one in found):
            found.append(place)
    return len(found)
