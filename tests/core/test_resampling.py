"""Resampling one window: SciPy's own filter by other means, flat where sound is and silent where it would fold."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import firwin, resample_poly

from dhishoom.core.resampling import resampler

RATES = [8000, 11_025, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000]
MODEL = 12_000


def converted(samples, rate, length):
    """The first `length` at the model's rate, with the margin fed as zeros."""
    convert = resampler(rate, MODEL)
    padded = np.concatenate((np.zeros(convert.margin, np.float32), samples.astype(np.float32)))
    return convert.apply(padded, length)


@pytest.mark.parametrize("rate", RATES)
def test_it_gives_what_scipys_resample_poly_gives(rate):
    """The same Kaiser filter handed to an independent implementation: equal to float32."""
    convert = resampler(rate, MODEL)
    rng = np.random.default_rng(rate)
    samples = rng.standard_normal(rate // 4).astype(np.float32)
    longest = max(convert.up, convert.down)
    taps = firwin(2 * 10 * longest + 1, 1 / longest, window=("kaiser", 6.0))
    expected = resample_poly(samples.astype(np.float64), convert.up, convert.down, window=taps)
    length = len(expected) - 400
    np.testing.assert_allclose(converted(samples, rate, length), expected[:length], atol=2e-6)


@pytest.mark.parametrize("rate", RATES)
def test_tones_below_the_half_rate_pass_and_those_above_do_not_fold(rate):
    """Within 0.1 dB up to 5 kHz (or 40 % of the sensor's rate); 40 dB down from 7 kHz on, 70 dB from 7.5 kHz."""
    time_s = np.arange(rate) / rate
    for hz in (100, 1000, min(5000, 0.4 * rate)):
        assert level_db(np.sin(2 * np.pi * hz * time_s), rate) == pytest.approx(0, abs=0.1)
    for hz, most_db in ((7000, -40), (7500, -70), (9000, -70)):
        if hz < 0.48 * rate:
            assert level_db(np.sin(2 * np.pi * hz * time_s), rate) < most_db


def level_db(sound, rate):
    """Of what is heard of a full-scale sine, its ends left out."""
    return 20 * np.log10(np.sqrt(2) * converted(sound, rate, MODEL)[2000:-2000].std() + 1e-9)


@given(rate=st.sampled_from(RATES), blocks=st.integers(1, 40), length=st.integers(200, 2000))
@settings(max_examples=40)
def test_a_sample_does_not_depend_on_where_the_window_began(rate, blocks, length):
    """A window that begins whole blocks later gives the same numbers, bit for bit or to float32's last digit."""
    convert = resampler(rate, MODEL)
    samples = np.random.default_rng(1).standard_normal(length * 12 + blocks * convert.stride).astype(np.float32)
    whole = convert.apply(samples, length + blocks * convert.matrix.shape[1])
    later = convert.apply(samples[blocks * convert.stride :], length)
    reached = (len(samples) - 2 * convert.margin) * convert.up // convert.down - blocks * convert.matrix.shape[1]
    count = max(0, min(length, reached))
    first = blocks * convert.matrix.shape[1]
    np.testing.assert_allclose(later[:count], whole[first : first + count], atol=1e-5)


def test_equal_rates_change_nothing():
    """Not even a copy's worth of rounding."""
    samples = np.random.default_rng(0).standard_normal(100).astype(np.float32)
    assert (resampler(MODEL, MODEL).apply(samples, 90) == samples[:90]).all()


@given(st.integers(1000, 384_000))
@settings(max_examples=60)
def test_any_rate_is_converted_to_within_two_milliseconds_a_second(rate):
    """Odd rates are rounded to a ratio of small terms; a second of sound stays a second."""
    convert = resampler(rate, MODEL)
    assert max(convert.up, convert.down) <= 640 * max(1, -(-rate // MODEL), -(-MODEL // rate))
    assert convert.up / convert.down * rate / MODEL == pytest.approx(1, abs=0.002)


@given(st.integers(0, 2000))
@settings(max_examples=20)
def test_too_little_sound_is_followed_by_silence(count):
    """The length asked for is given, however little there is."""
    assert converted(np.ones(count), 44_100, 700).shape == (700,)
