"""The incidents told of so far: which one a blast belongs to, and when there is something new to tell."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from dhishoom.core.incidents import Blast, incident_id_of, incident_of
from dhishoom.core.limits import AssociationLimits, Now
from dhishoom.nouns import NS_PER_S, Incident, derived_id

LOCATING_SENSORS = 3
"""A round that fewer heard is told with the burst it belongs to, or not at all."""
LOUDEST = 10
"""Sensors that heard a round best: half of them must think it gunfire, each by itself."""
EARLY_SENSORS = 4
"""Three arrivals always fit some place; a fourth bears it out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """An incident as it stands.

    Attributes:
        settled: Blasts whose sound has passed every sensor.
        open: Blasts that farther sensors may still change.
        said: Digest of what was last told.
    """

    incident_id: str
    revision: int = 0
    settled: tuple[Blast, ...] = ()
    open: tuple[Blast, ...] = ()
    said: str = ""

    @property
    def blasts(self) -> tuple[Blast, ...]:
        """Those that count, in order of time: the located ones, or, if there is none, all."""
        every = sorted((*self.settled, *self.open), key=lambda one: one.time_ns)
        return tuple(one for one in every if one.position) or tuple(every)

    @property
    def is_located(self) -> bool:
        """Whether any of its blasts has a place."""
        return any(one.position for one in (*self.settled, *self.open))

    @property
    def detection_ids(self) -> frozenset[str]:
        """Of everything it rests on."""
        return frozenset(one.detection_id for blast in (*self.settled, *self.open) for one in blast.detections)


Ledger = tuple[Told, ...]


def enter(ledger: Ledger, blasts: Iterable[Blast], now: Now) -> Ledger:
    """Put every blast, settled or open, with the incident it belongs to; open ones are entered anew each turn."""
    before = {one.incident_id: one.detection_ids for one in ledger}
    entered = [replace(one, open=()) for one in ledger]
    for blast in sorted(blasts, key=lambda one: (one.time_ns, one.first_ns)):
        home = _home(blast, entered, before, now.limits)
        if home is None:
            if len(blast.detections) < LOCATING_SENSORS:
                continue
            if not (now.is_past(blast.first_ns) or _is_sure(blast, now)):
                continue
            home = len(entered)
            entered.append(Told(incident_id=incident_id_of([blast])))
        entered[home] = _with(entered[home], blast, now)
    return tuple(one if one.blasts else _retracted(one, ledger) for one in entered)


def _is_sure(blast: Blast, now: Now) -> bool:
    """Whether it may be told before its sound has passed every sensor: what comes will hardly change it."""
    enough = len(blast.detections) >= EARLY_SENSORS and blast.status == "located"
    return enough and blast.margin >= now.limits.early_nats


def _with(told: Told, blast: Blast, now: Now) -> Told:
    if now.is_past(blast.first_ns):
        return replace(told, settled=(*told.settled, blast))
    return replace(told, open=(*told.open, blast))


def _home(
    blast: Blast, entered: Sequence[Told], before: dict[str, frozenset[str]], limits: AssociationLimits
) -> int | None:
    """The earliest told incident whose burst it continues, or that it was told of before."""
    mine = blast.detection_ids
    for at, told in enumerate(entered):
        if mine & before.get(told.incident_id, frozenset()):
            return at
        if any(_continues(blast, one, limits) for one in told.blasts):
            return at
    return None


def _continues(blast: Blast, earlier: Blast, limits: AssociationLimits) -> bool:
    """Whether two are of one burst: close in time, no farther apart than shooters move and ellipses reach."""
    if abs(blast.time_ns - earlier.time_ns) > limits.burst_gap_s * NS_PER_S:
        return False
    if blast.position is None or earlier.position is None:
        return False
    distance = math.hypot(blast.position.x_m - earlier.position.x_m, blast.position.y_m - earlier.position.y_m)
    reach = math.hypot(*(one.ellipse.semi_major_m for one in (blast, earlier) if one.ellipse))
    return distance <= limits.burst_apart_m + min(reach, limits.burst_apart_m)


def _retracted(told: Told, ledger: Ledger) -> Told:
    """An incident that lost its blasts keeps its detections and says that they no longer fit."""
    last = next(one for one in ledger if one.incident_id == told.incident_id).blasts[0]
    return replace(told, settled=(_unlocated(last, "later arrivals do not bear it out"),))


def tell(ledger: Ledger, now: Now) -> tuple[Ledger, tuple[Incident, ...]]:
    """The incidents that have changed since they were last told; those too old to change are let go."""
    oldest = now.at_ns - round(now.limits.keep_s * NS_PER_S)
    kept, incidents = [], []
    for before in ledger:
        told, blasts = before, _shown(before, now.limits)
        digest = _digest(blasts)
        if blasts and digest != told.said:
            told = replace(told, revision=told.revision + 1, said=digest)
            incidents.append(incident_of(told.incident_id, told.revision, blasts))
        if max(one.first_ns for one in told.blasts) >= oldest:
            kept.append(told)
    return tuple(kept), tuple(incidents)


def _shown(told: Told, limits: AssociationLimits) -> tuple[Blast, ...]:
    """What is told of it: nothing, or that it is taken back, where those that heard it best think it something else.

    Candidates bear out what others begin; a display of fireworks is a candidate everywhere.
    """
    blasts = told.blasts
    best = [one for blast in blasts for one in sorted(blast.detections, key=lambda one: -one.snr_db)[:LOUDEST]]
    if 2 * sum(one.score >= limits.alone_min for one in best) >= len(best):
        return blasts
    reason = "the sensors that heard it best do not take it for gunfire"
    return (_unlocated(blasts[0], reason),) if told.revision else ()


def _unlocated(blast: Blast, reason: str) -> Blast:
    return replace(blast, status="unlocated", position=None, ellipse=None, alternative=None, reason=reason)


def _digest(blasts: Sequence[Blast]) -> str:
    return derived_id(
        *(part for blast in blasts for part in (blast.status, *(one.detection_id for one in blast.detections)))
    )
