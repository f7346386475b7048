"""The thresholds of a card: as many false clips an hour as they promise, by sound that is new to the model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from dhishoom.detectors.cards import read_card, write_card
from dhishoom.detectors.energy import CARD
from dhishoom.errors import UsageError
from dhishoom.evaluate.card_thresholds import of_answers, write_thresholds
from dhishoom.evaluate.hearing import Answer
from dhishoom.evaluate.recordings import Recording

if TYPE_CHECKING:
    from dhishoom.evaluate.hearing import Standing


def _answers(scores: list[float], label: str, standing: Standing = "held out") -> list[Answer]:
    recording = Recording(key=label, path=Path(), source="x", group="g", label=label, train_ok="yes")
    return [
        Answer(
            recording=recording, standing=standing, duration_s=36.0, sounding_s=36.0, score=score, heard="", events=()
        )
        for score in scores
    ]  # fmt: skip


def test_no_more_clips_an_hour_are_false_than_promised() -> None:
    """Two hours of rain: two clips reach `alert`, twenty `possible`."""
    scores = np.linspace(0.0, 0.995, 200)

    alert, possible = of_answers(_answers(scores.tolist(), "rain"))

    assert (scores >= alert).sum() == 2
    assert (scores >= possible).sum() == 20


def test_what_was_learnt_and_fireworks_set_no_threshold() -> None:
    """However loud they are: the one says nothing of the next hour, the other is counted apart."""
    rain = _answers([0.1, 0.2, 0.3] * 50, "rain")
    louder = _answers([0.9] * 50, "firework") + _answers([0.9] * 50, "rain", "trained on") + _answers([0.9], "gunshot")

    assert of_answers(rain + louder) == pytest.approx(of_answers(rain))


def test_nothing_new_sets_no_threshold() -> None:
    """Shots alone, or what the model learnt, would let everything be an alert."""
    with pytest.raises(UsageError, match="new to the model"):
        of_answers(_answers([0.9], "gunshot") + _answers([0.2], "rain", "trained on"))


def test_thresholds_go_on_every_card(tmp_path: Path) -> None:
    """The shipped one's and those of its recipe; what else they say stays."""
    files = [tmp_path / "a.json", tmp_path / "b.json"]
    for file in files:
        write_card(replace(CARD, card={"limits": "none"}), file)

    write_thresholds(files, 0.9, 0.7)

    cards = [read_card(file) for file in files]
    assert [(one.alert, one.possible) for one in cards] == [(0.9, 0.7)] * 2
    assert all((one.card or {})["limits"] == "none" for one in cards)
