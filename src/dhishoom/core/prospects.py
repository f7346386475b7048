"""Places and times worth a look, weighed roughly: hundreds at once, and again once a shot has taken its arrivals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dhishoom.core.propagation import Floats
from dhishoom.core.weighing import (
    HEARD_RANGES_M,
    ROUGH_SCALE,
    Bools,
    Indices,
    Picks,
    Question,
    due_of,
    peaks_of,
    sigmas_of,
    tail_of,
)

STEP_S = 0.02
STEPS = 7


@dataclass(frozen=True, slots=True, eq=False)
class Prospects:
    """What every sensor should have heard of each place and time.

    Attributes:
        sources: [k, 3].
        columns: [k, n], in which step of time each sensor is due to hear it.
        chance: [k, n], how likely it tells of it, in nats.
        silent: [k, n], what its silence weighs.
    """

    sources: Floats
    columns: Indices
    chance: Floats
    silent: Floats

    def only(self, which: Indices | Bools) -> Prospects:
        """Some of them, in this order."""
        return Prospects(self.sources[which], self.columns[which], self.chance[which], self.silent[which])


def prospects_of(sources: Floats, question: Question) -> Prospects:
    """All that does not depend on which picks are left."""
    due, chance, silent = due_of(question, sources, HEARD_RANGES_M[1:2])
    columns = np.rint((due - _zero_s(question.picks)) / STEP_S)
    return Prospects(sources, np.clip(columns, 0, _width(question.picks) - 1).astype(np.intp), chance[0], silent[0])


def weigh_roughly(question: Question, prospects: Prospects) -> Floats:
    """Nats of each, [k], by a table of what each sensor says of each moment, and one range of hearing."""
    told = _table(question)[np.arange(question.array.count), prospects.columns]
    nats: Floats = np.maximum(told + prospects.chance, prospects.silent).sum(axis=1)
    return nats


def _zero_s(picks: Picks) -> float:
    return float(picks.times_s.min()) - (STEPS + 1) * STEP_S


def _width(picks: Picks) -> int:
    return round((float(picks.times_s.max()) - _zero_s(picks)) / STEP_S) + STEPS + 2


def _table(question: Question) -> Floats:
    """What the sensors say of each moment, [n, steps]; -inf where they heard nothing near."""
    at = np.flatnonzero(question.left)
    times, sigmas, zero = question.picks.times_s[at], sigmas_of(question, at) * ROUGH_SCALE, _zero_s(question.picks)
    columns = np.rint((times - zero) / STEP_S).astype(np.intp)[:, None] + np.arange(-STEPS, STEPS + 1)
    ratios = (zero + columns * STEP_S - times[:, None]) / sigmas[:, None]
    gains = peaks_of(question, at, sigmas)[:, None] - tail_of(ratios)
    table = np.full((question.array.count, _width(question.picks)), -np.inf)
    rows = np.broadcast_to(question.picks.sensors[at][:, None], columns.shape)
    np.maximum.at(table, (rows, columns), gains)
    return table
