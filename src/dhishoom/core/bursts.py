"""Further rounds of a shot: from the same place by the same paths, or from near it; the likeliest first."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from dhishoom.core.agreement import CREDIBLE_NATS, Agreement, PlacedShot, after, fitted, shot_of
from dhishoom.core.propagation import Floats
from dhishoom.core.weighing import GATE_SIGMAS, PATH_SIGMA_S, ROUGH_SCALE, Question, weigh

ROUND_NATS = 7.0
"""How much likelier than stray sounds one more round from where a shot was just heard must be; chances count half."""
ROUND_CHANCES = 3.0
"""Nats for chances that a round need not bring: what is free is its time alone."""
ROUND_SENSORS = 2
ROUND_SHARE = 0.34
"""A round is heard by two sensors and by this share of those that heard the first."""
REPEAT_SIGMA_S = 0.004
"""The next round from one place comes by the same detours, to this."""
APART_M = 3.0
"""Rounds closer together are fired from one place."""
MOVED_M, SPEED_M_S = 60.0, 340.0
"""A shooter moves no farther within a burst."""
MOVED_NATS = 4.0
"""What it costs to be free to have moved: as many nats as e-folds of places within that, each as wide as a fit."""
MOVES_REFINED, MOMENTS_TRIED = 4, 8
SHOTS_MAX = 64


def burst_of(first: Agreement, question: Question) -> list[Agreement]:
    """A shot and its further rounds from where it was."""
    shot = shot_of(first, question)
    question, found = after(question, shot), [first]
    while len(found) <= SHOTS_MAX and len(moments := _moments(question, shot)):
        best = _repeated(_by_its_paths(question, shot), moments)
        if not _is_round(best, question, shot):
            break
        found.append(best)
        question = after(question, shot_of(best, question))
    return found


@dataclass(frozen=True, slots=True, eq=False)
class _Next:
    """The likeliest round to follow one, and where the first of them all was fired, [2]."""

    round: Agreement
    before: PlacedShot
    origin_m: Floats


def all_rounds(question: Question, shots: Iterable[PlacedShot]) -> tuple[list[Agreement], Question]:
    """Further rounds from where these were fired, and from where the shooter was then; and what is left.

    The likeliest comes first, whichever round it follows: a shooter on the move is nearer to where the round before was
    fired than to where the first was.
    """
    found, asked, nexts = list[Agreement](), list[PlacedShot](), list[_Next]()
    for shot in shots:
        nexts += _from_elsewhere(shot, asked, shot.source[:2], question)
    while nexts and len(found) < SHOTS_MAX:
        best = max(nexts, key=lambda one: one.round.nats)
        nexts.remove(best)
        if question.left[best.round.members].all():
            found.append(replace(best.round, origin_m=best.origin_m))
            shot = shot_of(best.round, question)
            question = after(question, shot)
            nexts += _from_elsewhere(shot, asked, best.origin_m, question)
        nexts += _next(best.before, best.origin_m, question)
    return found, question


def _from_elsewhere(shot: PlacedShot, asked: list[PlacedShot], origin_m: Floats, question: Question) -> list[_Next]:
    """What may follow a shot, unless as much was asked of one from there that as many heard."""
    for one in asked:
        if np.hypot(*(one.source - shot.source)[:2]) < APART_M and one.heard.sum() >= shot.heard.sum():
            return []
    asked.append(shot)
    return _next(shot, origin_m, question)


def _next(before: PlacedShot, origin_m: Floats, question: Question) -> list[_Next]:
    """The round likeliest to follow one, if any is credible."""
    best = _next_round(question, before)
    return [] if best is None else [_Next(best, before, origin_m)]


def _next_round(question: Question, before: PlacedShot) -> Agreement | None:
    """The likeliest round after one, from where that was or near it; None if none is credible."""
    moments = _moments(question, before)
    if not len(moments):
        return None
    along = _by_its_paths(question, before)
    same = _repeated(along, moments)
    moved = _moved(along, same.source[None] if same.nats >= _round_nats(question) else moments)
    best = max(same, moved, key=lambda one: one.nats)
    return best if _is_round(best, question, before) else None


def _moments(question: Question, before: PlacedShot) -> Floats:
    """When further rounds may have been fired from where one was, times following from single arrivals; [k, 3]."""
    picks = question.picks
    delays = question.array.travel_s(before.source[None])[0] + before.detours_s
    times = _crowded(
        (picks.times_s - delays[picks.sensors])[question.left & before.heard[picks.sensors]], _least(before)
    )
    return np.column_stack([np.broadcast_to(before.source[:2], (len(times), 2)), times])


def _least(before: PlacedShot) -> int:
    """How many of those that heard a shot must hear a further round."""
    return max(ROUND_SENSORS, round(ROUND_SHARE * int(before.heard.sum())))


def _round_nats(question: Question) -> float:
    return ROUND_NATS + max((question.credible_nats - CREDIBLE_NATS) / 2 - ROUND_CHANCES, 0.0)


def _is_round(one: Agreement, question: Question, before: PlacedShot) -> bool:
    """Whether it is credible that a further round was heard."""
    also = before.heard[question.picks.sensors[one.members]]
    return one.nats >= _round_nats(question) and also.sum() >= _least(before)


def _by_its_paths(question: Question, before: PlacedShot) -> Question:
    """The same question of a sound that comes by the detours of a shot before."""
    sigmas = np.where(before.heard, REPEAT_SIGMA_S, PATH_SIGMA_S)
    return replace(question, detours_s=before.detours_s, path_sigmas_s=sigmas)


def _repeated(question: Question, moments: Floats) -> Agreement:
    """The likeliest of these moments, all fired from one place: the shooter stayed."""
    nats, members = weigh(question, moments)
    best = int(np.argmax(nats))
    kept = members[best][members[best] >= 0]
    delays = question.array.travel_s(moments[[best]])[0] + question.detours_s
    late = question.picks.times_s[kept] - delays[question.picks.sensors[kept]]
    time = np.median(late) if len(kept) else 0.0
    return Agreement(np.append(moments[best, :2], time), kept, float(nats[best]))


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
    low = np.searchsorted(ordered, ordered - GATE_SIGMAS * REPEAT_SIGMA_S)
    high = np.searchsorted(ordered, ordered + GATE_SIGMAS * REPEAT_SIGMA_S, side="right")
    beside = high - low
    most = np.argsort(-beside, kind="stable")[:MOMENTS_TRIED]
    return ordered[most[beside[most] >= least]]
