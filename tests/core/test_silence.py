"""Holes filled with the window's own floor, so that nothing can react to an edge."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import butter, sosfilt

from dhishoom.core.silence import fill, silent

from .blasts import noise

RATE = 12_000
SHORTEST = 60


def hiss(count, level=0.01, slope=1, seed=0):
    """Pink noise, float32."""
    return (level * noise(count, slope, np.random.default_rng(seed))).astype(np.float32)


@given(
    st.lists(st.tuples(st.integers(0, 150), st.integers(1, 150)), max_size=12), st.sampled_from([8000, 12_000, 44_100])
)
def test_runs_of_zeros_are_found_as_a_loop_would_find_them(runs, rate):
    """Zeros for 5 ms or more, wherever they lie; shorter ones are sound."""
    samples = np.concatenate([np.zeros(0), *(np.r_[np.zeros(zeros), np.ones(ones)] for zeros, ones in runs)])
    expected, run = np.zeros(len(samples), bool), 0
    for index, sample in enumerate([*samples, 1.0]):
        if sample == 0:
            run += 1
            continue
        if run >= 0.005 * rate:
            expected[index - run : index] = True
        run = 0
    assert (silent(samples.astype(np.float32), rate) == expected).all()


def test_sound_without_holes_is_returned_as_it_is():
    """Not copied, not changed."""
    sound = hiss(4000)
    assert fill(sound, None, 0, RATE) is sound


def test_what_was_recorded_is_never_changed():
    """Only holes are filled: padding before, a dropout within, missing sound after."""
    sound = hiss(24_000)
    sound[:5000] = 0
    sound[9000:9100] = 0
    missing = np.zeros(len(sound), bool)
    missing[20_000:] = True
    filled = fill(sound, missing, 0, RATE)
    hole = missing | silent(sound, RATE)
    assert (filled[~hole] == sound[~hole]).all()
    assert (filled[hole] != 0).mean() > 0.99


@pytest.mark.parametrize("slope", [0, 1, 2])
def test_the_fill_has_the_level_and_the_colour_of_the_quietest_sound(slope):
    """Within 3 dB in every octave from 100 Hz, and no bang that the window holds raises it."""
    sound = hiss(24_000, slope=slope)
    floor = sound[8000:].copy()
    sound[:8000] = 0
    sound[15_000:15_600] += hiss(600, 0.8, 0, 1)
    filled = fill(sound, None, 0, RATE)[:8000]
    for low_hz in (100, 200, 400, 800, 1600, 3000):
        octave = butter(2, [low_hz, min(2 * low_hz, 5900)], "bandpass", fs=RATE, output="sos")
        levels = [sosfilt(octave, one - one[0])[1000:].std() for one in (filled, floor)]
        assert 20 * np.log10(levels[0] / levels[1]) == pytest.approx(0, abs=3)


def test_the_fill_follows_from_the_absolute_place_alone():
    """Twice the same; another place on the clock, other noise."""
    sound = hiss(12_000)
    sound[:4000] = 0
    assert (fill(sound, None, 77, RATE) == fill(sound, None, 77, RATE)).all()
    assert not (fill(sound, None, 77, RATE)[:4000] == fill(sound, None, 1077, RATE)[:4000]).any()


def test_a_window_without_any_sound_is_silence():
    """There is nothing to imitate."""
    assert (fill(np.zeros(5000, np.float32), None, 0, RATE) == 0).all()
    assert (fill(np.ones(5000, np.float32), np.ones(5000, bool), 0, RATE) == 0).all()


@given(st.integers(1, 400), st.integers(0, 400), st.sampled_from([1000, 8000, 12_000]))
def test_little_sound_between_holes_is_no_obstacle(known, before, rate):
    """Shorter than a grain: noise of its level stands in."""
    sound = np.zeros(2000, np.float32)
    sound[before : before + known] = 0.25
    filled = fill(sound, sound == 0, 5, rate)
    assert np.isfinite(filled).all()
    assert (filled[before : before + known] == 0.25).all()


@given(st.floats(-0.875, 0.875, width=32))
def test_a_constant_offset_is_kept(offset):
    """The fill lies about the sound's own mean: no step at the edge."""
    sound = hiss(12_000) * np.float32(0.01) + np.float32(offset)
    sound[:3000] = 0
    filled = fill(sound, None, 0, RATE)
    assert filled[:3000].mean() == pytest.approx(offset, abs=0.002)
