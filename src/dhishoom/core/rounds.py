"""How many rounds, how fast, and what that says of the weapon."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from dhishoom.nouns import Fire

AUTOMATIC_INTERVAL_S = 0.15
"""Three rounds or more this close together are hard to fire by hand; 400 a minute is slow for an automatic."""
AUTOMATIC_ROUNDS = 3
FULL_SHARE = 0.5
"""A round that fewer than this share of the burst's sensors heard may be an echo."""

CONFIDENCE = 0.95
MISSED_MAX = 20


@dataclass(frozen=True, slots=True)
class Rounds:
    """What a burst was.

    Attributes:
        count: Rounds told.
        low, high: Interval of confidence about the count.
        interval_s: Median time between rounds; None for one.
        rate_per_minute: 60 over that.
    """

    count: int
    low: int
    high: int
    interval_s: float | None
    fire: Fire

    @property
    def rate_per_minute(self) -> float | None:
        """Rounds a minute within the burst."""
        return 60 / self.interval_s if self.interval_s else None


def rounds_of(times_s: Sequence[float], sensors: Sequence[int]) -> Rounds:
    """Count a burst, with an interval of about 95 %.

    Fewer: rounds that less than half as many sensors heard as the clearest may be echoes. More: if sensors miss rounds
    of this burst as often as they do, so many may have been heard by fewer than two.

    Args:
        times_s: When each round was fired.
        sensors: How many sensors heard each.
    """
    count = len(times_s)
    ordered = sorted(times_s)
    gaps = [after - before for before, after in itertools.pairwise(ordered)]
    interval = median(gaps) if gaps else None
    full = max(sensors) * FULL_SHARE
    low = max(1, sum(heard >= full for heard in sensors))
    return Rounds(count, low, count + _missed(sensors), interval, _fire(count, interval))


def _missed(sensors: Sequence[int]) -> int:
    """The 95 % quantile of rounds that fewer than two sensors heard: Poisson, at the share that heard the others."""
    most = max(sensors)
    share = sum(sensors) / (len(sensors) * most)
    unheard = (1 - share) ** most + most * share * (1 - share) ** (most - 1)
    expected = len(sensors) * unheard / max(1 - unheard, 1e-9)
    missed, chance = 0, math.exp(-expected)
    total = chance
    while total < CONFIDENCE and missed < MISSED_MAX:
        missed += 1
        chance *= expected / missed
        total += chance
    return missed


def _fire(count: int, interval_s: float | None) -> Fire:
    if interval_s is None:
        return "single"
    if count >= AUTOMATIC_ROUNDS and interval_s <= AUTOMATIC_INTERVAL_S:
        return "possibly_automatic"
    return "multiple"
