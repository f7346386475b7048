"""Shots that belong together, as one incident with one id."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from dhishoom.core.evidence import BELIEVED, Hint
from dhishoom.core.fitting import Arrivals
from dhishoom.core.location import Fix, ellipse_of, locate
from dhishoom.core.propagation import Floats, travel_s
from dhishoom.core.rounds import rounds_of
from dhishoom.core.sensor_array import SensorArray
from dhishoom.nouns import NS_PER_S, Detection, Ellipse, Incident, Position, Shot, Status, derived_id

SCORE_MAX = 0.9999
VAGUE_M = 250.0
"""Nobody is sent to a place that is known no better."""
SEEN_NATS = 4.0
"""So much at most the sensors that heard nothing count when two places fit alike."""
ORIGIN_REACH_M = 60.0
"""A further round that seems to be fired farther off is told where the first was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Blast:
    """One muzzle blast: the detections it rests on and what they say.

    Attributes:
        time_ns: Emission; the first arrival where there is no place.
        detections: One a sensor, in the order of their sensors' ids.
        margin: By how many nats its burst is likelier than chance allows.
        given: Ids of what it was made from, of which it may not believe all.
    """

    status: Status
    time_ns: int
    position: Position | None
    ellipse: Ellipse | None
    residual_ms: float
    detections: tuple[Detection, ...]
    margin: float
    score: float
    alternative: Position | None = None
    reason: str = ""
    given: tuple[str, ...] = ()

    @property
    def detection_ids(self) -> frozenset[str]:
        """Of all it rests on."""
        return frozenset(one.detection_id for one in self.detections)

    @property
    def first_ns(self) -> int:
        """Its first arrival."""
        return min(one.onset_ns for one in self.detections)


def blast_of(
    detections: Sequence[Detection],
    array: SensorArray,
    margin: float,
    seen: Floats | None = None,
    origin: Blast | None = None,
) -> Blast:
    """Locate the sound that these detections, one a sensor, are of.

    Args:
        seen: [3], east, north, and emission after the first arrival, as all sensors together, the silent ones too,
            have it.
        origin: A located round of the same burst: where this one was fired too, if its own arrivals do not tell.
    """
    ordered = tuple(sorted(detections, key=lambda one: one.sensor_id))
    zero = min(one.onset_ns for one in ordered)
    arrivals = Arrivals(
        array.places_m[[array.index[one.sensor_id] for one in ordered]],
        np.array([(one.onset_ns - zero) / NS_PER_S for one in ordered]),
        np.array([one.sigma_s for one in ordered]),
    )
    near = origin.position if origin else None
    if origin is None or near is None or seen is None:
        hint = None if seen is None else Hint(seen[:2], SEEN_NATS)
        return _blast(locate(arrivals, array.air, hint, seen), ordered, zero, margin)
    fix = locate(arrivals, array.air, Hint(np.array([near.x_m, near.y_m]), math.inf), seen)
    if fix.status == "located" and _is_near(_position(fix), near):
        return _blast(fix, ordered, zero, margin)
    travel = travel_s(np.array([[near.x_m, near.y_m]]), near.z_m, arrivals.places_m, array.air)
    return replace(
        origin,
        time_ns=zero + round(float(seen[2]) * NS_PER_S),
        residual_ms=1000 * float(np.sqrt(np.mean((arrivals.times_s - travel[0] - seen[2]) ** 2))),
        detections=ordered,
        margin=margin,
        score=score_of(ordered),
        given=_names(ordered),
    )


def _blast(fix: Fix, ordered: tuple[Detection, ...], zero: int, margin: float) -> Blast:
    ellipse = None if fix.source is None else ellipse_of(fix)
    if ellipse and ellipse.semi_major_m > VAGUE_M:
        fix = Fix("unlocated", reason=f"it is known to {ellipse.semi_major_m:.0f} m only")
    if fix.source is None or fix.residuals_s is None or fix.weights is None:
        return Blast(
            status="unlocated",
            time_ns=zero,
            position=None,
            ellipse=None,
            residual_ms=0.0,
            detections=ordered,
            margin=margin,
            score=score_of(ordered),
            reason=fix.reason,
            given=_names(ordered),
        )
    believed = fix.weights > BELIEVED
    return Blast(
        status=fix.status,
        time_ns=zero + round(float(fix.source[2]) * NS_PER_S),
        position=_position(fix),
        ellipse=ellipse,
        residual_ms=1000 * float(np.sqrt(np.mean(fix.residuals_s[believed] ** 2))),
        detections=tuple(one for one, good in zip(ordered, believed, strict=True) if good),
        margin=margin,
        score=score_of(ordered),
        alternative=None if fix.alternative is None else _position(replace(fix, source=fix.alternative)),
        reason=fix.reason,
        given=_names(ordered),
    )


def _names(detections: Sequence[Detection]) -> tuple[str, ...]:
    return tuple(one.detection_id for one in detections)


def _position(fix: Fix) -> Position:
    assert fix.source is not None
    return Position(x_m=float(fix.source[0]), y_m=float(fix.source[1]), z_m=fix.height_m, z_assumed=not fix.in_space)


def _is_near(one: Position, other: Position) -> bool:
    return math.hypot(one.x_m - other.x_m, one.y_m - other.y_m) <= ORIGIN_REACH_M


def incident_of(incident_id: str, revision: int, blasts: Sequence[Blast]) -> Incident:
    """The incident that these blasts, in order of time, are."""
    best = max(blasts, key=lambda one: (one.status == "located", len(one.detections), -one.time_ns))
    sensors = [len(one.detections) for one in blasts]
    rounds = rounds_of([(one.time_ns - blasts[0].time_ns) / NS_PER_S for one in blasts], sensors)
    return Incident(
        incident_id=incident_id,
        revision=revision,
        status=best.status,
        time_ns=blasts[0].time_ns,
        position=best.position,
        ellipse=best.ellipse,
        rounds=rounds.count,
        rounds_low=rounds.low,
        rounds_high=rounds.high,
        fire=rounds.fire,
        shots=tuple(_shot(one) for one in blasts),
        score=max(one.score for one in blasts),
        sensor_ids=tuple(sorted({one.sensor_id for blast in blasts for one in blast.detections})),
        alternative=best.alternative,
        reason=best.reason,
    )


def _shot(blast: Blast) -> Shot:
    """The surest first: whoever listens to one listens to that, and it has a clip."""
    surest_first = sorted(blast.detections, key=lambda one: (-one.score, one.sensor_id))
    return Shot(
        time_ns=blast.time_ns,
        position=blast.position,
        ellipse=blast.ellipse,
        residual_ms=blast.residual_ms,
        sensor_ids=tuple(one.sensor_id for one in surest_first),
        detection_ids=tuple(one.detection_id for one in surest_first),
    )


def score_of(detections: Sequence[Detection]) -> float:
    """Probability that not every one of them was something else."""
    return min(SCORE_MAX, 1 - math.prod(1 - one.score for one in detections))


def incident_id_of(blasts: Sequence[Blast]) -> str:
    """Follows from the earliest detection, by time, then id."""
    first = min((one.onset_ns, one.detection_id) for blast in blasts for one in blast.detections)
    return derived_id("incident", first[1])
