"""Which arrivals belong together: places and times that many sensors agree on, the best first.

Every hypothesis (a place and a time of emission) is weighed against the belief that its arrivals are stray sounds: an
arrival where one is due speaks for it, the more the quieter that sensor has been; silence where an arrival is due
speaks against it, the more the nearer the sensor. The best hypothesis takes its arrivals, and the rest are asked again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dhishoom.core.fitting import Arrivals, refine
from dhishoom.core.location import PATH_SIGMA_S
from dhishoom.core.multilateration import places_of_triples
from dhishoom.core.propagation import Floats, rays
from dhishoom.core.sensor_array import SensorArray

Indices = NDArray[np.intp]

HEARD_SHARE = 0.9
HEARD_RANGE_M = 1500.0
"""A sensor at distance d tells of a shot with probability `HEARD_SHARE * exp(-(d / HEARD_RANGE_M)²)`."""
STRAY_RATE_HZ = 0.05
"""Stray arrivals a second at a sensor, before any were counted, worth `STRAY_PRIOR_S` of listening."""
STRAY_PRIOR_S = 10.0
TRIPLES_PER_PICK = 96
SEEDS_PER_PICK = 8
PAIR_SLACK_S = 0.05
SEEDS_REFINED = 12
ROUGH_SCALE = 4.0
CREDIBLE_NATS = 14.0
"""How much likelier than stray sounds a shot must be; about the number of places and times it could have been at."""
ROUND_NATS = 7.0
"""The same for one more round from a place where a shot was just heard."""
GATE_SIGMAS = 4.0
DOUBLE_S = 0.03
"""A second pick of one arrival follows within this."""
SHOTS_MAX = 64
ECHO_S = 2.0
ECHO_RATE_HZ = 2.0
"""So many more stray sounds a second are expected so long after a shot was heard."""
REPEAT_SIGMA_S = 0.004
"""The next round from one place comes by the same detours, to this."""
ROUND_SENSORS = 2
TAIL = 7.0


@dataclass(frozen=True, slots=True, eq=False)
class Picks:
    """Arrivals that await an explanation, sorted by sensor, then time.

    Attributes:
        sensors: [p], index into the array's sensors.
        times_s: [p], from a common zero.
        sigmas_s: [p].
        span_s: For how long the sensors were listened to.
    """

    sensors: Indices
    times_s: Floats
    sigmas_s: Floats
    span_s: float

    def only(self, kept: NDArray[np.bool_]) -> Picks:
        """Those where `kept` holds."""
        return replace(self, sensors=self.sensors[kept], times_s=self.times_s[kept], sigmas_s=self.sigmas_s[kept])


@dataclass(frozen=True, slots=True, eq=False)
class Agreement:
    """Sensors that agree on one place and time.

    Attributes:
        source: [3], east, north, emission.
        members: [m], index into the picks, one per sensor.
        nats: How much likelier than stray sounds.
    """

    source: Floats
    members: Indices
    nats: float


def agreements(
    picks: Picks, array: SensorArray, seeds: Floats, until_s: float, known: Sequence[PlacedShot] = ()
) -> list[Agreement]:
    """Explain the picks by as few shots as are credible, the most credible first.

    Args:
        seeds: [k, 3], places and times to consider, such as `seeds_of` gives.
        until_s: Up to when the sensors were heard; silence after it says nothing.
        known: Shots already settled, whose echoes and further rounds may be among the picks.
    """
    found: list[Agreement] = []
    left = np.ones(len(picks.times_s), bool)
    echoes = np.zeros(len(picks.times_s), bool)
    base = _stray_rates(picks, array)
    for shot in known:
        echoes |= _echoes(shot.arrivals_s, picks)
    for shot in known:
        _further_rounds(shot, picks, array, base, echoes, left, until_s, found)
    while len(found) < SHOTS_MAX and left.sum() >= 3:
        best = _best(Question(picks, left, base + ECHO_RATE_HZ * echoes, array, until_s), seeds)
        if best is None or best.nats < CREDIBLE_NATS:
            break
        found.append(best)
        shot = placed_shot(best.source, picks.sensors[best.members], picks.times_s[best.members], array)
        left[_claimed(shot, picks)] = False
        echoes |= _echoes(shot.arrivals_s, picks)
        _further_rounds(shot, picks, array, base, echoes, left, until_s, found)
    return found


@dataclass(frozen=True, slots=True, eq=False)
class PlacedShot:
    """A shot as the sensors had it.

    Attributes:
        source: [3].
        arrivals_s: [n], infinite where it was not heard.
        detours_s: [n], arrival less straight travel; 0 where it was not heard.
    """

    source: Floats
    arrivals_s: Floats
    detours_s: Floats


def placed_shot(source: Floats, sensors: Indices, times_s: Floats, array: SensorArray) -> PlacedShot:
    """From the sensors that heard a shot, and when."""
    arrivals = np.full(array.count, np.inf)
    arrivals[sensors] = times_s
    detours = np.where(np.isfinite(arrivals), arrivals - source[2] - _travel(source[None], array)[0], 0.0)
    return PlacedShot(source, arrivals, detours)


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """Picks still unexplained, and against what a shot must hold.

    Attributes:
        left: [p], which of the picks are unexplained.
        stray_hz: [p], how many stray sounds a second are to be expected where each pick is.
        detours_s, path_sigmas_s: [n], how much later than straight, and how surely.
    """

    picks: Picks
    left: NDArray[np.bool_]
    stray_hz: Floats
    array: SensorArray
    until_s: float
    detours_s: Floats | float = 0.0
    path_sigmas_s: Floats | float = PATH_SIGMA_S


def _further_rounds(
    first: PlacedShot,
    picks: Picks,
    array: SensorArray,
    base: Floats,
    echoes: NDArray[np.bool_],
    left: NDArray[np.bool_],
    until_s: float,
    found: list[Agreement],
) -> None:
    """More shots from the same place, by the same paths: their times follow from single arrivals."""
    travel = _travel(first.source[None], array)[0] + first.detours_s
    sigmas = np.where(np.isfinite(first.arrivals_s), REPEAT_SIGMA_S, PATH_SIGMA_S)
    while len(found) < SHOTS_MAX and left.sum() >= 2:
        at = np.flatnonzero(left)
        times = picks.times_s[at] - travel[picks.sensors[at]]
        seeds = np.column_stack([np.broadcast_to(first.source[:2], (len(at), 2)), times])
        question = Question(picks, left, base + ECHO_RATE_HZ * echoes, array, until_s, first.detours_s, sigmas)
        nats, members = weigh(question, seeds, 1.0)
        best = int(np.argmax(nats))
        kept = members[best][members[best] >= 0]
        if nats[best] < ROUND_NATS or len(kept) < ROUND_SENSORS:
            return
        times = picks.times_s[kept] - travel[picks.sensors[kept]]
        source = np.append(first.source[:2], np.median(times))
        found.append(Agreement(source, kept, float(nats[best])))
        shot = placed_shot(source, picks.sensors[kept], picks.times_s[kept], array)
        left[_claimed(shot, picks)] = False
        echoes |= _echoes(shot.arrivals_s, picks)


def _best(question: Question, seeds: Floats) -> Agreement | None:
    if not len(seeds):
        return None
    nats, _ = weigh(question, seeds, ROUGH_SCALE)
    chosen = seeds[np.argsort(-nats, kind="stable")[:SEEDS_REFINED]]
    for scale in (ROUGH_SCALE, 1.0):
        _, members = weigh(question, chosen, scale)
        chosen = _refined(question, chosen, members)
    nats, members = weigh(question, chosen, 1.0)
    best = int(np.argmax(nats))
    kept = members[best][members[best] >= 0]
    return Agreement(chosen[best], kept, float(nats[best])) if len(kept) >= 3 else None


def _refined(question: Question, seeds: Floats, members: Indices) -> Floats:
    """Seeds fitted each to its own arrivals; one without three stays as it is."""
    picks, array = question.picks, question.array
    heard = members >= 0
    times = np.where(heard, picks.times_s[members], 0.0)
    sigmas = np.where(heard, np.hypot(picks.sigmas_s[members], PATH_SIGMA_S), np.inf)
    centre: Floats = np.append(array.places_m[:, :2].mean(axis=0), 0.0)
    local = Arrivals(array.places_m - centre, times, sigmas)
    fits = refine(seeds - centre, np.ones(len(seeds)), local, _height(array), array.air)
    good = (heard.sum(axis=1) >= 3) & np.isfinite(fits.sources).all(axis=1)
    return np.where(good[:, None], fits.sources + centre, seeds)


def weigh(question: Question, seeds: Floats, scale: float) -> tuple[Floats, Indices]:
    """How much likelier each seed is than stray sounds, in nats [k], and the pick of each sensor [k, n] (-1: none)."""
    array, at = question.array, np.flatnonzero(question.left)
    sensors = question.picks.sensors[at]
    travel = _travel(seeds, array)
    chance = HEARD_SHARE * np.exp(-((travel * array.air.speed_m_s / HEARD_RANGE_M) ** 2))
    due = seeds[:, 2:3] + travel + question.detours_s
    silent = np.where(due < question.until_s, np.log1p(-chance), 0.0)
    members = np.full((len(seeds), array.count), -1, np.intp)
    if not len(at):
        return silent.sum(axis=1), members
    path = np.broadcast_to(question.path_sigmas_s, array.count)[sensors]
    sigmas = np.hypot(question.picks.sigmas_s[at], path) * scale
    ratios = (question.picks.times_s[at] - due[:, sensors]) / sigmas
    peaks = -np.log(sigmas * np.sqrt(2 * np.pi) * question.stray_hz[at])
    gains = peaks - (TAIL + 1) / 2 * np.log1p(ratios**2 / TAIL)
    starts = np.flatnonzero(np.diff(sensors, prepend=-1))
    heard = sensors[starts]
    best = np.maximum.reduceat(gains, starts, axis=1)
    spoken = best + np.log(chance[:, heard])
    nats: Floats = silent.sum(axis=1) + np.maximum(spoken - silent[:, heard], 0.0).sum(axis=1)
    firsts = _first_best(gains, best, starts)
    near = np.take_along_axis(np.abs(ratios), firsts, axis=1) < GATE_SIGMAS
    members[:, heard] = np.where((spoken > silent[:, heard]) & near, at[firsts], -1)
    return nats, members


def _first_best(gains: Floats, best: Floats, starts: Indices) -> Indices:
    """Index of the first pick of each sensor's run that reaches the run's best."""
    count = gains.shape[1]
    lengths = np.diff(np.append(starts, count))
    hit = gains == np.repeat(best, lengths, axis=1)
    places = np.where(hit, np.arange(count), count)
    firsts: Indices = np.minimum.reduceat(places, starts, axis=1)
    return firsts


def _claimed(shot: PlacedShot, picks: Picks) -> NDArray[np.bool_]:
    """Its arrivals, and second picks of the same arrivals."""
    claimed: NDArray[np.bool_] = np.abs(picks.times_s - shot.arrivals_s[picks.sensors]) <= DOUBLE_S
    return claimed


def _echoes(arrivals_s: Floats, picks: Picks) -> NDArray[np.bool_]:
    """Picks that come so soon after a shot at the same sensor that they may be its echoes."""
    with np.errstate(invalid="ignore"):
        after = picks.times_s - arrivals_s[picks.sensors]
    echoes: NDArray[np.bool_] = (after > 0) & (after < ECHO_S)
    return echoes


def _stray_rates(picks: Picks, array: SensorArray) -> Floats:
    """Expected stray sounds a second at the sensor of each pick."""
    counts = np.bincount(picks.sensors, minlength=array.count)
    rates = (STRAY_RATE_HZ * STRAY_PRIOR_S + counts) / (STRAY_PRIOR_S + picks.span_s)
    per_pick: Floats = rates[picks.sensors]
    return per_pick


def _travel(seeds: Floats, array: SensorArray) -> Floats:
    return rays(seeds[:, :2], _height(array), array.places_m, array.air)[0]


def _height(array: SensorArray) -> float:
    return float(array.places_m[:, 2].mean())


def fresh_seeds(fresh: Indices, picks: Picks, array: SensorArray, until_s: float) -> Floats:
    """The best places and times [k, 3] that three neighbouring sensors agree on, each of `fresh` as the last."""
    made = [np.zeros((0, 3))]
    for last in fresh:
        rows = _earlier_pairs(int(last), picks, array)
        made.append(best_seeds(_roots(rows, picks, array), picks, array, until_s, SEEDS_PER_PICK))
    return np.concatenate(made)


def _roots(rows: Indices, picks: Picks, array: SensorArray) -> Floats:
    places = array.places_m[picks.sensors[rows]][..., :2]
    roots = places_of_triples(places, picks.times_s[rows] * array.air.speed_m_s)[:, :3]
    roots = roots / np.array([1.0, 1.0, array.air.speed_m_s])
    middle = array.places_m[:, :2].mean(axis=0)
    reach = np.linalg.norm(array.places_m[:, :2] - middle, axis=1).max() + HEARD_RANGE_M
    near: Floats = roots[np.linalg.norm(roots[:, :2] - middle, axis=1) < reach]
    return near


def best_seeds(seeds: Floats, picks: Picks, array: SensorArray, until_s: float, most: int) -> Floats:
    """The `most` seeds that the picks speak for."""
    if len(seeds) <= most:
        return seeds
    every = np.ones(len(picks.times_s), bool)
    nats, _ = weigh(Question(picks, every, _stray_rates(picks, array), array, until_s), seeds, ROUGH_SCALE)
    return seeds[np.argsort(-nats, kind="stable")[:most]]


def _earlier_pairs(last: int, picks: Picks, array: SensorArray) -> Indices:
    """Rows [m, 3] of picks: two earlier ones at two neighbours of the last one's sensor, and the last."""
    sensor, time = picks.sensors[last], picks.times_s[last]
    apart_s = array.distances_m[sensor] / array.air.speed_m_s + PAIR_SLACK_S
    lag = time - picks.times_s
    possible = (lag >= 0) & (lag <= apart_s[picks.sensors]) & np.isin(picks.sensors, array.neighbours[sensor])
    others = np.flatnonzero(possible & (np.arange(len(lag)) != last))
    left, right = np.triu_indices(len(others), 1)
    pairs = np.column_stack([others[left], others[right]])
    first, second = picks.sensors[pairs[:, 0]], picks.sensors[pairs[:, 1]]
    gap = np.abs(picks.times_s[pairs[:, 0]] - picks.times_s[pairs[:, 1]])
    pairs = pairs[(first != second) & (gap <= array.distances_m[first, second] / array.air.speed_m_s + PAIR_SLACK_S)]
    far = array.distances_m[sensor][picks.sensors[pairs]].sum(axis=1)
    pairs = pairs[np.argsort(far, kind="stable")[:TRIPLES_PER_PICK]]
    return np.column_stack([pairs, np.full(len(pairs), last)])
