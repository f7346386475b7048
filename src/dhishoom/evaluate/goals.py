"""What a detector for the street must reach, beside what each model reached: the table at the head of a report."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dhishoom.evaluate.intervals import Figure

if TYPE_CHECKING:
    from dhishoom.evaluate.clip_tables import ClipTables, SourceRow
    from dhishoom.evaluate.live_fire_tables import PositionRow
    from dhishoom.evaluate.report import ModelReport, Report

MARK = {"held out": "", "out of fold": " °", "trained on": " †", "unknown": " ?"}
CONFUSABLE = ("doors", "knocks", "claps", "hammers", "percussion", "jackhammer")


@dataclass(frozen=True, slots=True)
class GoalRow:
    """One measure: each model's figure as text, and what it must and should be."""

    measure: str
    reached: tuple[str, ...]
    must: str
    aim: str


@dataclass(frozen=True, slots=True)
class _Goal:
    measure: str
    told: Callable[[ModelReport], str]
    must: str
    aim: str


def goal_rows(report: Report) -> tuple[GoalRow, ...]:
    """The goals that the recordings of this report can answer."""
    rows = [
        GoalRow(goal.measure, tuple(goal.told(model) for model in report.models), goal.must, goal.aim)
        for goal in _goals()
    ]
    return tuple(row for row in rows if any(told != "-" for told in row.reached))


def _goals() -> Sequence[_Goal]:
    return (
        _Goal("live fire: recall, no false event", _shots(lambda row: row.recall_no_false), "≥ 0.92", "0.97"),
        _Goal("live fire: recall, ≤ 1 false clip/h", _shots(lambda row: row.recall_one_an_hour), "≥ 0.80", "0.90"),
        _Goal("the same, fireworks out", _shots(lambda row: row.recall_one_an_hour_no_fireworks), "≥ 0.90", "0.97"),
        _Goal("live fire: onset median / p90, ms", _onset, "≤ 1.5 / 10", "1 / 3"),
        _Goal("kaggle851: AP", _source("kaggle851", lambda row: row.average_precision), "≥ 0.90", "0.98"),
        _Goal(
            "kaggle851: recall, ≤ 1 false clip/h",
            _source("kaggle851", lambda row: row.recall_one_an_hour),
            "≥ 0.50",
            "0.85",
        ),
        _Goal("cadre_nij: AP", _source("cadre_nij", lambda row: row.average_precision), "≥ 0.60", "0.80"),
        _Goal("urbansound8k: AP", _source("urbansound8k", lambda row: row.average_precision), "≥ 0.80", "0.92"),
        _Goal("sesa: AP", _source("sesa", lambda row: row.average_precision), "≥ 0.75", "0.88"),
        _Goal("elp_ecoguns: AUC", _source("elp_ecoguns", lambda row: row.area_under_roc), "≥ 0.88", "0.94"),
        _Goal("fireworks called gunshot at alert", _kind(("fireworks",)), "≤ 10 %", "≤ 3 %"),
        _Goal("worst of doors … jackhammer at alert", _kind(CONFUSABLE), "≤ 2 %", "0"),
        _Goal("false clips an hour at alert, fireworks out", _false_alarms, "≤ 1", "0.1"),
        _Goal("calibration error, held out", _calibration, "≤ 0.08", "0.03"),
        _Goal("size, MB", _size, "≤ 2", "0.5"),
    )


def _text(figure: Figure, digits: int = 2) -> str:
    if math.isnan(figure.value):
        return "-"
    return f"{figure.value:.{digits}f} [{figure.low:.{digits}f}, {figure.high:.{digits}f}]"


def _shots(chosen: Callable[[PositionRow], Figure]) -> Callable[[ModelReport], str]:
    """Over all positions, and the worst position's value."""

    def told(model: ModelReport) -> str:
        if model.live_fire is None or not model.live_fire.positions:
            return "-"
        *positions, together = model.live_fire.positions
        if math.isnan(chosen(together).value):
            return "-"
        worst = min((chosen(row).value for row in positions), default=math.nan)
        return f"{_text(chosen(together))}, worst {worst:.2f}{MARK[together.standing]}"

    return told


def _onset(model: ModelReport) -> str:
    if model.live_fire is None or not model.live_fire.positions:
        return "-"
    row = model.live_fire.positions[-1]
    return "-" if math.isnan(row.onset_median_ms) else f"{row.onset_median_ms:.1f} / {row.onset_p90_ms:.1f}"


def _source(name: str, chosen: Callable[[SourceRow], Figure]) -> Callable[[ModelReport], str]:
    def told(model: ModelReport) -> str:
        rows = [row for row in (model.clips.sources if model.clips else ()) if row.source == name]
        return f"{_text(chosen(rows[0]))}{MARK[rows[0].standing]}" if rows else "-"

    return told


def _kind(names: Sequence[str]) -> Callable[[ModelReport], str]:
    def told(model: ModelReport) -> str:
        rows = [row for row in (model.clips.kinds if model.clips else ()) if row.kind in names]
        if not rows:
            return "-"
        worst = max(rows, key=lambda row: row.called.value)
        name = f" ({worst.kind})" if len(names) > 1 and worst.called.value > 0 else ""
        return f"{100 * worst.called.value:.0f} % of {worst.called.count}{name}{MARK[worst.standing]}"

    return told


def _false_alarms(model: ModelReport) -> str:
    tables: ClipTables | None = model.clips
    if tables is None:
        return "-"
    row = tables.false_alarms[1]
    return "-" if math.isnan(row.per_hour.value) else f"{_text(row.per_hour, 1)}{MARK[row.standing]}"


def _calibration(model: ModelReport) -> str:
    rows = [row for row in (model.clips.calibration if model.clips else ()) if row.clips == "held out"]
    return _text(rows[0].error, 3) if rows else "-"


def _size(model: ModelReport) -> str:
    return f"{model.size_bytes / 1e6:.2f}" if model.size_bytes else "-"
