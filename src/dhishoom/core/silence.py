"""Filling what was not recorded: missing sound and stretches of exact zeros become noise like the window's own floor.

A recording that was padded with zeros has an edge where its sound begins. Nothing may react to that edge, so it is
filled before anything listens: with noise of the level and the colour of the quietest sound that the window holds.
"""

from __future__ import annotations

import math
from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray

ZERO_RUN_MIN_S = 0.005
GRAIN_S = 0.032
QUIET_SHARE = 0.2
DRAWS = 1 << 16
GLANCE = 997
"""A few samples tell first whether there is any sound."""

Samples = NDArray[np.float32]
Mask = NDArray[np.bool_]


def silent(samples: Samples, sample_rate: int) -> Mask:
    """Where the samples are exactly zero for at least 5 ms: padding, or a microphone that gives nothing."""
    shortest = max(1, math.ceil(ZERO_RUN_MIN_S * sample_rate))
    if not _may_hold(samples, shortest):
        return np.zeros(len(samples), np.bool_)
    zero: Mask = np.equal(samples, 0.0)
    walled = np.concatenate(([False], zero, [False]))
    edges = np.flatnonzero(walled[1:] != walled[:-1])
    begins, lengths = edges[::2], edges[1::2] - edges[::2]
    begins, lengths = begins[lengths < shortest], lengths[lengths < shortest]
    within = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    zero[np.repeat(begins, lengths) + within] = False
    return zero


def _may_hold(samples: Samples, shortest: int) -> bool:
    """Whether there can be so long a run of zeros: it would hold four neighbours of every quarter of its length."""
    every = shortest // 4
    if every == 0:
        return True
    zero = samples[::every] == 0.0
    return bool((zero[:-3] & zero[1:-2] & zero[2:-1] & zero[3:]).any())


def fill(samples: Samples, missing: Mask | None, first_index: int, sample_rate: int) -> Samples:
    """The samples with holes filled by noise; a window with no sound at all is zeros throughout.

    Args:
        samples: [n]; what they hold where `missing` is of no account.
        missing: [n], true where nothing was recorded; None where all was.
        first_index: Absolute index of the first sample on the sensor's clock.
    """
    if not samples[::GLANCE].any() and not samples.any():
        return np.zeros_like(samples)
    hole = silent(samples, sample_rate)
    if missing is not None:
        hole |= missing
    if not hole.any():
        return samples
    if hole.all():
        return np.zeros_like(samples)
    grain = 2 * max(4, round(GRAIN_S * sample_rate / 2))
    quiet = _quiet_grains(samples, hole, grain)
    if len(quiet) == 0:
        quiet = _unit_noise(grain) * samples[~hole].std()
    begin, end = int(hole.argmax()), len(hole) - int(hole[::-1].argmax())
    filled = np.where(hole, np.float32(0), samples)
    noise = _overlapped(quiet, first_index + begin, end - begin)
    noise += filled.sum() / (len(hole) - np.count_nonzero(hole))
    np.copyto(filled[begin:end], noise, where=hole[begin:end])
    return filled


def _quiet_grains(samples: Samples, hole: Mask, grain: int) -> Samples:
    """The quietest fifth [count, grain] of the sound between the holes, without their means."""
    count = len(samples) // grain
    whole = ~hole[: count * grain].reshape(count, grain).any(axis=1)
    grains = samples[: count * grain].reshape(count, grain)[whole]
    if len(grains) == 0:
        return grains
    grains = grains - grains.mean(axis=1, keepdims=True)
    powers = np.einsum("ij,ij->i", grains, grains)
    quiet: Samples = grains[powers <= np.sort(powers)[round(QUIET_SHARE * (len(powers) - 1))]]
    return quiet


def _overlapped(grains: Samples, first_index: int, length: int) -> Samples:
    """Noise [length] that sounds like the grains: drawn anew every half grain, by the absolute index alone."""
    half = grains.shape[1] // 2
    first = first_index // half - 1
    draws = _draws()[np.arange(first, first + length // half + 3) % DRAWS]
    signs = (2 * (draws & 1) - 1).astype(np.float32)
    drawn = grains[(draws >> 1) % len(grains)] * (signs[:, None] * _fade(half))
    noise: Samples = (drawn[1:, :half] + drawn[:-1, half:]).ravel()
    begin = first_index - (first + 1) * half
    return noise[begin : begin + length]


@lru_cache(maxsize=64)
def _fade(half: int) -> Samples:
    """In and out again, so that the powers of two that overlap by half add up to one."""
    return np.sin(np.pi * (np.arange(2 * half, dtype=np.float32) + 0.5) / (2 * half)).astype(np.float32)


@cache
def _draws() -> NDArray[np.int64]:
    """A fixed table of chance: the same at the same absolute time in every window."""
    return np.random.Generator(np.random.PCG64(19)).integers(0, 1 << 32, DRAWS)


def _unit_noise(grain: int) -> Samples:
    return np.random.Generator(np.random.PCG64(19)).standard_normal((16, grain), dtype=np.float32)
