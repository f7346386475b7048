"""Which arrivals belong together: places and times that many sensors agree on, the best first.

The best hypothesis takes its arrivals, its echoes are told from news, its further rounds are looked for along the same
paths, and the rest of the picks are asked again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from dhishoom.core.agreement import DOUBLE_S, ECHO_S, Agreement, PlacedShot, after, fitted, shot_of
from dhishoom.core.bursts import ROUND_NATS, SHOTS_MAX, all_rounds, burst_of
from dhishoom.core.prospects import Prospects, weigh_roughly
from dhishoom.core.weighing import Question, weigh

RIVAL_NATS = 6.0
"""So much more for a second place within seconds: two shooters at once are rarer than echoes."""
SEEDS_REFINED = 16
BURSTS_TRIED, BEHIND_NATS = 6, 15.0
"""So many places are judged by all their rounds, if no farther behind the best by one."""
HOPELESS_NATS = 6.0
"""A seed that roughly weighs less than this is not worth fitting."""


def agreements(question: Question, prospects: Prospects, known: Iterable[PlacedShot] = ()) -> list[Agreement]:
    """Explain the picks by shots from as few places as are credible, the most credible place first.

    A place is judged by all its rounds together: a place that only seems to agree, because it takes one round's arrival
    here for another's there, does so for fewer rounds than the true one.

    Args:
        prospects: Places and times to consider.
        known: Shots already settled, whose echoes and further rounds may be among the picks.
    """
    shots = list(known)
    for shot in shots:
        question = after(question, shot)
    found, question = all_rounds(question, shots)
    while len(found) < SHOTS_MAX:
        needed = question.credible_nats + RIVAL_NATS * bool(shots or found)
        bursts = [burst_of(one, question) for one in _candidates(question, prospects)]
        best = max(bursts, key=lambda burst: _margin(burst, needed, question), default=None)
        margin = _margin(best, needed, question) if best else -1.0
        if best is None or margin < 0:
            break
        shot = shot_of(best[0], question)
        more, question = all_rounds(after(question, shot), [shot])
        found += [replace(one, margin=margin) for one in (best[0], *more)]
    return found


def _margin(burst: Sequence[Agreement], needed: float, question: Question) -> float:
    """By how much it is likelier than chance allows, each further round being as unlikely beforehand as any is."""
    nats = sum(one.nats for one in burst) - sum(_echo_nats(at, burst, question) for at in range(len(burst)))
    return nats - needed - ROUND_NATS * (len(burst) - 1)


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
