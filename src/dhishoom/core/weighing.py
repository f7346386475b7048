"""How much likelier a shot is than stray sounds, for any place and time.

An arrival where one is due speaks for the shot, the more the quieter that sensor has been; silence where an arrival is
due speaks against it, the more the nearer the sensor. The sum over sensors is a log likelihood ratio, in nats.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dhishoom.core.propagation import Floats
from dhishoom.core.sensor_array import SensorArray

Indices = NDArray[np.intp]
Bools = NDArray[np.bool_]

HEARD_SHARE = 0.95
HEARD_RANGES_M = np.array([600.0, 1000.0, 1700.0])
"""A sensor at distance d tells of a blast with probability `HEARD_SHARE * exp(-(d / range)²)`, the range being any of
these: a pistol behind houses, one in the open (850 m fits the six published positions together), a rifle."""
PATH_SIGMA_S, TAIL = 0.012, 7.0
"""Here all detours count: those shared by all rounds from a place, and the odd one that a locator would disbelieve."""
GATE_SIGMAS = 4.0
ROUGH_SCALE = 4.0
"""A place from three arrivals is off by more than its arrivals are, so it is judged more kindly."""


@dataclass(frozen=True, slots=True, eq=False)
class Strays:
    """Picks of late that nothing explained.

    Attributes:
        sensors: [s].
        times_s: [s].
        span_s: For how long the sensors were listened to, these and the others.
    """

    sensors: Indices
    times_s: Floats
    span_s: float


@dataclass(frozen=True, slots=True, eq=False)
class Picks:
    """Arrivals that await an explanation, sorted by sensor, then time.

    Attributes:
        sensors: [p], index into the array's sensors.
        times_s: [p], from a common zero.
        sigmas_s: [p].
        levels_db: [p], over the noise.
        scores: [p], how likely each was gunfire, by its sound alone.
        stray: What else was heard of late.
    """

    sensors: Indices
    times_s: Floats
    sigmas_s: Floats
    levels_db: Floats
    scores: Floats
    stray: Strays


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """Picks still unexplained, and against what a shot must hold.

    Attributes:
        left: [p], which of the picks are unexplained.
        stray_hz: [p], how many stray sounds a second are to be expected where each pick is.
        echo_hz: How many are to be expected soon after a shot was heard.
        until_s: Up to when the sensors were heard; silence after it says nothing.
        detours_s, path_sigmas_s: [n], how much later than straight, and how surely.
        credible_nats: How much likelier than stray sounds a burst must be, with so much to be heard.
    """

    picks: Picks
    left: Bools
    stray_hz: Floats
    echo_hz: float
    array: SensorArray
    until_s: float
    detours_s: Floats
    path_sigmas_s: Floats
    credible_nats: float


def due_of(question: Question, seeds: Floats, ranges_m: Floats = HEARD_RANGES_M) -> tuple[Floats, Floats, Floats]:
    """When each sensor should hear each seed, [k, n]; how likely it tells of a blast of each range, and what its
    silence weighs, [ranges, k, n].
    """
    travel = question.array.travel_s(seeds)
    faded = np.square(travel * (question.array.air.speed_m_s / ranges_m[:, None, None]))
    due = seeds[:, 2:3] + travel + question.detours_s
    silent = np.where(due < question.until_s, np.log1p(-HEARD_SHARE * np.exp(-faded)), 0.0)
    return due, math.log(HEARD_SHARE) - faded, silent


def _summed(told: Floats, chance: Floats, silent: Floats) -> Floats:
    """Nats of each seed, [k], any range being as likely; `told` [k, n] is what the best pick of each sensor says."""
    nats = np.maximum(told + chance, silent).sum(axis=2)
    top = nats.max(axis=0)
    summed: Floats = top + np.log(np.exp(nats - top).mean(axis=0))
    return summed


def weigh(question: Question, seeds: Floats, scale: float = 1.0) -> tuple[Floats, Indices]:
    """Nats of each seed, [k], and the pick it takes at each sensor, [k, n], -1 for none.

    Args:
        scale: By how much every sigma is taken larger than claimed.
    """
    due, chance, silent = due_of(question, seeds)
    members = np.full(due.shape, -1, np.intp)
    told = np.full(due.shape, -np.inf)
    at = np.flatnonzero(question.left)
    if len(at):
        sensors = question.picks.sensors[at]
        sigmas = sigmas_of(question, at) * scale
        ratios = (question.picks.times_s[at] - due[:, sensors]) / sigmas
        gains = peaks_of(question, at, sigmas) - tail_of(ratios)
        starts = np.flatnonzero(np.diff(sensors, prepend=-1))
        heard = sensors[starts]
        best = np.maximum.reduceat(gains, starts, axis=1)
        firsts = _first_best(gains, best, starts)
        near = np.take_along_axis(np.abs(ratios), firsts, axis=1) < GATE_SIGMAS
        told[:, heard] = best
        speaks = (told[:, heard] + chance[-1][:, heard] > silent[-1][:, heard]) & near
        members[:, heard] = np.where(speaks, at[firsts], -1)
    return _summed(told, chance, silent), members


def sigmas_of(question: Question, at: Indices) -> Floats:
    """How surely each of these picks is where its shot should be, pick and path together."""
    sigmas: Floats = np.hypot(question.picks.sigmas_s[at], question.path_sigmas_s[question.picks.sensors[at]])
    return sigmas


def peaks_of(question: Question, at: Indices, sigmas: Floats) -> Floats:
    """What each of these picks says of a shot due right then: how much likelier it is than a stray sound, in nats."""
    peaks: Floats = -np.log(sigmas * np.sqrt(2 * np.pi) * question.stray_hz[at])
    return peaks


def tail_of(ratios: Floats) -> Floats:
    """What a pick loses, in nats, for being so many sigmas off."""
    lost: Floats = (TAIL + 1) / 2 * np.log1p(ratios * ratios / TAIL)
    return lost


def _first_best(gains: Floats, best: Floats, starts: Indices) -> Indices:
    """Index of the first pick of each sensor's run that reaches the run's best."""
    count = gains.shape[1]
    hit = gains == np.repeat(best, np.diff(np.append(starts, count)), axis=1)
    firsts: Indices = np.minimum.reduceat(np.where(hit, np.arange(count), count), starts, axis=1)
    return firsts
