"""How long fold 2 waits and how much it holds; the clock by which it turns."""

from __future__ import annotations

from dataclasses import dataclass

from dhishoom.core.sensor_array import SensorArray
from dhishoom.nouns import NS_PER_S

TICK_NS = NS_PER_S // 2
SLACK_S = 0.25
"""Clocks and detours beyond the straight way between two sensors."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AssociationLimits:
    """How long to wait and how much to hold.

    Attributes:
        lateness_s: A sensor that lags this far behind the furthest is not waited for.
        range_m: No shot is heard by two sensors farther apart than this.
        burst_gap_s: Shots from one place this close in time are one incident.
        burst_apart_m: How far a shooter may move between them, beyond what the ellipses allow.
        keep_s: An incident may be revised by late detections this long.
        picks_max: Detections held that await their turn, and as many that await an explanation.
        alone_min: A sensor that thinks it less likely gunfire only bears out what others heard.
        early_nats: By how much likelier than chance allows a shot must be to be told before its sound has passed.
    """

    lateness_s: float = 10.0
    range_m: float = 2500.0
    burst_gap_s: float = 4.0
    burst_apart_m: float = 60.0
    keep_s: float = 60.0
    picks_max: int = 4000
    alone_min: float = 0.0
    early_nats: float = 10.0


@dataclass(frozen=True, slots=True)
class Now:
    """One turn: the data's time, the sensors and the limits.

    Attributes:
        at_ns: Up to when every sensor was heard.
        pass_ns: How long after its first arrival a sound may still arrive elsewhere.
    """

    at_ns: int
    array: SensorArray
    limits: AssociationLimits
    pass_ns: int

    def is_past(self, onset_ns: int) -> bool:
        """Whether a sound first heard then has been heard wherever it can be."""
        return onset_ns + self.pass_ns <= self.at_ns


def pass_ns(array: SensorArray, limits: AssociationLimits) -> int:
    """How long after its first arrival a sound may still arrive elsewhere."""
    widest_s = float(array.passes_s.max(initial=0.0))
    return round((min(widest_s, limits.range_m / array.air.speed_m_s) + SLACK_S) * NS_PER_S)
