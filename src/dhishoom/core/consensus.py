"""Which arrivals belong together: places and times that many sensors agree on, the best first.

The best hypothesis takes its arrivals, its echoes are told from news, its further rounds are looked for along the same
paths, and the rest of the picks are asked again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from dhishoom.core.fitting import Arrivals, refine
from dhishoom.core.propagation import Floats
from dhishoom.core.sensor_array import SensorArray
from dhishoom.core.weighing import (
    GATE_SIGMAS,
    PATH_SIGMA_S,
    ROUGH_SCALE,
    Bools,
    Indices,
    Picks,
    Question,
    travel_s,
    weigh,
    weigh_roughly,
)

CREDIBLE_NATS = 12.0
"""How much likelier than stray sounds a burst must be where there is little else to be heard."""
CHANCES_QUIET, CHANCE_NATS = 8.0, 2.0
"""So much more for each further e-fold of chances to agree: triples of picks that could be of one sound."""
RIVAL_NATS = 6.0
"""So much more for a second place within seconds: two shooters at once are rarer than echoes."""
THREE_NATS = 3.0
"""So much more where no shot of the burst is heard by a fourth sensor."""
ROUND_NATS = 7.0
"""The same for one more round from where a shot was just heard, and half as much more for chances: only its time is
free."""
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
MOVED_M, SPEED_M_S = 60.0, 340.0
"""A shooter moves no farther within a burst."""
MOVED_NATS = 4.0
"""What it costs to be free to have moved: as many nats as e-folds of places within that, each as wide as a fit."""
FAINT_DB, FAINT_NATS = 6.0, 1.4
"""A stray sound is e times rarer for every so many decibels above what is heard at the time, up to e to so much."""
SHADOW_DB = 6.0
DOUBLE_S = 0.03
"""A second pick of one arrival follows within this."""
SEEDS_REFINED, MOVES_REFINED = 16, 4
BURSTS_TRIED = 4
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
        margin: By how much its whole burst is likelier than chance allows.
        origin_m: [2], the place of the shot that this is a further round of; None for the first.
    """

    source: Floats
    members: Indices
    nats: float
    margin: float = 0.0
    origin_m: Floats | None = None


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
    """All picks are unexplained; stray sounds are as frequent at each sensor as its picks, most of them faint."""
    counts = np.bincount(np.concatenate([picks.sensors, picks.stray.sensors]), minlength=array.count)
    rates = (STRAY_RATE_HZ * STRAY_PRIOR_S + counts) / (STRAY_PRIOR_S + picks.stray.span_s)
    faint = np.clip((np.median(picks.levels_db) - picks.levels_db) / FAINT_DB, -FAINT_NATS, FAINT_NATS)
    stray = rates[picks.sensors] * np.exp(faint)
    stray_hz: Floats = np.where(_shadowed(picks), np.maximum(stray, ECHO_RATE_HZ), stray)
    return Question(picks, np.ones(len(picks.times_s), bool), stray_hz, array, until_s)


def _shadowed(picks: Picks) -> Bools:
    """Picks that follow a much stronger one at the same sensor so soon that they may be its echoes."""
    since = picks.times_s[:, None] - picks.times_s[None]
    echo = (since > DOUBLE_S) & (since < ECHO_S) & (picks.sensors[:, None] == picks.sensors[None])
    louder = picks.levels_db[None] > picks.levels_db[:, None] + SHADOW_DB
    shadowed: Bools = (echo & louder).any(axis=1)
    return shadowed


def agreements(question: Question, seeds: Floats, known: Iterable[PlacedShot] = ()) -> list[Agreement]:
    """Explain the picks by shots from as few places as are credible, the most credible place first.

    A place is judged by all its rounds together: a place that only seems to agree, because it takes one round's arrival
    here for another's there, does so for fewer rounds than the true one.

    Args:
        seeds: [k, 3], places and times to consider.
        known: Shots already settled, whose echoes and further rounds may be among the picks.
    """
    found: list[Agreement] = []
    shots = list(known)
    for shot in shots:
        question = _after(question, shot)
    for shot in shots:
        more, question = _further_rounds(question, shot)
        found += more
    least = credible_nats(question)
    while len(found) < SHOTS_MAX:
        needed = least + RIVAL_NATS * bool(shots or found)
        bursts = [_burst(one, question) for one in _candidates(question, seeds)]
        best = max(bursts, key=lambda burst: _margin(burst, needed), default=None)
        margin = _margin(best, needed) if best else -1.0
        if best is None or margin < 0:
            break
        shot = _shot(best[0], question)
        more, question = _further_rounds(_after(question, shot), shot)
        found += [replace(one, margin=margin) for one in (best[0], *more)]
    return found


def _margin(burst: Sequence[Agreement], needed: float) -> float:
    """By how much it is likelier than chance allows; some place fits any three arrivals, so three prove less."""
    overdetermined = any(len(one.members) > 3 for one in burst)
    return sum(one.nats for one in burst) - needed - THREE_NATS * (not overdetermined)


def credible_nats(question: Question) -> float:
    """How much likelier than stray sounds a burst must be: the more picks, the more of them agree by chance."""
    times = np.sort(np.concatenate([question.picks.times_s, question.picks.stray.times_s]))
    reach = float(question.array.passes_s.max(initial=0.0)) / 2
    beside = np.searchsorted(times, times + reach) - np.searchsorted(times, times - reach)
    chances = float(np.log1p((beside**2).sum() / 6))
    return CREDIBLE_NATS + CHANCE_NATS * max(chances - CHANCES_QUIET, 0.0)


def _burst(first: Agreement, question: Question) -> list[Agreement]:
    """A shot and its further rounds from where it was."""
    shot = _shot(first, question)
    more, _ = _further_rounds(_after(question, shot), shot, moving=False)
    return [first, *more]


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


def _further_rounds(question: Question, first: PlacedShot, *, moving: bool = True) -> tuple[list[Agreement], Question]:
    """More shots from the same place, by the same paths, and what is left; times follow from single arrivals."""
    picks = question.picks
    delays = travel_s(first.source[None], question.array)[0] + first.detours_s
    heard = np.isfinite(first.arrivals_s)
    least = max(ROUND_SENSORS, round(ROUND_SHARE * heard.sum()))
    sigmas = np.where(heard, REPEAT_SIGMA_S, PATH_SIGMA_S)
    needed = ROUND_NATS + (credible_nats(question) - CREDIBLE_NATS) / 2
    found: list[Agreement] = []
    while len(found) < SHOTS_MAX:
        times = _crowded((picks.times_s - delays[picks.sensors])[question.left & heard[picks.sensors]], least)
        if not len(times):
            break
        seeds = np.column_stack([np.broadcast_to(first.source[:2], (len(times), 2)), times])
        repeats = replace(question, detours_s=first.detours_s, path_sigmas_s=sigmas)
        best = _repeated(repeats, seeds, delays)
        if moving:
            own = _moved(question, best.source[None] if best.nats >= needed else seeds)
            best = max(best, own, key=lambda one: one.nats)
        if best.nats < needed or heard[picks.sensors[best.members]].sum() < least:
            break
        found.append(replace(best, origin_m=first.source[:2]))
        question = _after(question, _shot(found[-1], question))
    return found, question


def _repeated(question: Question, seeds: Floats, delays: Floats) -> Agreement:
    """The likeliest of these moments, fired from where the first was."""
    nats, members = weigh(question, seeds)
    best = int(np.argmax(nats))
    kept = members[best][members[best] >= 0]
    time = np.median(question.picks.times_s[kept] - delays[question.picks.sensors[kept]]) if len(kept) else 0.0
    return Agreement(np.append(seeds[best, :2], time), kept, float(nats[best]))


def _moved(question: Question, seeds: Floats) -> Agreement:
    """The likeliest of these moments, fired from where its own arrivals have it: the shooter moved."""
    rough = weigh(question, seeds, ROUGH_SCALE)[0]
    seeds = seeds[np.argsort(-rough, kind="stable")[:MOVES_REFINED]]
    sources = _fitted(question, seeds)
    nats, members = weigh(question, sources)
    off = np.abs(sources - seeds) / np.array([1.0, 1.0, 1 / SPEED_M_S])
    nats = np.where((off.max(axis=1) <= MOVED_M) & ((members >= 0).sum(axis=1) >= 3), nats - MOVED_NATS, -np.inf)
    best = int(np.argmax(nats))
    return Agreement(sources[best], members[best][members[best] >= 0], float(nats[best]))


def _crowded(times_s: Floats, least: int) -> Floats:
    """Those times that have at least `least`, themselves among them, within the sigma of repeats on either side."""
    ordered = np.sort(times_s)
    before = np.searchsorted(ordered, ordered - GATE_SIGMAS * REPEAT_SIGMA_S)
    after = np.searchsorted(ordered, ordered + GATE_SIGMAS * REPEAT_SIGMA_S, side="right")
    return ordered[after - before >= least]


def _candidates(question: Question, seeds: Floats) -> list[Agreement]:
    """The most credible places and times, found from the seeds by fitting each to the arrivals it takes."""
    if not len(seeds) or question.left.sum() < 3:
        return []
    rough = weigh_roughly(question, seeds)
    if rough.max() < HOPELESS_NATS:
        return []
    chosen = seeds[np.argsort(-rough, kind="stable")[:SEEDS_REFINED]]
    chosen = _fitted(question, chosen)
    nats, members = weigh(question, chosen)
    order = [int(at) for at in np.argsort(-nats, kind="stable")]
    found = [Agreement(chosen[at], members[at][members[at] >= 0], float(nats[at])) for at in order]
    return _unlike([one for one in found if one.nats >= ROUND_NATS and len(one.members) >= 3])


def _fitted(question: Question, seeds: Floats) -> Floats:
    for scale, widenings in FITTINGS:
        _, members = weigh(question, seeds, scale)
        seeds = _refined(question, seeds, members, widenings)
    return seeds


def _unlike(agreements: Iterable[Agreement]) -> list[Agreement]:
    """Without those that rest on the same arrivals as one before."""
    return list({one.members.tobytes(): one for one in reversed(list(agreements))}.values())[::-1][:BURSTS_TRIED]


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
