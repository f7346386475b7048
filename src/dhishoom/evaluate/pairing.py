"""How a second look is put together with a first model: from what both said, alone, of the same recordings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, logit

from dhishoom.detectors.cards import read_card, write_card
from dhishoom.detectors.second_look import Terms
from dhishoom.errors import UsageError
from dhishoom.evaluate.hearing import Answer
from dhishoom.evaluate.ranking import threshold_for
from dhishoom.evaluate.recordings import FIREWORK
from dhishoom.nouns import ModelCard

ASKED_SHARE = 0.3
"""Share of other sound's clips that the second model may be asked about; of a quiet street it is far less."""
ALERT_PER_HOUR, POSSIBLE_PER_HOUR = 1.0, 10.0
GRID = np.array([0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.999])
EDGE = 1e-4

Floats = NDArray[np.float64]


def terms_for(first: Sequence[Answer], second: Sequence[Answer], card: ModelCard) -> Terms:
    """Terms for the pair, from answers on the same clips in the same order.

    The second is asked where the first scores above seven tenths of other sound; what it says is calibrated on the
    clips it would be asked about (Platt 1999), and both thresholds are chosen anew for the pair.
    """
    clips = [index for index, one in enumerate(first) if one.recording.is_gunfire or one.recording.is_negative]
    ours, theirs = (np.array([answers[index].score for index in clips]) for answers in (first, second))
    gunfire = np.array([first[index].recording.is_gunfire for index in clips])
    if not gunfire.any() or gunfire.all():
        raise UsageError("a second look needs clips of gunfire and of other sound to be measured on.")
    ask = float(np.quantile(ours[~gunfire], 1 - ASKED_SHARE))
    asked = ours >= ask
    meant = _platt(theirs[asked], gunfire[asked])
    pair = np.where(asked, np.maximum(ours, np.interp(theirs, GRID, meant)), ours)
    quiet = np.array(
        [not first[index].recording.is_gunfire and first[index].recording.label != FIREWORK for index in clips]
    )
    durations_s = np.array([first[index].duration_s for index in clips])
    alert, possible = (
        threshold_for(pair[quiet], durations_s[quiet], rate) for rate in (ALERT_PER_HOUR, POSSIBLE_PER_HOUR)
    )
    return Terms(
        ask=_raw(ask, card),
        calibration=tuple(zip(GRID.tolist(), meant.tolist(), strict=True)),
        alert=min(alert, 1.0),
        possible=min(possible, alert, 1.0),
    )


def write_terms(cards: Sequence[Path], second: str, terms: Terms) -> None:
    """Put the terms on cards, as `second_look` in their rest; a card that has such terms gets new ones."""
    for path in cards:
        card = read_card(path)
        about: dict[str, Any] = dict(card.card or {})
        about["second_look"] = dict(about.get("second_look", {})) | {second: msgspec.to_builtins(terms)}
        write_card(replace(card, card=about), path)


def _platt(scores: Floats, labels: NDArray[np.bool_]) -> Floats:
    """Probability of gunfire at each point of the grid, rising, by two numbers on the log-odds of the score."""
    raw = logit(np.clip(scores, EDGE, 1 - EDGE))
    positive, negative = labels.sum(), (~labels).sum()
    target = np.where(labels, (positive + 1) / (positive + 2), 1 / (negative + 2))

    def loss(numbers: Floats) -> float:
        odds = np.exp(numbers[0]) * raw + numbers[1]
        return float(np.mean(np.logaddexp(0.0, odds) - target * odds))

    slope, offset = minimize(loss, np.zeros(2), method="BFGS").x
    return np.asarray(expit(np.exp(slope) * logit(np.clip(GRID, EDGE, 1 - EDGE)) + offset))


def _raw(probability: float, card: ModelCard) -> float:
    """The raw score that the first model's calibration makes this probability."""
    if not card.calibration:
        return probability
    raw, meant = np.array(card.calibration, np.float64).T
    return float(np.interp(probability, meant, raw))
