"""Places and times worth asking about: where three neighbouring sensors agree."""

from __future__ import annotations

import numpy as np

from dhishoom.core.fitting import first_of_each
from dhishoom.core.multilateration import places_of_triples
from dhishoom.core.propagation import Floats
from dhishoom.core.prospects import Prospects, prospects_of, weigh_roughly
from dhishoom.core.sensor_array import SensorArray
from dhishoom.core.weighing import HEARD_RANGES_M, Indices, Picks, Question

TRIPLES_PER_PICK = 32
SEEDS_MAX = 64
SLACK_S = 0.05
"""Detours may make two arrivals differ by more than the straight way between the sensors, by this."""
ALIKE_M = 30.0
ALIKE_S = 0.1


def fresh_seeds(fresh: Indices, picks: Picks, array: SensorArray) -> Floats:
    """Places and times [k, 3] from which sound reached three neighbours, the last of the three being one of `fresh`."""
    rows = np.concatenate([np.zeros((0, 3), np.intp), *(_earlier_pairs(int(one), picks, array) for one in fresh)])
    places = array.places_m[picks.sensors[rows]][..., :2]
    roots = places_of_triples(places, picks.times_s[rows] * array.air.speed_m_s)[:, :3]
    roots = roots / np.array([1.0, 1.0, array.air.speed_m_s])
    middle = array.places_m[:, :2].mean(axis=0)
    reach = np.linalg.norm(array.places_m[:, :2] - middle, axis=1).max(initial=0.0) + HEARD_RANGES_M[1]
    near: Floats = roots[np.linalg.norm(roots[:, :2] - middle, axis=1) < reach]
    return near


def best_prospects(seeds: Floats, question: Question) -> Prospects:
    """The few that the picks speak for, no two of them alike, the best first."""
    prospects = prospects_of(seeds, question)
    order = np.argsort(-weigh_roughly(question, prospects), kind="stable")
    cells = np.floor(seeds[order] / np.array([ALIKE_M, ALIKE_M, ALIKE_S])).astype(np.int64)
    return prospects.only(order[first_of_each(cells)[:SEEDS_MAX]])


def _earlier_pairs(last: int, picks: Picks, array: SensorArray) -> Indices:
    """Rows [m, 3] of picks: two earlier ones at two neighbours of the last one's sensor, and the last."""
    sensor = picks.sensors[last]
    lag = picks.times_s[last] - picks.times_s
    possible = (lag >= 0) & (lag <= array.passes_s[sensor, picks.sensors] + SLACK_S)
    others = np.flatnonzero(possible & array.is_neighbour[sensor, picks.sensors])
    left, right = np.triu_indices(len(others), 1)
    left, right = others[left], others[right]
    first, second = picks.sensors[left], picks.sensors[right]
    gap = np.abs(picks.times_s[left] - picks.times_s[right])
    kept = np.flatnonzero((first != second) & (gap <= array.passes_s[first, second] + SLACK_S))
    far = array.passes_s[sensor, first[kept]] + array.passes_s[sensor, second[kept]]
    kept = kept[np.argsort(far, kind="stable")[:TRIPLES_PER_PICK]]
    return np.column_stack([left[kept], right[kept], np.full(len(kept), last)])
