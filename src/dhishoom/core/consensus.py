"""Which arrivals belong together: places and times that many sensors agree on, the best first.

The best hypothesis takes its arrivals, its echoes are told from news, its further rounds are looked for along the same
paths, and the rest of the picks are asked again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from dhishoom.core.agreement import (
    CREDIBLE_NATS,
    DOUBLE_S,
    ECHO_S,
    Agreement,
    PlacedShot,
    after,
    fitted,
    shot_of,
)
from dhishoom.core.propagation import Floats
from dhishoom.core.prospects import Prospects, weigh_roughly
from dhishoom.core.weighing import (
    GATE_SIGMAS,
    PATH_SIGMA_S,
    ROUGH_SCALE,
    Question,
    weigh,
)

RIVAL_NATS = 6.0
"""So much more for a second place within seconds: two shooters at once are rarer than echoes."""
ROUND_NATS = 7.0
"""The same for one more round from where a shot was just heard, and half as much more for chances."""
ROUND_CHANCES = 3.0
"""Nats for chances that a round need not bring: what is free is its time alone."""
ROUND_SENSORS = 2
ROUND_SHARE = 0.34
"""A round is heard by two sensors and by this share of those that heard the first."""
REPEAT_SIGMA_S = 0.004
"""The next round from one place comes by the same detours, to this."""
MOVED_M, SPEED_M_S = 60.0, 340.0
"""A shooter moves no farther within a burst."""
MOVED_NATS = 4.0
"""What it costs to be free to have moved: as many nats as e-folds of places within that, each as wide as a fit."""
SEEDS_REFINED, MOVES_REFINED, MOMENTS_TRIED = 16, 4, 8
BURSTS_TRIED, BEHIND_NATS = 6, 15.0
"""So many places are judged by all their rounds, if no farther behind the best by one."""
HOPELESS_NATS = 6.0
"""A seed that roughly weighs less than this is not worth fitting."""
SHOTS_MAX = 64


def agreements(question: Question, prospects: Prospects, known: Iterable[PlacedShot] = ()) -> list[Agreement]:
    """Explain the picks by shots from as few places as are credible, the most credible place first.

    A place is judged by all its rounds together: a place that only seems to agree, because it takes one round's arrival
    here for another's there, does so for fewer rounds than the true one.

    Args:
        prospects: Places and times to consider.
        known: Shots already settled, whose echoes and further rounds may be among the picks.
    """
    found: list[Agreement] = []
    shots = list(known)
    for shot in shots:
        question = after(question, shot)
    for shot in shots:
        more, question = _all_rounds(question, shot)
        found += more
    while len(found) < SHOTS_MAX:
        needed = question.credible_nats + RIVAL_NATS * bool(shots or found)
        bursts = [_burst(one, question) for one in _candidates(question, prospects)]
        best = max(bursts, key=lambda burst: _margin(burst, needed, question), default=None)
        margin = _margin(best, needed, question) if best else -1.0
        if best is None or margin < 0:
            break
        shot = shot_of(best[0], question)
        more, question = _all_rounds(after(question, shot), shot)
        found += [replace(one, margin=margin) for one in (best[0], *more)]
    return found


def _margin(burst: Sequence[Agreement], needed: float, question: Question) -> float:
    """By how much it is likelier than chance allows."""
    nats = sum(one.nats for one in burst) - sum(_echo_nats(at, burst, question) for at in range(len(burst)))
    return nats - needed


def _echo_nats(at: int, burst: Sequence[Agreement], question: Question) -> float:
    """What the arrivals of a round lose because a round found after it was fired before it: they may be its echoes.

    Without this a place would be the likelier the later the round is that it was first found by.
    """
    picks, mine = question.picks, burst[at].members
    earlier = np.zeros(len(mine), bool)
    for other in burst[at + 1 :]:
        heard = np.full(question.array.count, -np.inf)
        heard[picks.sensors[other.members]] = picks.times_s[other.members]
        since = picks.times_s[mine] - heard[picks.sensors[mine]]
        earlier |= (since > DOUBLE_S) & (since < ECHO_S)
    lost = np.log(np.maximum(question.echo_hz / question.stray_hz[mine], 1.0))
    return float(lost[earlier].sum())


def _burst(first: Agreement, question: Question) -> list[Agreement]:
    """A shot and its further rounds from where it was."""
    shot = shot_of(first, question)
    more, _ = _further_rounds(after(question, shot), shot, moving=False)
    return [first, *more]


def _all_rounds(question: Question, first: PlacedShot) -> tuple[list[Agreement], Question]:
    """Further rounds from where a shot was fired, and from where each of those was: the shooter may be on the move."""
    found, places = list[Agreement](), [first]
    while places:
        more, question = _further_rounds(question, places.pop(0))
        found += [replace(one, origin_m=first.source[:2]) for one in more]
        places += [shot_of(one, question) for one in more]
    return found, question


def _further_rounds(question: Question, first: PlacedShot, *, moving: bool = True) -> tuple[list[Agreement], Question]:
    """More shots from the same place, by the same paths, and what is left; times follow from single arrivals."""
    picks = question.picks
    delays = question.array.travel_s(first.source[None])[0] + first.detours_s
    heard = np.isfinite(first.arrivals_s)
    least = max(ROUND_SENSORS, round(ROUND_SHARE * heard.sum()))
    sigmas = np.where(heard, REPEAT_SIGMA_S, PATH_SIGMA_S)
    needed = ROUND_NATS + max((question.credible_nats - CREDIBLE_NATS) / 2 - ROUND_CHANCES, 0.0)
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
        found.append(best)
        question = after(question, shot_of(found[-1], question))
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
    if len(seeds) > MOVES_REFINED:
        rough = weigh(question, seeds, ROUGH_SCALE)[0]
        seeds = seeds[np.argsort(-rough, kind="stable")[:MOVES_REFINED]]
    sources = fitted(question, seeds)
    nats, members = weigh(question, sources)
    off = np.abs(sources - seeds) / np.array([1.0, 1.0, 1 / SPEED_M_S])
    nats = np.where((off.max(axis=1) <= MOVED_M) & ((members >= 0).sum(axis=1) >= 3), nats - MOVED_NATS, -np.inf)
    best = int(np.argmax(nats))
    return Agreement(sources[best], members[best][members[best] >= 0], float(nats[best]))


def _crowded(times_s: Floats, least: int) -> Floats:
    """Times with at least `least`, themselves among them, beside them as repeats may be; a few of those with most."""
    ordered = np.sort(times_s)
    before = np.searchsorted(ordered, ordered - GATE_SIGMAS * REPEAT_SIGMA_S)
    after = np.searchsorted(ordered, ordered + GATE_SIGMAS * REPEAT_SIGMA_S, side="right")
    beside = after - before
    most = np.argsort(-beside, kind="stable")[:MOMENTS_TRIED]
    return ordered[most[beside[most] >= least]]


def _candidates(question: Question, prospects: Prospects) -> list[Agreement]:
    """The most credible places and times, each fitted to the arrivals it takes."""
    if not len(prospects.sources) or question.left.sum() < 3:
        return []
    rough = weigh_roughly(question, prospects)
    if rough.max() < HOPELESS_NATS:
        return []
    chosen = prospects.sources[np.argsort(-rough, kind="stable")[:SEEDS_REFINED]]
    chosen = fitted(question, chosen)
    nats, members = weigh(question, chosen)
    order = [int(at) for at in np.argsort(-nats, kind="stable")]
    found = [Agreement(chosen[at], members[at][members[at] >= 0], float(nats[at])) for at in order]
    least = max(ROUND_NATS, found[0].nats - BEHIND_NATS)
    return _unlike([one for one in found if one.nats >= least and len(one.members) >= 3])


def _unlike(agreements: Iterable[Agreement]) -> list[Agreement]:
    """Without those that rest on the same arrivals as one before."""
    return list({one.members.tobytes(): one for one in reversed(list(agreements))}.values())[::-1][:BURSTS_TRIED]
