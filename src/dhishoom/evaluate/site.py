"""Thresholds for one site: from its own quiet hours, and from what people said of its detections."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dhishoom.errors import UsageError
from dhishoom.evaluate.intervals import Figure, poisson_rate

if TYPE_CHECKING:
    from dhishoom.nouns import Detection, ModelCard, Verdict
    from dhishoom.seams import Store

POSSIBLE_TIMES = 20.0
"""Possible shots may be false so many times as often as alerts."""
HIGHEST = 0.999
READ_MAX = 1_000_000


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


def reviewed(store: Store, model: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Scores of (dismissed, confirmed) gunshot detections of a model: by the last verdict on each or its incident."""
    verdicts: dict[str, Verdict] = {one.subject_id: one.verdict for one in store.reviews()}
    found = {one.detection_id: (one, verdict) for one, verdict in judged(store, verdicts) if one.model == model}
    scores: dict[str, list[float]] = {"dismissed": [], "confirmed": [], "unsure": []}
    for one, verdict in found.values():
        scores[verdict].append(one.score)
    return tuple(scores["dismissed"]), tuple(scores["confirmed"])


def judged(store: Store, verdicts: Mapping[str, Verdict]) -> Iterator[tuple[Detection, Verdict]]:
    """Gunshot detections that a verdict is about, itself or by its incident; what is said of itself comes last."""
    for subject, verdict in verdicts.items():
        incident = store.incident(subject)
        if incident is not None:
            yield from _of(store, [one for shot in incident.shots for one in shot.detection_ids], verdict)
    for subject, verdict in verdicts.items():
        yield from _of(store, (subject,), verdict)


def _of(store: Store, ids: Iterable[str], verdict: Verdict) -> Iterator[tuple[Detection, Verdict]]:
    for one in store.detections_by_id(tuple(ids)):
        if one.label == "gunshot":
            yield one, verdict
