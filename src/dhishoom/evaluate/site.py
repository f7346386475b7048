"""Thresholds for one site: from its own quiet hours, and from what people said of its detections."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dhishoom.errors import UsageError
from dhishoom.evaluate.intervals import Figure, poisson_rate

if TYPE_CHECKING:
    from dhishoom.nouns import ModelCard

POSSIBLE_TIMES = 20.0
"""Possible shots may be false so many times as often as alerts."""
HIGHEST = 0.999


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteSound:
    """What the model said at a site where somebody knows better.

    Attributes:
        quiet: Scores of events in hours without gunfire; hours: how many, over all sensors.
        dismissed, confirmed: Scores of reviewed detections.
    """

    quiet: tuple[float, ...]
    hours: float
    dismissed: tuple[float, ...] = ()
    confirmed: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteThresholds:
    """What to write into the settings, and what to expect of it.

    Attributes:
        false_per_hour: At `alert`, in the quiet hours, with Garwood's interval.
        dismissed_kept, confirmed_kept: Reviewed detections at or above `alert`.
    """

    alert: float
    possible: float
    false_per_hour: Figure
    dismissed_kept: int
    confirmed_kept: int


def thresholds_for(sound: SiteSound, card: ModelCard, per_hour: float) -> SiteThresholds:
    """The lowest thresholds at which no more than `per_hour` quiet events an hour alert and no dismissed one does.

    Few hours show little: with none false in an hour, only rates of several an hour are known to hold; the interval
    says so. Raises UsageError without quiet hours and without a dismissed detection: there is nothing to go by.
    """
    if sound.hours <= 0 and not sound.dismissed:
        raise UsageError(
            "nothing is known of this site: give recordings of its quiet hours, or a store with reviewed detections."
        )
    quiet_alert = _lowest(sound.quiet, sound.hours, per_hour)
    alert = _within(max([quiet_alert, *(_above(score) for score in sound.dismissed)]))
    possible = _within(min(alert, _lowest(sound.quiet, sound.hours, per_hour * POSSIBLE_TIMES)))
    if sound.hours <= 0:
        possible = min(card.possible, alert)
    false = sum(score >= alert for score in sound.quiet)
    return SiteThresholds(
        alert=alert,
        possible=possible,
        false_per_hour=poisson_rate(false, sound.hours),
        dismissed_kept=sum(score >= alert for score in sound.dismissed),
        confirmed_kept=sum(score >= alert for score in sound.confirmed),
    )


def _lowest(scores: Sequence[float], hours: float, per_hour: float) -> float:
    allowed = int(per_hour * hours)
    falling = sorted(scores, reverse=True)
    return _above(falling[allowed]) if allowed < len(falling) else 0.0


def _above(score: float) -> float:
    """The next threshold that a person would write: thousandths, rounded up."""
    return math.floor(score * 1000 + 1) / 1000


def _within(threshold: float) -> float:
    return min(max(threshold, 0.001), HIGHEST)
