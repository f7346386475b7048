"""Pictures of mistakes: the spectrum over time of each recording, with the place that was judged wrongly."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from scipy.signal import spectrogram

from dhishoom.evaluate.padding import without_padding
from dhishoom.sources.files import read_audio

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from dhishoom.evaluate.mistakes import Mistake
    from dhishoom.evaluate.recordings import Recording

COLUMNS = 4
SHOWN_S = 4.0
"""Of a long recording, about the place in question."""
FRAME_S = 0.02
RANGE_DB = 70.0
TITLE_MAX = 34


def draw_mistakes(
    mistakes: Sequence[Mistake], recordings: Mapping[str, Recording], blank: Callable[[float, float], Figure]
) -> Figure:
    """A grid of spectrograms, one a mistake; `blank` makes an empty figure of so many inches."""
    rows = math.ceil(len(mistakes) / COLUMNS)
    figure = blank(3.3 * COLUMNS, 2.5 * rows)
    panels = np.atleast_1d(figure.subplots(rows, COLUMNS, squeeze=False)).ravel()
    for panel in panels[len(mistakes) :]:
        panel.set_axis_off()
    for panel, mistake in zip(panels, mistakes, strict=False):
        _draw(panel, mistake, recordings[mistake.key])
    return figure


def _draw(axes: Axes, mistake: Mistake, recording: Recording) -> None:
    sound = read_audio(recording.path)
    rate = sound.sample_rate
    samples, _ = without_padding(sound.samples, rate)
    begin_s = max(0.0, min((mistake.at_s or 0.0) - SHOWN_S / 2, sound.duration_s - SHOWN_S))
    cut = samples[round(begin_s * rate) : round((begin_s + SHOWN_S) * rate)]
    size = max(16, min(round(FRAME_S * rate), len(cut)))
    hertz, times_s, power = spectrogram(cut, rate, nperseg=size, noverlap=3 * size // 4, detrend=False)
    level = 10 * np.log10(power + 1e-14)
    top = float(level.max())
    axes.pcolormesh(
        begin_s + times_s, hertz / 1000, level, cmap="magma", vmin=top - RANGE_DB, vmax=top, rasterized=True
    )
    if mistake.at_s is not None:
        axes.axvline(mistake.at_s, color="white", linewidth=0.9, linestyle="--")
    axes.set_title(_title(mistake), fontsize=7.5, loc="left")
    axes.tick_params(labelsize=6.5)
    axes.set_ylabel("kHz", fontsize=7)


def _title(mistake: Mistake) -> str:
    name = mistake.key if len(mistake.key) <= TITLE_MAX else "…" + mistake.key[-TITLE_MAX + 1 :]
    return f"{mistake.fault}, {mistake.label}: {mistake.score:.2f}\n{name}"
