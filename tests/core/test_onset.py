"""Arrivals to a fraction of a sample: the first one, without bias, with a sigma that is meant."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from dhishoom.core.onset import _split, pick

from .blasts import blast, case, noise

NEAR_S = 0.015
"""A model's frame says where to look to about so much."""


def picked(cases, rng):
    """Errors and normalised errors, in milliseconds and sigmas."""
    errors, ratios = [], []
    for one in cases:
        found = pick(one.samples, one.rate, one.onset + rng.uniform(-NEAR_S, NEAR_S) * one.rate)
        errors.append(1000 * (found.sample - one.onset) / one.rate)
        ratios.append(errors[-1] / (1000 * found.sigma_s))
    return np.array(errors), np.array(ratios)


@pytest.mark.parametrize(
    ("rate", "snr_db", "median_ms", "p90_ms"),
    [(12_000, 40, 0.1, 0.3), (12_000, 25, 0.1, 0.25), (48_000, 30, 0.1, 0.2), (8_000, 25, 0.15, 0.3),
     (12_000, 18, 0.2, 0.8), (12_000, 12, 1.5, 20.0)],
)  # fmt: skip
def test_blasts_in_noise_and_echo_are_picked_without_bias(rate, snr_db, median_ms, p90_ms):
    """About a sample where the blast stands out; still unbiased to a fraction of a millisecond at 18 dB of peak."""
    rng = np.random.default_rng(snr_db)
    errors, _ = picked([case(rng, rate, snr_db) for _ in range(60)], rng)
    assert np.median(np.abs(errors)) <= median_ms
    assert abs(np.median(errors)) <= median_ms
    assert np.percentile(np.abs(errors), 90) <= p90_ms


def test_sigma_is_honest_from_noise_level_up():
    """Over all levels the errors are about as large as is claimed; few exceed three sigmas."""
    rng = np.random.default_rng(5)
    _, ratios = picked([case(rng, 12_000, rng.uniform(8, 45)) for _ in range(250)], rng)
    assert 0.5 <= np.median(np.abs(ratios)) / 0.6745 <= 1.2
    assert np.mean(np.abs(ratios) > 3) <= 0.03


def test_sigma_grows_as_the_blast_sinks_into_noise():
    """From a fraction of a millisecond to what the model's own frames tell."""
    rng = np.random.default_rng(6)
    sigmas = []
    for snr_db in (40, 20, 14, 9):
        cases = [case(rng, 12_000, snr_db) for _ in range(25)]
        sigmas.append(np.median([pick(one.samples, one.rate, one.onset).sigma_s for one in cases]))
    assert sigmas == sorted(sigmas)
    assert sigmas[0] < 0.0003
    assert sigmas[-1] > 0.001


@pytest.mark.parametrize("louder", [2.0, 4.0, 8.0])
def test_the_first_arrival_is_picked_and_not_a_louder_echo(louder):
    """The same blast again 15 ms later, up to 18 dB louder, with the model's frame on the echo."""
    rng = np.random.default_rng(7)
    rate, count, onset = 12_000, 10_800, 6000.3
    first = blast(count, onset, rate, rng, echoes=False)
    echo = louder * blast(count, onset + 180, rate, np.random.default_rng(7), echoes=False)
    sound = first + echo + 0.002 * noise(count, 1, rng)
    found = pick(sound.astype(np.float32), rate, onset + 190)
    assert abs(found.sample - onset) < 3


def test_wind_does_not_move_a_pick():
    """Rumble of ten times the blast's own level, below 100 Hz."""
    rng = np.random.default_rng(8)
    one = case(rng, 12_000, 30, echoes=False)
    gusts = 10 * np.sin(2 * np.pi * 7 * np.arange(len(one.samples)) / one.rate + 1)
    gusts += 3 * np.sin(2 * np.pi * 31 * np.arange(len(one.samples)) / one.rate)
    calm = pick(one.samples, one.rate, one.onset)
    windy = pick((one.samples + 0.1 * gusts).astype(np.float32), one.rate, one.onset)
    assert abs(windy.sample - calm.sample) < 2.5


@given(gain=st.floats(1e-3, 1e3), shift=st.integers(0, 200))
@settings(max_examples=25)
def test_neither_gain_nor_place_in_the_record_matters(gain, shift):
    """A pick scales with nothing and moves with the sound."""
    one = case(np.random.default_rng(9), 12_000, 25)
    expected = pick(one.samples, one.rate, one.onset)
    moved = np.concatenate((one.samples[:1].repeat(shift), one.samples * np.float32(gain)))
    found = pick(moved, one.rate, one.onset + shift)
    assert found.sample - shift == pytest.approx(expected.sample, abs=0.05)
    assert found.sigma_s == pytest.approx(expected.sigma_s, rel=0.05)
    assert found.snr_db == pytest.approx(expected.snr_db, abs=0.1)


@given(
    samples=arrays(np.float32, st.integers(0, 3000), elements=st.floats(-1, 1, width=32)),
    near=st.floats(-5000, 8000),
    rate=st.sampled_from([1000, 8000, 12_000, 48_000, 384_000]),
)
@settings(max_examples=150)
def test_any_sound_is_picked_without_an_error(samples, near, rate):
    """Empty, constant, short, or pointed beside it: a finite answer."""
    found = pick(samples, rate, near)
    assert math.isfinite(found.sample)
    assert 0 < found.sigma_s <= 0.05
    assert -20 <= found.snr_db <= 120


@given(arrays(np.float64, st.integers(6, 60), elements=st.floats(-10, 10)))
@settings(max_examples=60)
def test_a_split_is_the_mean_of_all_splits_by_their_criterion(sound):
    """Against the formula of Maeda (1985) and Akaike's weights, sum by sum."""
    count, tiny = len(sound), 1e-12
    places, criteria = list(range(2, count - 2)), []
    for at in places:
        before = sum(x * x for x in sound[:at]) / at
        after = sum(x * x for x in sound[at:]) / (count - at)
        criteria.append(at * math.log(before + tiny) + (count - at) * math.log(after + tiny))
    weights = [math.exp(-(one - min(criteria)) / 2) for one in criteria]
    mean = sum(weight * at for weight, at in zip(weights, places, strict=True)) / sum(weights)
    told, spread = _split(sound)
    loose = 1e-3 if max(abs(sound)) > 1e-3 else np.inf  # Sums of squares below the floor round differently.
    assert told == pytest.approx(mean, abs=loose)
    assert 0 <= spread <= count
