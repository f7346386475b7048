"""Tables over clips: by source, false alarms by source and class, confusable kinds, names, calibration."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dhishoom.evaluate.calibration import Bin, expected_calibration_error, reliability
from dhishoom.evaluate.hearing import Answer, Standing
from dhishoom.evaluate.intervals import Figure, binomial_share, poisson_rate, resampled, with_interval
from dhishoom.evaluate.names import NameRow, name_rows
from dhishoom.evaluate.ranking import (
    SECONDS_AN_HOUR,
    area_under_roc,
    average_precision,
    recall_at_rate,
    share_at,
    threshold_for,
)
from dhishoom.evaluate.recordings import FIREWORK
from dhishoom.nouns import ModelCard

HOURS_A_DAY = 24
STANDINGS: tuple[Standing, ...] = ("unknown", "trained on", "out of fold", "held out")
KINDS = {
    "doors": ("door_slam", "door_creak"),
    "knocks": ("knock",),
    "claps": ("clap", "applause"),
    "hammers": ("hammer",),
    "percussion": ("drum", "metal_hit"),
    "jackhammer": ("jackhammer",),
    "impacts, balloons": ("impact", "balloon"),
    "thunder": ("thunder",),
    "fireworks": (FIREWORK,),
    "explosions": ("explosion",),
}
"""Sounds that are taken for gunfire → labels of the manifest."""

Floats = NDArray[np.float64]


def standing_of(answers: Iterable[Answer]) -> Standing:
    """The least flattering standing among them."""
    found = {one.standing for one in answers}
    return next((one for one in STANDINGS if one in found), "held out")


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """Where the gunshot score is cut.

    Attributes:
        alert, possible: The model's own.
        one_an_hour: At most one false clip an hour of all other sound, chosen on that sound; nan without any.
        one_an_hour_no_fireworks: The same, fireworks left out.
    """

    alert: float
    possible: float
    one_an_hour: float
    one_an_hour_no_fireworks: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRow:
    """Gunfire of one source against all other sound."""

    source: str
    standing: Standing
    average_precision: Figure
    area_under_roc: Figure
    recall_one_an_hour: Figure
    recall_one_an_hour_no_fireworks: Figure
    recall_alert: Figure


@dataclass(frozen=True, slots=True, kw_only=True)
class FalseAlarmRow:
    """Other sound called gunshot at `alert`.

    Attributes:
        false_clips, events: Clips with any false event, and all such events.
        per_hour, per_day: False clips, of one sensor.
    """

    name: str
    standing: Standing
    clips: int
    hours: float
    false_clips: int
    events: int
    per_hour: Figure
    per_day: Figure


@dataclass(frozen=True, slots=True, kw_only=True)
class KindRow:
    """How many clips of a confusable kind are called gunshot at `alert`."""

    kind: str
    standing: Standing
    called: Figure


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationRow:
    """Expected calibration error over some of the clips."""

    clips: str
    error: Figure
    bins: tuple[Bin, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipTables:
    """Everything that clips say of one model."""

    thresholds: Thresholds
    negative_standings: dict[str, int]
    sources: tuple[SourceRow, ...]
    false_alarms: tuple[FalseAlarmRow, ...]
    false_alarms_by_source: tuple[FalseAlarmRow, ...]
    false_alarms_by_class: tuple[FalseAlarmRow, ...]
    kinds: tuple[KindRow, ...]
    names: tuple[NameRow, ...]
    calibration: tuple[CalibrationRow, ...]


def clip_tables(answers: Sequence[Answer], card: ModelCard, seed: int) -> ClipTables:
    """Every table of one model; `answers` are of clips."""
    negatives = [one for one in answers if one.recording.is_negative]
    thresholds = thresholds_of(negatives, card)
    false_alarms = (
        _false_alarms("all other sound", negatives, card.alert),
        _false_alarms("fireworks left out", without_fireworks(negatives), card.alert),
    )
    return ClipTables(
        thresholds=thresholds,
        negative_standings=_counted(one.standing for one in negatives),
        sources=tuple(_source_row(source, answers, thresholds, seed) for source in _gun_sources(answers)),
        false_alarms=false_alarms,
        false_alarms_by_source=_split(negatives, lambda one: one.recording.source, card.alert),
        false_alarms_by_class=_split(negatives, lambda one: one.recording.label, card.alert),
        kinds=tuple(row for row in (_kind_row(kind, answers, card.alert) for kind in KINDS) if row.called.count),
        names=name_rows(negatives),
        calibration=_calibration(answers, seed),
    )


def thresholds_of(negatives: Sequence[Answer], card: ModelCard) -> Thresholds:
    """The model's own, and those at which its other sound gives one false clip an hour."""
    return Thresholds(
        alert=card.alert,
        possible=card.possible,
        one_an_hour=_one_an_hour(negatives),
        one_an_hour_no_fireworks=_one_an_hour(without_fireworks(negatives)),
    )


def _one_an_hour(negatives: Sequence[Answer]) -> float:
    if not negatives:
        return math.nan
    return threshold_for(scores_of(negatives), np.array([one.duration_s for one in negatives]), 1.0)


def without_fireworks(answers: Sequence[Answer]) -> list[Answer]:
    """Those of everything else."""
    return [one for one in answers if one.recording.label != FIREWORK]


def scores_of(answers: Sequence[Answer]) -> Floats:
    """[n] clip scores."""
    return np.array([one.score for one in answers], np.float64)


def _counted(names: Iterable[str]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for name in names:
        counts[name] = counts.get(name, 0) + 1
    return dict(sorted(counts.items()))


def _gun_sources(answers: Sequence[Answer]) -> list[str]:
    return sorted({one.recording.source for one in answers if one.recording.is_gunfire})


def _source_row(source: str, answers: Sequence[Answer], thresholds: Thresholds, seed: int) -> SourceRow:
    guns = [one for one in answers if one.recording.source == source and one.recording.is_gunfire]
    negatives = [one for one in answers if one.recording.is_negative]
    quiet = without_fireworks(negatives)
    return SourceRow(
        source=source,
        standing=standing_of(guns),
        average_precision=_ranked(guns, negatives, seed, average_precision),
        area_under_roc=_ranked(guns, negatives, seed, area_under_roc),
        recall_one_an_hour=_recall_at_rate(guns, negatives, seed),
        recall_one_an_hour_no_fireworks=_recall_at_rate(guns, quiet, seed),
        recall_alert=_ranked(guns, [], seed, lambda s, p, w: share_at(s, p, w, thresholds.alert)),
    )


Ranking = Callable[[Floats, NDArray[np.bool_], Floats], Floats]


def _ranked(guns: Sequence[Answer], negatives: Sequence[Answer], seed: int, figure: Ranking) -> Figure:
    """A figure of these positives and negatives, resampled by original recording, each side by itself."""
    together = [*guns, *negatives]
    scores = scores_of(together)
    positive = np.arange(len(together)) < len(guns)
    blocks = [one.recording.block for one in together]
    weights = resampled(blocks, np.where(positive, "gun", "other").tolist(), seed)
    groups = len({one.recording.block for one in guns})
    return with_interval(lambda some: figure(scores, positive, some), weights, count=len(guns), groups=groups)


def _recall_at_rate(guns: Sequence[Answer], negatives: Sequence[Answer], seed: int) -> Figure:
    durations_s = np.array([one.duration_s for one in (*guns, *negatives)])
    return _ranked(guns, negatives, seed, lambda s, p, w: recall_at_rate(s, p, durations_s, w))


def _false_alarms(name: str, negatives: Sequence[Answer], threshold: float) -> FalseAlarmRow:
    hours = sum(one.duration_s for one in negatives) / SECONDS_AN_HOUR
    false_clips = sum(one.score >= threshold for one in negatives)
    return FalseAlarmRow(
        name=name,
        standing=standing_of(negatives),
        clips=len(negatives),
        hours=hours,
        false_clips=false_clips,
        events=sum(len(one.alarms(threshold)) for one in negatives),
        per_hour=poisson_rate(false_clips, hours),
        per_day=poisson_rate(false_clips, hours / HOURS_A_DAY),
    )


def _split(
    negatives: Sequence[Answer], name_of: Callable[[Answer], str], threshold: float
) -> tuple[FalseAlarmRow, ...]:
    """One row a name, those with the most false clips first."""
    parts: dict[str, list[Answer]] = {}
    for one in negatives:
        parts.setdefault(name_of(one), []).append(one)
    rows = [_false_alarms(name, some, threshold) for name, some in parts.items()]
    return tuple(sorted(rows, key=lambda row: (-row.false_clips, -row.hours, row.name)))


def _kind_row(kind: str, answers: Sequence[Answer], threshold: float) -> KindRow:
    of_kind = [one for one in answers if one.recording.label in KINDS[kind]]
    called = sum(one.score >= threshold for one in of_kind)
    return KindRow(kind=kind, standing=standing_of(of_kind), called=binomial_share(called, len(of_kind)))


def _calibration(answers: Sequence[Answer], seed: int) -> tuple[CalibrationRow, ...]:
    """Over all clips but explosions, and over those that may never be learnt from."""
    usable = [one for one in answers if one.recording.is_gunfire or one.recording.is_negative]
    never = [one for one in usable if one.standing == "held out"]
    not_learnt = [one for one in usable if one.standing in {"held out", "out of fold"}]
    rows = (("all clips", usable), ("held out or out of fold", not_learnt), ("held out", never))
    return tuple(_calibration_row(name, some, seed) for name, some in rows if some)


def _calibration_row(name: str, answers: Sequence[Answer], seed: int) -> CalibrationRow:
    stated = scores_of(answers)
    positive = np.array([one.recording.is_gunfire for one in answers])
    blocks = [one.recording.block for one in answers]
    weights = resampled(blocks, np.where(positive, "gun", "other").tolist(), seed)
    error = with_interval(
        lambda some: expected_calibration_error(stated, positive, some),
        weights,
        count=len(answers),
        groups=len(set(blocks)),
    )
    return CalibrationRow(clips=name, error=error, bins=reliability(stated, positive))
