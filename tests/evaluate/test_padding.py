"""Padding becomes the recording's own floor; what was recorded stays as it is."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import butter, sosfilt

from dhishoom.evaluate.padding import without_padding

from .conftest import RATE, noise, with_shots


def padded(sound):
    """A copy whose first third is exact zeros."""
    silent = sound.copy()
    silent[: len(sound) // 3] = 0
    return silent


def test_recorded_samples_are_untouched():
    """Only exact zeros change, and their length is told."""
    sound = padded(with_shots(noise(3), [2.0]))
    filled, padding_s = without_padding(sound, RATE)
    assert padding_s == pytest.approx(1.0)
    assert (filled[RATE:] == sound[RATE:]).all()
    assert np.abs(filled[:RATE]).min() < np.abs(filled[:RATE]).max()


def test_the_fill_has_the_level_and_colour_of_the_floor():
    """A floor of rumble is continued as rumble: within 2 dB in its band, and as quiet above it."""
    rumble = sosfilt(butter(4, 600, "lowpass", fs=RATE, output="sos"), noise(6, 3)).astype(np.float32)
    sound = padded(with_shots(rumble, [5.0]))
    filled, _ = without_padding(sound, RATE)

    def levels_db(part):
        power = np.abs(np.fft.rfft(part * np.hanning(len(part)))) ** 2
        hertz = np.fft.rfftfreq(len(part), 1 / RATE)
        bands = [(hertz >= low) & (hertz < high) for low, high in ((100, 500), (2000, 5000))]
        return [10 * np.log10(power[band].mean()) for band in bands]

    low, high = levels_db(filled[: 2 * RATE])
    low_heard, high_heard = levels_db(sound[2 * RATE : 4 * RATE])
    assert low == pytest.approx(low_heard, abs=2)
    assert high < low - 25
    assert high_heard < low_heard - 25


def test_a_recording_without_padding_is_returned_as_it_is():
    """Nothing to fill, nothing copied."""
    sound = noise(1)
    assert without_padding(sound, RATE)[0] is sound


def test_a_recording_of_nothing_stays_nothing():
    """There is no floor to continue."""
    filled, padding_s = without_padding(np.zeros(RATE, np.float32), RATE)
    assert not filled.any()
    assert padding_s == 1.0


def test_the_fill_is_the_same_every_time():
    """Reports repeat."""
    sound = padded(noise(3))
    assert (without_padding(sound, RATE)[0] == without_padding(sound, RATE)[0]).all()
