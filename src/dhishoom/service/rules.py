"""Which incidents become alerts, to whom and when: pure, so that a rule can be tried on last month's incidents."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from dhishoom.nouns import NS_PER_S

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dhishoom.nouns import Alert, Incident, Kind, Position, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    """A daily stretch in the site's own time; one that ends before it begins goes over midnight."""

    begin: time
    end: time
    timezone: str = "UTC"

    def hold(self, time_ns: int) -> bool:
        """Whether the instant lies within."""
        local = datetime.fromtimestamp(time_ns // NS_PER_S, UTC).astimezone(ZoneInfo(self.timezone)).time()
        if self.begin <= self.end:
            return self.begin <= local < self.end
        return local >= self.begin or local < self.end


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """When to alert whom.

    Attributes:
        sinks: Names of the sinks that are told at once.
        score_min, sensors_min: Below either, the incident is kept but nobody is told.
        area: Corners of a polygon in the site's frame; incidents placed outside do not count. Those without a place do,
            and those of which one of two places lies inside.
        hours: Only then; None means always.
        cooldown_s: After an alert, further incidents within this time and `cooldown_m` are not told again.
        escalate_after_s: Tell `escalate_to` as well when nobody has acknowledged or reviewed the incident by then;
            None: never.
        expire_s: An alert that could not be delivered for so long is given up, and that is said.
    """

    name: str
    sinks: tuple[str, ...]
    score_min: float = 0.5
    sensors_min: int = 3
    area: tuple[Position, ...] = ()
    hours: Hours | None = None
    cooldown_s: float = 0.0
    cooldown_m: float = 150.0
    escalate_after_s: float | None = None
    escalate_to: tuple[str, ...] = ()
    expire_s: float = 3600.0

    def applies(self, incident: Incident) -> bool:
        """Whether the incident alone, without what came before, deserves an alert."""
        return (
            incident.score >= self.score_min
            and len(incident.sensor_ids) >= self.sensors_min
            and (self.hours is None or self.hours.hold(incident.time_ns))
            and (not self.area or incident.position is None or self._holds(incident.position, incident.alternative))
        )

    def _holds(self, *places: Position | None) -> bool:
        return any(place is not None and inside(place, self.area) for place in places)


def inside(position: Position, corners: Sequence[Position]) -> bool:
    """Whether a position lies in a simple polygon, by counting crossings of a ray to the east."""
    odd = False
    for one, other in zip(corners, [*corners[1:], corners[0]], strict=True):
        if (one.y_m > position.y_m) != (other.y_m > position.y_m):
            share = (position.y_m - one.y_m) / (other.y_m - one.y_m)
            odd ^= position.x_m < one.x_m + share * (other.x_m - one.x_m)
    return odd


def kind_of(rule: Rule, incident: Incident, told: Sequence[Alert], verdict: Verdict | None) -> Kind | None:
    """What to tell of this revision, given what was told of this incident before, oldest first; None for nothing.

    A dismissal cancels what was told; taking the dismissal back tells it again, as an update. A revision updates only
    where a dispatcher would read something new.
    """
    counts = verdict != "dismissed" and rule.applies(incident)
    if not told:
        return "new" if counts else None
    last = told[-1]
    if last.kind == "cancel":
        return "update" if counts else None
    if not counts:
        return "cancel"
    return "update" if incident.revision > last.incident.revision and differs(incident, last.incident) else None


def differs(one: Incident, other: Incident) -> bool:
    """Whether a dispatcher would act differently: another status, count, place by more than its error, or certainty."""
    if (one.status, one.rounds, one.fire) != (other.status, other.rounds, other.fire):
        return True
    if abs(one.score - other.score) >= 0.1:
        return True
    if one.position is None or other.position is None:
        return False
    moved_m = distance_m(one.position, other.position)
    return moved_m > (other.ellipse.semi_major_m if other.ellipse else 0.0)


def distance_m(one: Position, other: Position) -> float:
    """Horizontal distance."""
    return float(((one.x_m - other.x_m) ** 2 + (one.y_m - other.y_m) ** 2) ** 0.5)


def cooling(rule: Rule, incident: Incident, told: Sequence[Alert]) -> bool:
    """Whether an alert of another incident, near in time and place and not cancelled, already speaks for this one."""
    last = {alert.incident.incident_id: alert for alert in sorted(told, key=lambda alert: alert.created_ns)}
    return any(
        other.incident.incident_id != incident.incident_id
        and other.kind != "cancel"
        and abs(incident.time_ns - other.incident.time_ns) < rule.cooldown_s * NS_PER_S
        and _near(rule, incident, other.incident)
        for other in last.values()
    )


def _near(rule: Rule, one: Incident, other: Incident) -> bool:
    if one.position is None or other.position is None:
        return True
    return distance_m(one.position, other.position) <= rule.cooldown_m
