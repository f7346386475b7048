"""Which incidents become alerts, to whom and when: pure, so that a rule can be tried on last month's incidents."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import TYPE_CHECKING, Literal
from zoneinfo import ZoneInfo

from dhishoom.nouns import NS_PER_S, Alert, derived_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dhishoom.nouns import Incident, Position, Verdict

Kind = Literal["new", "update", "cancel"]


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
        area: Corners of a polygon in the site's frame; incidents placed outside do not count, those without a place do.
        hours: Only then; None means always.
        cooldown_s: After an alert, further incidents within this time and `cooldown_m` are not told again.
        escalate_after_s: Tell `escalate_to` as well when nobody has reviewed the incident by then; None: never.
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
            and (not self.area or incident.position is None or inside(incident.position, self.area))
        )


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

    A dismissal cancels what was told; a revision updates it only where a dispatcher would read something new.
    """
    last = told[-1] if told else None
    if verdict == "dismissed" or (last and not rule.applies(incident)):
        return "cancel" if last and last.kind != "cancel" else None
    if last is None or last.kind == "cancel":
        return "new" if rule.applies(incident) and last is None else None
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
    """Whether an alert of another incident, near in time and place, already speaks for this one."""
    return any(
        other.incident.incident_id != incident.incident_id
        and other.kind != "cancel"
        and abs(incident.time_ns - other.incident.time_ns) < rule.cooldown_s * NS_PER_S
        and _near(rule, incident, other.incident)
        for other in told
    )


def _near(rule: Rule, one: Incident, other: Incident) -> bool:
    if one.position is None or other.position is None:
        return True
    return distance_m(one.position, other.position) <= rule.cooldown_m


def make_alert(rule: Rule, incident: Incident, kind: Kind, *, text: str, link: str, now_ns: int) -> Alert:
    """The alert of one revision; deciding the same twice makes the same alert."""
    return Alert(
        alert_id=derived_id(rule.name, incident.incident_id, incident.revision, kind),
        kind=kind,
        incident=incident,
        text=text,
        created_ns=now_ns,
        expires_ns=now_ns + round(rule.expire_s * NS_PER_S),
        link=link,
    )
