"""How a second look is put together with a first model: learnt from what both said of the same instants."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from dhishoom.detectors.cards import read_card, write_card
from dhishoom.detectors.platt import platt
from dhishoom.detectors.second_look import Judge, Terms, log_odds
from dhishoom.errors import UsageError
from dhishoom.evaluate.card_thresholds import alert_and_possible
from dhishoom.evaluate.doubts import Doubt, Length
from dhishoom.evaluate.judges import judge_of, own_and_guns
from dhishoom.evaluate.recordings import FIREWORK, Recording
from dhishoom.nouns import ModelCard

ASKED_SHARE = 0.5
"""Share of other sound's clips that the second model may be asked about; of a quiet street it is far less."""
GRID = np.array([0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.999, 1.0])
TAIL = 10
"""False clips from which on their number is an exponential of the score, as counts get too small to tell."""
NEVER = -20.0

Floats = NDArray[np.float64]


def terms_by_fold(
    doubts: Sequence[Doubt],
    clips: Sequence[Length],
    left_out: Sequence[Callable[[Recording], bool]],
) -> list[Terms]:
    """Terms of a model, and of each of the networks of its recipe that left recordings out.

    Args:
        doubts: By a network that had not learnt from the recording, wherever there is one.
        clips: Every clip, for false alarms an hour.
        left_out: By network, what it never saw; its judge does not learn from that either.

    The scale is one for all: each judge gives its verdict on what it never learnt from, the second's gun score lifts to
    the verdict that as many false clips reach, and Platt's two numbers (1999) make probabilities of it.
    """
    known = [one for one in doubts if one.is_shot is not None]
    may_teach = [one for one in known if one.recording.train_ok != "validate"]
    if not any(one.is_shot for one in may_teach) or all(one.is_shot for one in may_teach):
        raise UsageError("a second look is learnt from recordings of gunfire and of other sound; give both.")
    ask = _asked_from(known, clips)
    may_teach = [one for one in may_teach if one.own >= ask]
    judges = [judge_of(may_teach)]
    judges += [judge_of([one for one in may_teach if not out(one.recording)]) for out in left_out]
    asked = [one for one in doubts if one.own >= ask]
    whose = [next((at for at, out in enumerate(left_out, 1) if out(one.recording)), 0) for one in asked]
    own, guns = own_and_guns(asked)
    verdicts = np.choose(whose, [one.verdict(own, guns) for one in judges])
    return _on_one_scale(judges, ask, _Told(asked, verdicts, guns), clips)


@dataclass(frozen=True, slots=True)
class _Told:
    """Of every doubt that was asked about: the judge's verdict and the second's gun score [n]."""

    doubts: Sequence[Doubt]
    verdicts: Floats
    gun_scores: Floats

    def by_clip(self, clips: Sequence[Length], values: Floats) -> Floats:
        """The largest value of each clip [clips]; `NEVER` where nobody asked."""
        place = {one.recording.key: index for index, one in enumerate(clips)}
        largest = np.full(len(clips), NEVER)
        inside = [(place[one.recording.key], value) for one, value in zip(self.doubts, values, strict=True)
                  if one.recording.key in place]  # fmt: skip
        for index, value in inside:
            largest[index] = max(largest[index], value)
        return largest


def _asked_from(doubts: Sequence[Doubt], clips: Sequence[Length]) -> float:
    loudest = dict.fromkeys((one.recording.key for one in clips if one.recording.is_negative), 0.0)
    for one in doubts:
        if one.recording.key in loudest:
            loudest[one.recording.key] = max(loudest[one.recording.key], one.own)
    return float(np.quantile(np.array(list(loudest.values())), 1 - ASKED_SHARE))


def _on_one_scale(judges: Sequence[Judge], ask: float, told: _Told, clips: Sequence[Length]) -> list[Terms]:
    """Lift, probabilities and thresholds, from verdicts on what no judge had learnt from."""
    counted = np.array([one.recording.is_gunfire or one.recording.is_negative for one in clips])
    other = np.array([one.recording.is_negative and one.recording.label != FIREWORK for one in clips])
    gunfire = np.array([one.recording.is_gunfire for one in clips])
    lifted_to = _as_often(
        log_odds(GRID), told.by_clip(clips, log_odds(told.gun_scores))[other], told.by_clip(clips, told.verdicts)[other]
    )
    lift = np.interp(log_odds(told.gun_scores), log_odds(GRID), lifted_to)
    doubt = told.by_clip(clips, np.maximum(told.verdicts, lift))
    asked = counted & (doubt > NEVER)
    slope, offset = platt(doubt[asked], gunfire[asked])
    probabilities = expit(slope * lifted_to + offset)
    lifted = np.interp(told.gun_scores, GRID, probabilities)
    stated = np.maximum(told.by_clip(clips, np.maximum(expit(slope * told.verdicts + offset), lifted)), 0.0)
    durations_s = np.array([one.duration_s for one in clips])
    alert, possible = alert_and_possible(stated[other], durations_s[other])
    pairs = tuple((float(x), round(float(y), 6)) for x, y in zip(GRID, probabilities, strict=True))
    return [
        Terms(ask=ask, judge=one.scaled(slope, offset), lift=pairs, alert=alert, possible=possible) for one in judges
    ]


def _as_often(scores: Floats, theirs: Floats, ours: Floats) -> Floats:
    """For each of `scores`: the verdict that as many of our false clips reach as of theirs reach that score.

    Beyond the `TAIL` worst clips both are taken for exponential, since single clips decide nothing there.
    """
    tail = min(TAIL, (theirs > NEVER).sum() // 2)
    mine, other = (np.sort(values[values > NEVER])[::-1] for values in (ours, theirs))
    if tail < 2:
        return np.full(len(scores), NEVER)
    their_scale, our_scale = (max(1e-6, float(np.mean(values[:tail] - values[tail]))) for values in (other, mine))
    beyond = mine[tail] + our_scale * (scores - other[tail]) / their_scale
    rank = np.searchsorted(-other, -scores)
    within = mine[np.minimum(rank, len(mine) - 1)]
    lifted = np.where(scores > other[tail], beyond, np.where(rank < len(mine), within, NEVER))
    return np.asarray(np.maximum.accumulate(lifted))


def write_terms(cards: Mapping[Path, Terms], second: str) -> None:
    """Put the terms on cards, as `second_look` in their rest; a card that has such terms gets new ones."""
    for path, terms in cards.items():
        card: ModelCard = read_card(path)
        about: dict[str, Any] = dict(card.card or {})
        about["second_look"] = dict(about.get("second_look", {})) | {second: msgspec.to_builtins(terms)}
        write_card(replace(card, card=about), path)
