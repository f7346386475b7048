"""Which arrivals belong together: places and times that many sensors agree on, the best first.

The best hypothesis takes its arrivals, its echoes are told from news, its further rounds are looked for along the same
paths, and the rest of the picks are asked again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from dhishoom.core.fitting import Arrivals, refine
from dhishoom.core.location import PATH_SIGMA_S
from dhishoom.core.propagation import Floats
from dhishoom.core.sensor_array import SensorArray
from dhishoom.core.weighing import GATE_SIGMAS, ROUGH_SCALE, Indices, Picks, Question, travel_s, weigh, weigh_roughly

CREDIBLE_NATS = 14.0
"""How much likelier than stray sounds a shot must be; the log of how many places and times it could have been at."""
ROUND_NATS = 7.0
"""The same for one more round from where a shot was just heard: only its time is free."""
ROUND_SENSORS = 2
ROUND_SHARE = 0.34
"""A round is heard by two sensors and by this share of those that heard the first."""
STRAY_RATE_HZ = 0.05
STRAY_PRIOR_S = 10.0
"""Stray arrivals a second at a sensor before any were counted, worth so much listening."""
ECHO_S = 2.0
ECHO_RATE_HZ = 2.0
"""So many more a second are expected so long after a shot was heard."""
REPEAT_SIGMA_S = 0.004
"""The next round from one place comes by the same detours, to this."""
DOUBLE_S = 0.03
"""A second pick of one arrival follows within this."""
SEEDS_REFINED = 8
FITTINGS = ((ROUGH_SCALE, (8.0, 4.0, 4.0)), (1.0, (2.0, 1.0, 1.0)))
"""A place is fitted first to what is roughly due, then to what is due; with how forgiving rounds."""
HOPELESS_NATS = 6.0
"""A seed that roughly weighs less than this is not worth fitting."""
SHOTS_MAX = 64


@dataclass(frozen=True, slots=True, eq=False)
class Agreement:
    """Sensors that agree on one place and time.

    Attributes:
        source: [3], east, north, emission.
        members: [m], index into the picks, one a sensor.
        nats: How much likelier than stray sounds.
    """

    source: Floats
    members: Indices
    nats: float


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
    """From its place and time, the sensors that heard it, and when."""
    arrivals = np.full(array.count, np.inf)
    arrivals[sensors] = times_s
    straight = source[2] + travel_s(source[None], array)[0]
    return PlacedShot(source, arrivals, np.where(np.isfinite(arrivals), arrivals - straight, 0.0))


def first_question(picks: Picks, array: SensorArray, until_s: float) -> Question:
    """All picks are unexplained; stray sounds are as frequent at each sensor as its picks."""
    counts = np.bincount(picks.sensors, minlength=array.count)
    rates = (STRAY_RATE_HZ * STRAY_PRIOR_S + counts) / (STRAY_PRIOR_S + picks.span_s)
    return Question(
        picks, np.ones(len(picks.times_s), bool), np.asarray(rates[picks.sensors], np.float64), array, until_s
    )


def agreements(question: Question, seeds: Floats, known: Iterable[PlacedShot] = ()) -> list[Agreement]:
    """Explain the picks by as few shots as are credible, the most credible first.

    Args:
        seeds: [k, 3], places and times to consider.
        known: Shots already settled, whose echoes and further rounds may be among the picks.
    """
    found: list[Agreement] = []
    shots = list(known)
    for shot in shots:
        question = _after(question, shot)
    for shot in shots:
        question = _further_rounds(question, shot, found)
    while len(found) < SHOTS_MAX:
        best = _best(question, seeds)
        if best is None or best.nats < CREDIBLE_NATS:
            break
        found.append(best)
        shot = _shot(best, question)
        question = _further_rounds(_after(question, shot), shot, found)
    return found


def _shot(agreement: Agreement, question: Question) -> PlacedShot:
    picks = question.picks
    return placed_shot(
        agreement.source, picks.sensors[agreement.members], picks.times_s[agreement.members], question.array
    )


def _after(question: Question, shot: PlacedShot) -> Question:
    """The rest, once this shot has taken its arrivals and second picks of them; what follows may be its echoes."""
    since = question.picks.times_s - shot.arrivals_s[question.picks.sensors]
    echoes = (since > DOUBLE_S) & (since < ECHO_S)
    louder = np.where(echoes, np.maximum(question.stray_hz, ECHO_RATE_HZ), question.stray_hz)
    return replace(question, left=question.left & ~(np.abs(since) <= DOUBLE_S), stray_hz=louder)


def _further_rounds(question: Question, first: PlacedShot, found: list[Agreement]) -> Question:
    """Add more shots from the same place, by the same paths: their times follow from single arrivals."""
    picks = question.picks
    delays = travel_s(first.source[None], question.array)[0] + first.detours_s
    heard = np.isfinite(first.arrivals_s)
    least = max(ROUND_SENSORS, round(ROUND_SHARE * heard.sum()))
    along = replace(question, detours_s=first.detours_s, path_sigmas_s=np.where(heard, REPEAT_SIGMA_S, PATH_SIGMA_S))
    while len(found) < SHOTS_MAX:
        along = replace(along, left=question.left, stray_hz=question.stray_hz)
        times = _crowded((picks.times_s - delays[picks.sensors])[question.left & heard[picks.sensors]], least)
        if not len(times):
            break
        seeds = np.column_stack([np.broadcast_to(first.source[:2], (len(times), 2)), times])
        nats, members = weigh(along, seeds)
        best = int(np.argmax(nats))
        kept = members[best][members[best] >= 0]
        if nats[best] < ROUND_NATS or heard[picks.sensors[kept]].sum() < least:
            break
        time = np.median(picks.times_s[kept] - delays[picks.sensors[kept]])
        found.append(Agreement(np.append(first.source[:2], time), kept, float(nats[best])))
        question = _after(question, _shot(found[-1], question))
    return question


def _crowded(times_s: Floats, least: int) -> Floats:
    """Those times that have at least `least`, themselves among them, within the sigma of repeats on either side."""
    ordered = np.sort(times_s)
    before = np.searchsorted(ordered, ordered - GATE_SIGMAS * REPEAT_SIGMA_S)
    after = np.searchsorted(ordered, ordered + GATE_SIGMAS * REPEAT_SIGMA_S, side="right")
    return ordered[after - before >= least]


def _best(question: Question, seeds: Floats) -> Agreement | None:
    """The most credible place and time, found from the seeds by fitting each to the arrivals it takes."""
    if not len(seeds) or question.left.sum() < 3:
        return None
    rough = weigh_roughly(question, seeds)
    chosen = seeds[np.argsort(-rough, kind="stable")[:SEEDS_REFINED]]
    if rough.max() < HOPELESS_NATS:
        return None
    for scale, widenings in FITTINGS:
        _, members = weigh(question, chosen, scale)
        chosen = _refined(question, chosen, members, widenings)
    nats, members = weigh(question, chosen)
    best = int(np.argmax(nats))
    kept = members[best][members[best] >= 0]
    return Agreement(chosen[best], kept, float(nats[best])) if len(kept) >= 3 else None


def _refined(question: Question, seeds: Floats, members: Indices, widenings: Sequence[float]) -> Floats:
    """Seeds fitted each to its own arrivals; one without three stays as it is."""
    picks, array = question.picks, question.array
    heard = members >= 0
    times = np.where(heard, picks.times_s[members], 0.0)
    sigmas = np.where(heard, np.hypot(picks.sigmas_s[members], PATH_SIGMA_S), np.inf)
    centre: Floats = np.append(array.places_m[:, :2].mean(axis=0), 0.0)
    local = Arrivals(array.places_m - centre, times, sigmas)
    fits = refine(seeds - centre, np.ones(len(seeds)), local, array.height_m, array.air, widenings)
    good = (heard.sum(axis=1) >= 3) & np.isfinite(fits.sources).all(axis=1)
    return np.where(good[:, None], fits.sources + centre, seeds)
