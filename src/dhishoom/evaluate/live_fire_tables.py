"""Tables over the live-fire set: by firing position, by distance, by level, and as sound events."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dhishoom.evaluate.clip_tables import Thresholds, standing_of
from dhishoom.evaluate.hearing import Answer, Event, Standing
from dhishoom.evaluate.intervals import Figure, poisson_rate, resampled, with_interval
from dhishoom.evaluate.matching import Matched, match, quiet_s
from dhishoom.evaluate.ranking import SECONDS_AN_HOUR
from dhishoom.evaluate.sound_events import Counts, Span, event_based, segment_based, total

ALL = "all positions"
DISTANCES_M = (0, 200, 300, 400, 500, 600, 800, 1000, 1500, 2500)
SNRS_DB = (-20, 10, 15, 20, 25, 30, 35, 40, 60, 120)
EVENT_S = 0.2
"""A listed arrival has no end; it and every estimate get this length where a metric asks for one."""
NEVER = 2.0

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Heard:
    """One recording with its listed arrivals and what was made of them."""

    answer: Answer
    matched: Matched

    @property
    def worst_false(self) -> float:
        """Largest score of a false event; below 0 if there is none."""
        return max((one.score for one in self.matched.false), default=-1.0)

    def scores(self) -> list[float]:
        """Of each arrival's event; below 0 where none found it."""
        return [-1.0 if one is None else one.score for one in self.matched.hits]


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionRow:
    """What was heard of one firing position.

    Attributes:
        recall_no_false: Of listed arrivals, at the lowest threshold at which the position's own sound, in recordings
            with a listed arrival, holds no false event.
        recall_alert, recall_possible: At the model's own thresholds.
        recall_one_an_hour: At one false clip an hour of all other sound, fireworks in it.
        onset_median_ms, onset_p90_ms: Distance of the hits at `possible` from the listed arrivals.
        echoes, false_events: At `alert`.
        false_per_hour: Of sound that is neither padding, shot nor echo.
    """

    position: str
    standing: Standing
    recordings: int
    arrivals: int
    recall_no_false: Figure
    recall_one_an_hour: Figure
    recall_one_an_hour_no_fireworks: Figure
    recall_alert: Figure
    recall_possible: Figure
    onset_median_ms: float
    onset_p90_ms: float
    echoes: int
    false_events: int
    quiet_hours: float
    false_per_hour: Figure


@dataclass(frozen=True, slots=True, kw_only=True)
class BandRow:
    """Recall at `alert` of arrivals within a band of distance or level."""

    low: float
    high: float
    recall: Figure


@dataclass(frozen=True, slots=True, kw_only=True)
class SoundEventRow:
    """Event-based or segment-based figures at `alert`, echoes counted as false as sed_eval does."""

    form: str
    counts: Counts
    precision: float
    recall: float
    f1: float
    error_rate: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveFireTables:
    """Everything that the live-fire set says of one model."""

    positions: tuple[PositionRow, ...]
    by_distance: tuple[BandRow, ...]
    by_snr: tuple[BandRow, ...]
    sound_events: tuple[SoundEventRow, ...]
    unlisted_recordings: int
    unlisted_events: int


def live_fire_tables(answers: Sequence[Answer], thresholds: Thresholds, seed: int) -> LiveFireTables:
    """Every table of one model; `answers` are of recordings of the live-fire set."""
    heard = matched_all(answers)
    unlisted = [one for one in answers if not one.recording.arrivals]
    positions = sorted({one.recording.group for one in answers if one.recording.arrivals})
    by_position = {name: [one for one in heard if one.answer.recording.group == name] for name in positions}
    rows = [_position_row(name, some, some, thresholds, seed) for name, some in by_position.items()]
    return LiveFireTables(
        positions=(*rows, _position_row(ALL, heard, heard, thresholds, seed)),
        by_distance=_bands(heard, _distances(heard), DISTANCES_M, thresholds.alert, seed),
        by_snr=_bands(heard, _snrs(heard), SNRS_DB, thresholds.alert, seed),
        sound_events=_sound_events(heard, thresholds.alert),
        unlisted_recordings=len(unlisted),
        unlisted_events=sum(len(one.alarms(thresholds.alert)) for one in unlisted),
    )


def matched_all(answers: Sequence[Answer]) -> list[Heard]:
    """Every recording that has a listed arrival, matched; the others may hold shots that nobody listed."""
    listed = [one for one in answers if one.recording.arrivals]
    return [Heard(one, match(one.events, [arrival.onset_s for arrival in one.recording.arrivals])) for one in listed]


def _arrival_scores(heard: Sequence[Heard]) -> Floats:
    return np.array([score for one in heard for score in one.scores()], np.float64)


def _of_arrivals(heard: Sequence[Heard], values: Sequence[str]) -> list[str]:
    """One value a recording to one an arrival."""
    return [value for one, value in zip(heard, values, strict=True) for _ in one.matched.hits]


def _blocks(heard: Sequence[Heard]) -> list[str]:
    """What is resampled as one: the test within a position, the position among several."""
    positions = [one.answer.recording.group for one in heard]
    tests = [one.answer.recording.test for one in heard]
    return positions if len(set(positions)) > 1 else tests


def _share(heard: Sequence[Heard], found: NDArray[np.bool_], seed: int) -> Figure:
    """Share of arrivals that were found, [arrivals], with its interval."""
    blocks = _of_arrivals(heard, _blocks(heard))
    if not blocks:
        return Figure(math.nan, math.nan, math.nan)
    weights = resampled(blocks, [""] * len(blocks), seed)
    return with_interval(
        lambda some: (some * found).sum(axis=-1) / some.sum(axis=-1),
        weights,
        count=len(blocks),
        groups=len(set(blocks)),
    )


def _share_no_false(heard: Sequence[Heard], seed: int) -> Figure:
    """Share of arrivals above every false event of their position; in resamples of tests, of the tests drawn."""
    positions = sorted({one.answer.recording.group for one in heard})
    scores = _arrival_scores(heard)
    if len(positions) > 1:
        worst = {
            name: max(one.worst_false for one in heard if one.answer.recording.group == name) for name in positions
        }
        limits = _of_arrivals(heard, [one.answer.recording.group for one in heard])
        return _share(heard, scores > np.maximum([worst[name] for name in limits], 0.0), seed)
    blocks = [one.answer.recording.test for one in heard]
    false = np.array([one.worst_false for one in heard])
    member = np.repeat(np.arange(len(heard)), [len(one.matched.hits) for one in heard])
    weights = resampled(blocks, [""] * len(blocks), seed)

    def recall(some: Floats) -> Floats:
        limit = np.maximum(np.where(some > 0, false, -1.0).max(axis=-1, keepdims=True), 0.0)
        of_arrivals = some[..., member]
        return np.asarray((of_arrivals * (scores > limit)).sum(axis=-1) / of_arrivals.sum(axis=-1))

    return with_interval(recall, weights, count=len(scores), groups=len(set(blocks)))


def _position_row(
    name: str, heard: Sequence[Heard], quiet: Sequence[Heard], thresholds: Thresholds, seed: int
) -> PositionRow:
    scores = _arrival_scores(heard)
    errors_ms = onset_errors_ms(heard, thresholds.possible)
    quiet_hours = sum(_quiet_s(one) for one in quiet) / SECONDS_AN_HOUR
    false = sum(_count(one.matched.false, thresholds.alert) for one in quiet)

    def recall(threshold: float) -> Figure:
        if math.isnan(threshold):
            return Figure(math.nan, math.nan, math.nan)
        return _share(heard, scores >= max(threshold, 0.0), seed)

    return PositionRow(
        position=name,
        standing=standing_of(one.answer for one in heard),
        recordings=len(heard),
        arrivals=len(scores),
        recall_no_false=_share_no_false(heard, seed) if len(scores) else Figure(math.nan, math.nan, math.nan),
        recall_one_an_hour=recall(thresholds.one_an_hour),
        recall_one_an_hour_no_fireworks=recall(thresholds.one_an_hour_no_fireworks),
        recall_alert=recall(thresholds.alert),
        recall_possible=recall(thresholds.possible),
        onset_median_ms=float(np.median(errors_ms)) if len(errors_ms) else math.nan,
        onset_p90_ms=float(np.percentile(errors_ms, 90)) if len(errors_ms) else math.nan,
        echoes=sum(_count(one.matched.echoes, thresholds.alert) for one in heard),
        false_events=false,
        quiet_hours=quiet_hours,
        false_per_hour=poisson_rate(false, quiet_hours),
    )


def onset_errors_ms(heard: Sequence[Heard], threshold: float) -> Floats:
    """Distance of every hit at or above the threshold from its listed arrival."""
    pairs = [
        (hit, arrival)
        for one in heard
        for hit, arrival in zip(one.matched.hits, one.answer.recording.arrivals, strict=True)
        if hit is not None and hit.score >= threshold
    ]
    return np.array([abs(hit.onset_s - arrival.onset_s) * 1000 for hit, arrival in pairs], np.float64)


def _quiet_s(heard: Heard) -> float:
    answer = heard.answer
    return quiet_s(answer.sounding_s, [one.onset_s for one in answer.recording.arrivals], answer.duration_s)


def _count(events: Sequence[Event], threshold: float) -> int:
    return sum(event.score >= threshold for event in events)


def _distances(heard: Sequence[Heard]) -> Floats:
    distances = [one.distance_m for part in heard for one in part.answer.recording.arrivals]
    return np.array([math.nan if one is None else one for one in distances], np.float64)


def _snrs(heard: Sequence[Heard]) -> Floats:
    return np.array([level for one in heard for level in one.answer.snr_db], np.float64)


def _bands(
    heard: Sequence[Heard], values: Floats, edges: Sequence[float], threshold: float, seed: int
) -> tuple[BandRow, ...]:
    """Recall in each band that holds an arrival; intervals by test."""
    found = _arrival_scores(heard) >= threshold
    tests = np.array(_of_arrivals(heard, [one.answer.recording.test for one in heard]))
    rows = []
    for low, high in itertools.pairwise(edges):
        inside = (values >= low) & (values < high)
        if inside.any():
            some = found[inside]
            weights = resampled(tests[inside].tolist(), [""] * len(some), seed)
            recall = with_interval(
                lambda drawn, some=some: (drawn * some).sum(axis=-1) / drawn.sum(axis=-1),  # type: ignore[misc]
                weights,
                count=len(some),
                groups=len(np.unique(tests[inside])),
            )
            rows.append(BandRow(low=low, high=high, recall=recall))
    return tuple(rows)


def _sound_events(heard: Sequence[Heard], threshold: float) -> tuple[SoundEventRow, ...]:
    files = [(_spans(one), _told(one, threshold), one.answer.duration_s) for one in heard]
    events = total(event_based(truth, told) for truth, told, _ in files)
    segments = total(segment_based(truth, told, duration_s=length) for truth, told, length in files)
    forms = (("events, onset within 100 ms", events), ("segments of 1 s", segments))
    return tuple(
        SoundEventRow(
            form=form,
            counts=counts,
            precision=counts.precision,
            recall=counts.recall,
            f1=counts.f1,
            error_rate=counts.error_rate,
        )
        for form, counts in forms
    )


def _spans(heard: Heard) -> list[Span]:
    return [Span(one.onset_s, one.onset_s + EVENT_S) for one in heard.answer.recording.arrivals]


def _told(heard: Heard, threshold: float) -> list[Span]:
    return [Span(one.onset_s, one.onset_s + EVENT_S) for one in heard.answer.alarms(threshold)]
