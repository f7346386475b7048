"""The report's figures: curves of every model, recall by distance and level, reliability, and the worst mistakes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dhishoom.errors import UsageError
from dhishoom.evaluate.clip_tables import scores_of
from dhishoom.evaluate.ranking import Curve, curve
from dhishoom.evaluate.spectrograms import draw_mistakes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from dhishoom.evaluate.live_fire_tables import BandRow
    from dhishoom.evaluate.recordings import Recording
    from dhishoom.evaluate.report import Heard, ModelReport, Report

COLOURS = ("#d1242f", "#2563c9", "#8250df", "#1a7f37", "#bf8700", "#57606a")
INK = "#24292f"
DPI = 110
FALSE_RATE_MIN = 5e-4


def draw_all(
    report: Report, heard: Sequence[Heard], recordings: Mapping[str, Recording], folder: Path
) -> dict[str, str]:
    """Write every figure there is material for into `folder`; title → file name. Raises UsageError without matplotlib.

    Args:
        recordings: By key, for the pictures of mistakes.
    """
    made: dict[str, str] = {}

    def keep(title: str, name: str, figure: Figure | None) -> None:
        if figure is not None:
            folder.mkdir(parents=True, exist_ok=True)
            figure.savefig(folder / name, dpi=DPI, metadata={"Software": None})
            made[title] = name

    keep("Precision and recall, clips", "pr.png", _curves(heard, _draw_pr))
    keep("Missed against falsely called, clips", "det.png", _curves(heard, _draw_det))
    keep("Recall at alert by distance, live fire", "distance.png", _bands(report, "by_distance", "metres to the gun"))
    keep("Recall at alert by level, live fire", "snr.png", _bands(report, "by_snr", "peak over noise before it, dB"))
    keep("Reliability, clips", "reliability.png", _reliability(report))
    ours = report.models[0]
    for title, name, faults in (
        (f"Worst mistakes of {ours.name}: other sound called gunshot", "worst-false.png", ("false alarm",)),
        (f"Worst mistakes of {ours.name}: clips of gunfire missed", "worst-missed.png", ("missed clip",)),
        (f"Worst mistakes of {ours.name}: live fire", "worst-live-fire.png", ("missed shot", "false event")),
    ):
        chosen = [one for one in ours.mistakes if one.fault in faults]
        keep(title, name, draw_mistakes(chosen, recordings, blank_figure) if chosen else None)
    return made


def blank_figure(width_in: float, height_in: float) -> Figure:
    """A white figure that belongs to no window; raises UsageError where matplotlib is not installed."""
    try:
        from matplotlib.figure import Figure as Made
    except ImportError as error:
        raise UsageError("figures need matplotlib: pip install 'dhishoom[plots]', or leave out --plots.") from error
    return Made(figsize=(width_in, height_in), layout="constrained", facecolor="white")


def _curves(heard: Sequence[Heard], draw: Callable[[Axes, Curve, str, str], None]) -> Figure | None:
    """One line a model over all clips of gunfire against all other sound."""
    figure = blank_figure(6.2, 4.6)
    axes = figure.subplots()
    for index, one in enumerate(heard):
        clips = [answer for answer in one.clips if answer.recording.is_gunfire or answer.recording.is_negative]
        guns = np.array([answer.recording.is_gunfire for answer in clips], np.bool_)
        if not guns.any() or guns.all():
            return None
        draw(axes, curve(scores_of(clips), guns), one.contestant.name, COLOURS[index % len(COLOURS)])
    _finish(axes)
    return figure


def _draw_pr(axes: Axes, points: Curve, name: str, colour: str) -> None:
    axes.step(points.recall, points.precision, where="post", label=name, color=colour, linewidth=1.5)
    axes.set(xlabel="recall", ylabel="precision", xlim=(0, 1), ylim=(0, 1.02))


def _draw_det(axes: Axes, points: Curve, name: str, colour: str) -> None:
    """On normal deviates, as Martin et al. (1997), The DET curve in assessment of detection task performance."""
    from scipy.stats import norm

    low, high = FALSE_RATE_MIN, 1 - FALSE_RATE_MIN
    false, missed = np.clip(points.false_rate, low, high), np.clip(1 - points.recall, low, high)
    axes.plot(norm.ppf(false), norm.ppf(missed), label=name, color=colour, linewidth=1.5)
    ticks = [0.001, 0.01, 0.05, 0.2, 0.5, 0.8, 0.95]
    labels = [f"{100 * tick:g} %" for tick in ticks]
    axes.set_xticks(norm.ppf(ticks), labels)
    axes.set_yticks(norm.ppf(ticks), labels)
    edge = norm.ppf(FALSE_RATE_MIN)
    axes.set(xlabel="other sound called gunshot", ylabel="gunfire missed", xlim=(edge, 2), ylim=(edge, 2))


def _bands(report: Report, which: str, unit: str) -> Figure | None:
    rows: list[tuple[ModelReport, Sequence[BandRow]]] = [
        (model, getattr(model.live_fire, which)) for model in report.models if model.live_fire is not None
    ]
    if not any(bands for _, bands in rows):
        return None
    figure = blank_figure(6.2, 4.2)
    axes = figure.subplots()
    for index, (model, bands) in enumerate(rows):
        values = np.array([band.recall.value for band in bands])
        spread = np.array(
            [[band.recall.value - band.recall.low, band.recall.high - band.recall.value] for band in bands]
        )
        axes.errorbar(
            np.arange(len(bands)) + 0.08 * index,
            values,
            np.maximum(spread.T, 0),
            label=model.name,
            color=COLOURS[index % len(COLOURS)],
            marker="o",
            markersize=4,
            capsize=2,
            linewidth=1.2,
        )
    _, bands = rows[0]
    names = [f"{band.low:g}-{band.high:g}\nn={band.recall.count}" for band in bands]
    axes.set_xticks(range(len(bands)), names)
    axes.set(xlabel=unit, ylabel="recall at alert", ylim=(-0.02, 1.02))
    _finish(axes)
    return figure


def _reliability(report: Report) -> Figure | None:
    rows = [(model.name, model.clips.calibration) for model in report.models if model.clips is not None]
    if not rows:
        return None
    figure = blank_figure(5.2, 5.0)
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color=INK, linewidth=0.8, linestyle=":")
    for index, (name, calibration) in enumerate(rows):
        if not calibration:
            continue
        row = calibration[-1]
        stated, observed = [one.stated for one in row.bins], [one.observed for one in row.bins]
        label = f"{name}, {row.clips}: {row.error.value:.3f}"
        axes.plot(stated, observed, marker="o", markersize=4, label=label, color=COLOURS[index % len(COLOURS)])
    axes.set(xlabel="stated probability", ylabel="share that is gunfire", xlim=(0, 1), ylim=(0, 1.02))
    _finish(axes)
    return figure


def _finish(axes: Axes) -> None:
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.tick_params(colors=INK, labelsize=8)
    axes.grid(color="#d0d7de", linewidth=0.5)
    axes.legend(fontsize=8, frameon=False)
