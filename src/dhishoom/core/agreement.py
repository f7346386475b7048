"""What sensors agree on, and what is left then: a shot takes its arrivals, and what follows may be its echoes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import logit

from dhishoom.core.fitting import Arrivals, refine
from dhishoom.core.propagation import Floats
from dhishoom.core.sensor_array import SensorArray
from dhishoom.core.weighing import PATH_SIGMA_S, ROUGH_SCALE, Bools, Indices, Picks, Question, weigh

STRAY_RATE_HZ = 0.05
STRAY_PRIOR_S = 10.0
"""Stray arrivals a second at a sensor before any were counted, worth so much listening."""
ECHO_S = 2.0
ECHO_FACTOR, ECHO_RATES_HZ = 3.0, (0.5, 2.0)
"""So long after a shot was heard its echoes are expected, so many times as often as anything is heard here, within
these: a picker tells of every echo, a model that knows gunfire of few."""
FAINT_DB, FAINT_NATS = 6.0, 1.4
"""A stray sound is e times rarer for every so many decibels above what is heard at the time, up to e to so much."""
DOUBT_NATS, SURE_NATS, SCORE_MIN = 3.0, 3.0, 1e-4
"""It is as much rarer as its odds of being gunfire, by its sound alone, are above what they are at the time, up to e to
so much; of what is nothing by itself, above e to so much: what is doubtful everywhere is not believed for want of
better."""
SHADOW_DB = 6.0
CREDIBLE_NATS = 12.0
"""How much likelier than stray sounds a burst must be where there is little else to be heard."""
CHANCES_QUIET, CHANCE_NATS = 5.0, 2.0
"""So much more for each further e-fold of chances to agree: triples of picks that could be of one sound."""
DOUBLE_S = 0.03
"""A second pick of one arrival follows within this."""
FITTINGS = ((ROUGH_SCALE, (8.0, 4.0, 4.0)), (1.0, (2.0, 1.0, 1.0)))
"""A place is fitted first to what is roughly due, then to what is due; with how forgiving rounds."""


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

    @property
    def heard(self) -> Bools:
        """Which sensors heard it, [n]."""
        return np.isfinite(self.arrivals_s)


def placed_shot(source: Floats, sensors: Indices, times_s: Floats, array: SensorArray) -> PlacedShot:
    """From its place and time, the sensors that heard it, and when."""
    arrivals = np.full(array.count, np.inf)
    arrivals[sensors] = times_s
    straight = source[2] + array.travel_s(source[None])[0]
    return PlacedShot(source, arrivals, np.where(np.isfinite(arrivals), arrivals - straight, 0.0))


def first_question(
    picks: Picks, explained: Bools, array: SensorArray, until_s: float, alone_min: float = 0.0
) -> Question:
    """All picks are asked about; stray sounds are as frequent at each sensor as those not explained so far.

    Args:
        explained: [p], which picks were a shot's when last asked about.
        alone_min: Of those that score less nobody would make anything, but that others were heard too.
    """
    strange = np.concatenate([picks.sensors[~explained], picks.stray.sensors])
    counts = np.bincount(strange, minlength=array.count)
    rates = (STRAY_RATE_HZ * STRAY_PRIOR_S + counts) / (STRAY_PRIOR_S + picks.stray.span_s)
    faint = np.clip((np.median(picks.levels_db) - picks.levels_db) / FAINT_DB, -FAINT_NATS, FAINT_NATS)
    stray = rates[picks.sensors] * np.exp(faint + _doubt(picks.scores, alone_min))
    echo_hz = float(np.clip(ECHO_FACTOR * np.median(rates[picks.sensors]), *ECHO_RATES_HZ))
    stray_hz: Floats = np.where(_shadowed(picks), np.maximum(stray, echo_hz), stray)
    return Question(
        picks=picks,
        left=np.ones(len(picks.times_s), bool),
        stray_hz=stray_hz,
        echo_hz=echo_hz,
        array=array,
        until_s=until_s,
        detours_s=np.zeros(array.count),
        path_sigmas_s=np.full(array.count, PATH_SIGMA_S),
        credible_nats=_credible_nats(picks, array),
    )


def _doubt(scores: Floats, alone_min: float) -> Floats:
    """How much likelier each is a stray sound than others are, in nats, [p]."""
    surety = logit(np.clip(scores, SCORE_MIN, 1 - SCORE_MIN))
    usual = float(np.median(surety))
    expected = np.where(scores < alone_min, max(usual, SURE_NATS), usual)
    doubt: Floats = np.clip(expected - surety, -DOUBT_NATS, DOUBT_NATS)
    return doubt


def _credible_nats(picks: Picks, array: SensorArray) -> float:
    """The more picks, the more of them agree by chance."""
    times = np.sort(np.concatenate([picks.times_s, picks.stray.times_s]))
    reach = float(array.passes_s.max(initial=0.0)) / 2
    beside = np.searchsorted(times, times + reach) - np.searchsorted(times, times - reach)
    chances = float(np.log1p((beside**2).sum() / 6))
    return CREDIBLE_NATS + CHANCE_NATS * max(chances - CHANCES_QUIET, 0.0)


def _shadowed(picks: Picks) -> Bools:
    """Picks that follow a much stronger one at the same sensor so soon that they may be its echoes."""
    shadowed = np.zeros(len(picks.times_s), bool)
    for back in range(1, len(picks.times_s)):  # picks are sorted by sensor, then time
        since = picks.times_s[back:] - picks.times_s[:-back]
        near = (picks.sensors[back:] == picks.sensors[:-back]) & (since < ECHO_S)
        if not near.any():
            break
        louder = picks.levels_db[:-back] > picks.levels_db[back:] + SHADOW_DB
        shadowed[back:] |= near & louder & (since > DOUBLE_S)
    return shadowed


def shot_of(agreement: Agreement, question: Question) -> PlacedShot:
    """The agreement as the sensors had it."""
    picks = question.picks
    return placed_shot(
        agreement.source, picks.sensors[agreement.members], picks.times_s[agreement.members], question.array
    )


def after(question: Question, shot: PlacedShot) -> Question:
    """The rest, once this shot has taken its arrivals and second picks of them; what follows may be its echoes."""
    since = question.picks.times_s - shot.arrivals_s[question.picks.sensors]
    echoes = (since > DOUBLE_S) & (since < ECHO_S)
    louder = np.where(echoes, np.maximum(question.stray_hz, question.echo_hz), question.stray_hz)
    return replace(question, left=question.left & ~(np.abs(since) <= DOUBLE_S), stray_hz=louder)


def fitted(question: Question, seeds: Floats) -> Floats:
    """Each seed fitted to the arrivals it takes."""
    for scale, widenings in FITTINGS:
        _, members = weigh(question, seeds, scale)
        seeds = _refined(question, seeds, members, widenings)
    return seeds


def _refined(question: Question, seeds: Floats, members: Indices, widenings: Sequence[float]) -> Floats:
    """Seeds fitted each to its own arrivals; one without three stays as it is."""
    picks, array = question.picks, question.array
    anywhere = np.flatnonzero((members >= 0).any(axis=0))
    members = members[:, anywhere]
    heard = members >= 0
    times = np.where(heard, picks.times_s[members] - question.detours_s[anywhere], 0.0)
    sigmas = np.where(heard, np.hypot(picks.sigmas_s[members], question.path_sigmas_s[anywhere]), np.inf)
    centre: Floats = np.append(array.places_m[:, :2].mean(axis=0), 0.0)
    local = Arrivals(array.places_m[anywhere] - centre, times, sigmas)
    fits = refine(seeds - centre, np.ones(len(seeds)), local, array.height_m, array.air, widenings)
    good = (heard.sum(axis=1) >= 3) & np.isfinite(fits.sources).all(axis=1)
    return np.where(good[:, None], fits.sources + centre, seeds)
