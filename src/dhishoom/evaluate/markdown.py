"""The report for people: protocol, tables with intervals and counts, known failures, how to do it again."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from dhishoom.evaluate.goals import goal_rows
from dhishoom.evaluate.intervals import Figure
from dhishoom.evaluate.protocol import MARKS, PROTOCOL

if TYPE_CHECKING:
    from dhishoom.evaluate.clip_tables import ClipTables, FalseAlarmRow
    from dhishoom.evaluate.live_fire_tables import LiveFireTables
    from dhishoom.evaluate.names import NameRow
    from dhishoom.evaluate.report import ModelReport, Report

ROWS_SHOWN = 12
NAMES_ARE = (
    "The likeliest class beside gunfire in a whole clip, by the clip's label, with the share of its clips. A label is "
    "one word for a clip that may hold several sounds: children playing are speech and a crowd too. Rejections tell of "
    "sudden sounds alone; what a hum or rain is taken for here, the product tells nobody."
)


def markdown(report: Report, figures: Mapping[str, str], folder: str, command: str) -> str:
    """The whole report.

    Args:
        figures: Title → file name.
        folder: Where they lie, from where the report is read; empty: beside it.
        command: What was typed.
    """
    with_clips = [(model, model.clips) for model in report.models if model.clips is not None]
    with_shots = [(model, model.live_fire) for model in report.models if model.live_fire is not None]
    parts = [
        ["# Evaluation", "", "Written by `dhishoom evaluate`; do not edit by hand.", ""],
        _set_out(report),
        ["## Protocol", "", PROTOCOL, ""],
        _goals(report),
        _sources(with_clips),
        _false_alarms(with_clips),
        _kinds(with_clips),
        _names(with_clips),
        _calibration(with_clips),
        _live_fire(with_shots),
        _sound_events(with_shots),
        _location(report),
        _failures(report.models[0]),
        _pictures(figures, folder),
        ["## Do it again", "", "```", command, "```", ""],
        _problems(report),
        _ancestor() if folder else [],
    ]
    return "\n".join(line for part in parts for line in part).rstrip() + "\n"


def _ancestor() -> list[str]:
    """Room for what `make docs` copies here."""
    return [
        "## The learning system before this one",
        "",
        "Frame-level models on VGGish-like embeddings, of many classes and of two, measured by `make ancestor`; "
        "[ancestor.md](ancestor.md) says what they are and what follows.",
        "",
        "<!-- written by make docs --><!-- end -->",
    ]


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Lines of a Markdown table, an empty one after it."""
    head = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    return [*head, *("| " + " | ".join(cell.replace("|", "/") for cell in row) + " |" for row in rows), ""]


def shown(figure: Figure, digits: int = 2) -> str:
    """`0.93 [0.88, 0.96]`; a dash where there is nothing to tell."""
    if math.isnan(figure.value):
        return "-"
    return f"{figure.value:.{digits}f} [{figure.low:.{digits}f}, {figure.high:.{digits}f}]"


def percent(figure: Figure) -> str:
    """The same as a share: `3 % [0, 9]`."""
    if math.isnan(figure.value):
        return "-"
    return f"{100 * figure.value:.1f} % [{100 * figure.low:.1f}, {100 * figure.high:.1f}]"


def _set_out(report: Report) -> list[str]:
    models = [
        [
            f"`{one.name}`" + (" (peer)" if one.peer else ""),
            f"{one.size_bytes / 1e6:.2f} MB" if one.size_bytes else "-",
            one.licence,
            f"{one.alert:.3f}",
            f"{one.possible:.3f}",
            one.summary,
        ]
        for one in report.models
    ]
    heard = [
        f"{report.clips} clips of {report.clip_groups} original recordings, {report.clip_hours:.2f} h; "
        f"live fire: {report.live_fire_recordings} recordings, {report.live_fire_arrivals} listed arrivals, "
        f"{report.live_fire_hours:.2f} h. dhishoom {report.version}, seed {report.seed}.",
        "",
    ]
    return heard + table(("model", "size", "licence", "alert", "possible", "what it is"), models)


def _goals(report: Report) -> list[str]:
    rows = goal_rows(report)
    if not rows:
        return []
    names = [f"`{model.name}`" for model in report.models]
    lines = table(
        ("measure", *names, "must", "aim"),
        [(row.measure, *row.reached, row.must, row.aim) for row in rows],
    )
    return ["## At a glance", "", MARKS, "", *lines]


def _sources(models: Sequence[tuple[ModelReport, ClipTables]]) -> list[str]:
    if not models or not models[0][1].sources:
        return []
    rows = [
        [
            row.source,
            f"`{model.name}`",
            row.standing,
            f"{row.average_precision.count} / {row.average_precision.groups}",
            shown(row.average_precision),
            shown(row.area_under_roc),
            shown(row.recall_one_an_hour),
            shown(row.recall_one_an_hour_no_fireworks),
            shown(row.recall_alert),
        ]
        for index in range(len(models[0][1].sources))
        for model, tables in models
        for row in [tables.sources[index]]
    ]
    columns = (
        "source", "model", "standing", "clips / groups", "AP", "AUC", "recall, ≤ 1 false clip/h", "fireworks out",
        "recall at alert",
    )  # fmt: skip
    learnt = [
        f"`{model.name}`: other sound was "
        + ", ".join(f"{name} ({count} clips)" for name, count in tables.negative_standings.items())
        for model, tables in models
    ]
    return ["## Clips of gunfire, by source", "", *table(columns, rows), "; ".join(learnt) + ".", ""]


def _false_alarms(models: Sequence[tuple[ModelReport, ClipTables]]) -> list[str]:
    if not models:
        return []
    columns = ("model", "sound", "standing", "clips", "hours", "false clips", "events", "an hour", "a sensor-day")
    whole = [_false_row(model, row) for model, tables in models for row in tables.false_alarms]
    lines = ["## False alarms at `alert`", "", *table(columns, whole)]
    ours, tables = models[0]
    for title, rows in (("source", tables.false_alarms_by_source), ("class", tables.false_alarms_by_class)):
        told = [row for row in rows if row.false_clips] or list(rows[:3])
        lines += [f"By {title}, `{ours.name}`; those without a false clip are in `report.json`:", ""]
        lines += table(columns, [_false_row(ours, row) for row in told])
    return lines


def _false_row(model: ModelReport, row: FalseAlarmRow) -> list[str]:
    counts = [str(row.clips), f"{row.hours:.2f}", str(row.false_clips), str(row.events)]
    return [f"`{model.name}`", row.name, row.standing, *counts, shown(row.per_hour, 1), shown(row.per_day, 0)]


def _kinds(models: Sequence[tuple[ModelReport, ClipTables]]) -> list[str]:
    if not models or not models[0][1].kinds:
        return []
    names = [(row.kind, row.called.count) for row in models[0][1].kinds]
    rows = [
        [kind, str(count), *(percent(tables.kinds[index].called) for _, tables in models)]
        for index, (kind, count) in enumerate(names)
    ]
    columns = ("kind", "clips", *(f"`{model.name}`" for model, _ in models))
    return ["## Called gunshot at `alert`, by kind", "", *table(columns, rows)]


def _names(models: Sequence[tuple[ModelReport, ClipTables]]) -> list[str]:
    named = [(model, {row.label: row for row in tables.names}) for model, tables in models if tables.names]
    if not named:
        return []
    rows = [
        [label, str(row.clips), *(_taken_for(rows_of.get(label)) for _, rows_of in named)]
        for label, row in named[0][1].items()
    ]
    columns = ("label", "clips", *(f"`{model.name}`" for model, _ in named))
    return ["## What other sound is taken for", "", NAMES_ARE, "", *table(columns, rows)]


def _taken_for(row: NameRow | None) -> str:
    return ", ".join(f"{name} {100 * count / row.clips:.0f} %" for name, count in row.taken_for) if row else ""


def _calibration(models: Sequence[tuple[ModelReport, ClipTables]]) -> list[str]:
    rows = [
        [f"`{model.name}`", row.clips, str(row.error.count), shown(row.error, 3)]
        for model, tables in models
        for row in tables.calibration
    ]
    if not rows:
        return []
    return ["## Expected calibration error", "", *table(("model", "clips", "n", "error"), rows)]


def _live_fire(models: Sequence[tuple[ModelReport, LiveFireTables]]) -> list[str]:
    rows = [
        [
            f"`{model.name}`",
            row.position,
            row.standing,
            str(row.arrivals),
            shown(row.recall_no_false),
            shown(row.recall_one_an_hour),
            shown(row.recall_one_an_hour_no_fireworks),
            shown(row.recall_alert),
            shown(row.recall_possible),
            "-" if math.isnan(row.onset_median_ms) else f"{row.onset_median_ms:.1f} / {row.onset_p90_ms:.1f}",
            str(row.echoes),
            f"{row.false_events} in {row.quiet_hours:.2f} h",
        ]
        for model, tables in models
        for row in tables.positions
    ]
    if not rows:
        return []
    columns = (
        "model", "position", "standing", "arrivals", "recall, no false event", "recall, ≤ 1 false clip/h",
        "fireworks out", "at alert", "at possible", "onset median / p90, ms", "echoes", "false events at alert",
    )  # fmt: skip
    unlisted = [
        f"`{model.name}` told {tables.unlisted_events} events in {tables.unlisted_recordings} recordings without a "
        "listed arrival, which count for nothing."
        for model, tables in models[:1]
    ]
    return ["## Live fire, by firing position", "", *table(columns, rows), *unlisted, ""]


def _sound_events(models: Sequence[tuple[ModelReport, LiveFireTables]]) -> list[str]:
    rows = [
        [
            f"`{model.name}`",
            row.form,
            *(f"{value:.2f}" for value in (row.f1, row.error_rate, row.precision, row.recall)),
        ]
        for model, tables in models
        for row in tables.sound_events
    ]
    if not rows:
        return []
    columns = ("model", "form", "F1", "error rate", "precision", "recall")
    note = "Live fire at `alert`, by sed_eval's definitions; here echoes count as insertions."
    return ["## Sound event metrics", "", note, "", *table(columns, rows)]


def _location(report: Report) -> list[str]:
    if not report.location:
        return []
    rows = [[row.task, row.reached, row.must, row.aim] for row in report.location]
    return ["## Location, from listed and raw arrivals", "", *table(("task", "reached", "must", "aim"), rows)]


def _failures(model: ModelReport) -> list[str]:
    rows = [
        [
            one.fault,
            f"`{one.key}`",
            one.label,
            one.standing,
            f"{one.score:.2f}",
            "-" if one.at_s is None else f"{one.at_s:.2f}",
            one.heard,
        ]
        for one in model.mistakes
    ]
    if not rows:
        return []
    columns = ("fault", "recording", "what it is", "standing", "score", "at, s", "likeliest other class")
    return [f"## Known failures of `{model.name}`", "", "At `alert`, the worst first.", "", *table(columns, rows)]


def _pictures(figures: Mapping[str, str], folder: str) -> list[str]:
    where = f"{folder}/" if folder else ""
    return [line for title, name in figures.items() for line in (f"### {title}", "", f"![{title}]({where}{name})", "")]


def _problems(report: Report) -> list[str]:
    if not report.missing and not report.unreadable:
        return []
    lines = ["## Left out", ""]
    if report.missing:
        named = ", ".join(f"`{key}`" for key in report.missing[:ROWS_SHOWN])
        lines += [f"{len(report.missing)} listed recordings are not there: {named}.", ""]
    return [*lines, *(f"- {why}" for why in report.unreadable[:ROWS_SHOWN]), ""]
