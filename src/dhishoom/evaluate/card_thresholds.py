"""The two thresholds of a card, from what the product itself heard of other sound."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dhishoom.detectors.cards import ALERT_PER_HOUR, POSSIBLE_PER_HOUR, read_card, write_card
from dhishoom.errors import UsageError
from dhishoom.evaluate.clip_tables import scores_of, without_fireworks
from dhishoom.evaluate.hearing import Answer
from dhishoom.evaluate.ranking import threshold_for

ROUNDING = 2e-5
"""Added to thresholds: a detector's scores have fewer digits than these, and the clip that must stay below must not
reach them by rounding."""


def alert_and_possible(scores: NDArray[np.float64], durations_s: NDArray[np.float64]) -> tuple[float, float]:
    """The least thresholds at which no more clips of other sound an hour are false, of their scores [n]."""
    alert, possible = (
        min(1.0, threshold_for(scores, durations_s, rate) + ROUNDING) for rate in (ALERT_PER_HOUR, POSSIBLE_PER_HOUR)
    )
    return alert, min(possible, alert)


def of_answers(answers: Sequence[Answer]) -> tuple[float, float]:
    """`alert` and `possible` by the clips that a model had not learnt from. Raises UsageError where there are none."""
    other = without_fireworks([one for one in answers if one.recording.is_negative and one.standing != "trained on"])
    if not other:
        raise UsageError("thresholds are set by clips of other sound that are new to the model; give a MANIFEST.csv.")
    return alert_and_possible(scores_of(other), np.array([one.duration_s for one in other]))


def write_thresholds(cards: Iterable[Path], alert: float, possible: float) -> None:
    """Put both on every card."""
    for path in cards:
        write_card(replace(read_card(path), alert=alert, possible=possible), path)
