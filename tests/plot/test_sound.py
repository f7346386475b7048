"""Waveforms, spectra and scores show what is there."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from dhishoom import plot
from dhishoom.nouns import Chunk
from dhishoom.plot.sound import ENVELOPE_COLUMNS, envelope, mel_levels

RATE = 16_000


def chunk(samples: np.ndarray, rate: int = RATE) -> Chunk:
    """Of one sensor."""
    return Chunk(sensor_id="s", start_ns=0, sample_rate=rate, samples=samples.astype(np.float32))


@pytest.mark.parametrize("hertz", [250.0, 1000.0, 4000.0])
def test_a_tone_is_loudest_in_its_band(hertz: float) -> None:
    """A sine stands at its frequency, give or take its band's width, to the end of the sound."""
    levels, middles_hz, times_s = mel_levels(chunk(np.sin(2 * np.pi * hertz * np.arange(RATE) / RATE)))

    loudest = levels.mean(axis=1).argmax()
    assert middles_hz[loudest] == pytest.approx(hertz, rel=0.08)
    assert times_s[-1] == pytest.approx(1.0, abs=0.03)


def test_the_envelope_of_any_length_keeps_every_extreme() -> None:
    """One click in an hour is in the picture, in no more columns than fit."""
    samples = np.zeros(3600 * 1000)
    samples[1_234_567] = 0.9
    times_s, lowest, highest = envelope(chunk(samples, 1000))

    assert len(times_s) <= ENVELOPE_COLUMNS
    assert highest.max() == pytest.approx(0.9)
    assert times_s[highest.argmax()] == pytest.approx(1234.567, abs=1.0)
    assert lowest.min() == 0


@pytest.mark.parametrize("length", [0, 1, 10, 500])
def test_short_sound_is_drawn(length: int) -> None:
    """Nothing at all, one sample, less than a frame."""
    sound = chunk(np.ones(length) / 2)

    for figure in (plot.waveform(sound), plot.log_mel(sound), plot.timeline(sound, np.zeros(0), np.zeros(0))):
        assert plot.png(figure).startswith(b"\x89PNG")


def test_marks_are_shaded_and_named_where_there_is_room() -> None:
    """Two events close together share one name; a rejected one has another colour."""
    marks = [plot.Mark(onset_s=at, offset_s=at + 0.1) for at in (1.0, 1.05)]
    marks.append(plot.Mark(onset_s=3.0, offset_s=3.4, label="firework"))
    axes = plot.waveform(chunk(np.zeros(5 * RATE)), marks).axes[0]

    assert [text.get_text() for text in axes.texts] == ["gunshot", "firework"]
    assert axes.texts[0].get_color() != axes.texts[1].get_color()


def test_thresholds_are_drawn_across_the_scores() -> None:
    """One line each."""
    axes = plot.scores(np.arange(5.0), np.linspace(0, 1, 5), thresholds=(0.3, 0.8)).axes[0]

    assert [line.get_ydata()[0] for line in axes.lines[1:]] == [0.3, 0.8]
