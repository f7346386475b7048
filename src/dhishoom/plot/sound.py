"""One recording: its waveform, its spectrum over time and what a detector made of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import signal

from dhishoom.nouns import GUNSHOT
from dhishoom.plot.paper import BLUE, INK, PALE, RED, blank_figure, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from dhishoom.nouns import Chunk

FRAME_S = 0.025
HOP_S = 0.005
BANDS = 64
FLOOR_DB = -90.0
NAME_WIDTH = 0.06
"""Of the figure: marks that follow sooner stay without a name."""
ENVELOPE_COLUMNS = 4000
"""A waveform of any length is drawn as the extremes of this many columns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """An event to be drawn over sound: seconds from the first sample."""

    onset_s: float
    offset_s: float
    label: str = GUNSHOT


def waveform(chunk: Chunk, marks: Sequence[Mark] = ()) -> Figure:
    """The samples over time, events shaded."""
    figure = blank_figure(10, 2.4)
    _draw_waveform(figure.subplots(), chunk, marks)
    return figure


def log_mel(chunk: Chunk) -> Figure:
    """Level in dB re full scale over time and frequency, bands equally wide in mel."""
    figure = blank_figure(10, 3)
    _draw_log_mel(figure.subplots(), chunk)
    return figure


def scores(times_s: NDArray[np.floating], values: NDArray[np.floating], thresholds: Sequence[float] = ()) -> Figure:
    """A detector's gunshot score over time with its thresholds; both arrays [frames]."""
    figure = blank_figure(10, 2)
    _draw_scores(figure.subplots(), times_s, values, thresholds)
    return figure


def timeline(
    chunk: Chunk,
    times_s: NDArray[np.floating],
    values: NDArray[np.floating],
    *,
    marks: Sequence[Mark] = (),
    thresholds: Sequence[float] = (),
    title: str = "",
) -> Figure:
    """Waveform, log-mel and scores under one another on one axis of time."""
    figure = blank_figure(11, 6.5)
    axes = figure.subplots(3, 1, sharex=True, height_ratios=[2, 3, 1.6])
    _draw_waveform(axes[0], chunk, marks)
    _draw_log_mel(axes[1], chunk)
    _draw_scores(axes[2], times_s, values, thresholds)
    axes[0].set_xlabel("")
    axes[1].set_xlabel("")
    axes[0].set_xlim(0, max(chunk.duration_s, 1e-3))
    axes[0].set_title(title, loc="left", fontsize=11, color=INK)
    return figure


def _draw_waveform(axes: Axes, chunk: Chunk, marks: Sequence[Mark]) -> None:
    times_s, lowest, highest = envelope(chunk)
    axes.fill_between(times_s, lowest, highest, color=INK, linewidth=0.4, step="mid")
    named_s = -math.inf
    for mark in marks:
        colour = RED if mark.label == GUNSHOT else BLUE
        axes.axvspan(mark.onset_s, mark.offset_s, color=colour, alpha=0.18, linewidth=0)
        axes.axvline(mark.onset_s, color=colour, linewidth=1)
        if mark.onset_s - named_s > NAME_WIDTH * chunk.duration_s:
            _name(axes, mark, colour)
            named_s = mark.onset_s
    peak = max(1e-3, float(np.abs(chunk.samples).max(initial=0)))
    axes.set_ylim(-1.05 * peak, 1.05 * peak)
    axes.set_ylabel("pressure, re full scale", fontsize=8)
    axes.set_xlabel("seconds", fontsize=8)
    plain(axes)


def _name(axes: Axes, mark: Mark, colour: str) -> None:
    axes.annotate(
        mark.label,
        (mark.onset_s, 1),
        xycoords=("data", "axes fraction"),
        xytext=(4, -3),
        textcoords="offset points",
        va="top",
        fontsize=8,
        color=colour,
    )


def envelope(chunk: Chunk) -> tuple[NDArray[np.float64], NDArray[np.float32], NDArray[np.float32]]:
    """Times in seconds and the lowest and highest sample about each, at most `ENVELOPE_COLUMNS` of them."""
    samples = chunk.samples
    width = max(1, math.ceil(len(samples) / ENVELOPE_COLUMNS))
    starts = np.arange(0, len(samples), width)
    if not len(starts):
        return np.zeros(0), samples, samples
    times_s = (starts + (width - 1) / 2) / chunk.sample_rate
    return times_s, np.minimum.reduceat(samples, starts), np.maximum.reduceat(samples, starts)


def mel_levels(chunk: Chunk) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Levels in dB re full scale [BANDS, frames], bands' middles in Hz, frames' times in seconds."""
    rate = chunk.sample_rate
    length = min(max(16, round(FRAME_S * rate)), max(16, len(chunk.samples)))
    padded = np.pad(chunk.samples, (0, max(0, length - len(chunk.samples))))
    hop = max(1, round(HOP_S * rate), len(padded) // ENVELOPE_COLUMNS)
    hop = min(hop, length)
    fft_length = 1 << math.ceil(math.log2(2 * length))
    hertz, times_s, power = signal.spectrogram(
        padded, rate, "hann", nperseg=length, noverlap=length - hop, nfft=fft_length, detrend=False, scaling="spectrum"
    )
    weights, middles_hz = _mel_bands(hertz)
    levels = 10 * np.log10(np.maximum(weights @ power, 10 ** (FLOOR_DB / 10)))
    return levels, middles_hz, times_s


def _mel_bands(hertz: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Triangles on the mel scale (O'Shaughnessy 1987: 2595 log10(1 + f / 700)) from 50 Hz up, each of unit sum."""
    edges_mel = np.linspace(2595 * math.log10(1 + 50 / 700), 2595 * math.log10(1 + hertz[-1] / 700), BANDS + 2)
    edges_hz = 700 * (10 ** (edges_mel / 2595) - 1)
    low, middle, high = edges_hz[:-2, None], edges_hz[1:-1, None], edges_hz[2:, None]
    weights = np.maximum(0, np.minimum((hertz - low) / (middle - low), (high - hertz) / (high - middle)))
    empty = weights.sum(axis=1) == 0
    nearest = np.abs(hertz[None, :] - middle).argmin(axis=1)
    weights[empty, nearest[empty]] = 1
    return weights / weights.sum(axis=1, keepdims=True), edges_hz[1:-1]


def _draw_log_mel(axes: Axes, chunk: Chunk) -> None:
    levels, middles_hz, times_s = mel_levels(chunk)
    top = max(float(levels.max()), FLOOR_DB + 20)
    axes.pcolormesh(
        times_s, np.arange(BANDS), levels, cmap="magma", vmin=top - 70, vmax=top, shading="nearest", rasterized=True
    )
    ticks = [hz for hz in (100, 250, 500, 1000, 2000, 4000, 8000, 16000) if hz < middles_hz[-1]]
    axes.set_yticks(np.interp(ticks, middles_hz, np.arange(BANDS)), [f"{hz:g}" for hz in ticks])
    axes.set_ylabel("frequency, Hz (mel)", fontsize=8)
    axes.set_xlabel("seconds", fontsize=8)
    plain(axes)


def _draw_scores(
    axes: Axes, times_s: NDArray[np.floating], values: NDArray[np.floating], thresholds: Sequence[float]
) -> None:
    axes.fill_between(times_s, values, color=RED, alpha=0.25, linewidth=0)
    axes.plot(times_s, values, color=RED, linewidth=1)
    for threshold in thresholds:
        axes.axhline(threshold, color=PALE, linewidth=0.8, linestyle="--")
    axes.set_ylim(0, 1.02)
    axes.set_ylabel("gunshot score", fontsize=8)
    axes.set_xlabel("seconds", fontsize=8)
    plain(axes)
