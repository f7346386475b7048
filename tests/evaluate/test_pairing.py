"""A second look is measured: asked seldom, and alerting no more often than the first model alone may."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dhishoom.detectors.cards import read_card, write_card
from dhishoom.detectors.energy import CARD
from dhishoom.detectors.second_look import terms_of
from dhishoom.errors import UsageError
from dhishoom.evaluate.hearing import Answer
from dhishoom.evaluate.pairing import ASKED_SHARE, terms_for, write_terms
from dhishoom.evaluate.recordings import Recording


def _answers(scores: np.ndarray, gunfire: np.ndarray) -> list[Answer]:
    return [
        Answer(
            recording=Recording(
                key=str(index), path=Path(), source="s", group=str(index), label="gunshot" if shot else "rain"
            ),
            standing="held out", duration_s=36.0, sounding_s=36.0, score=float(score), heard="", events=(),
        )
        for index, (score, shot) in enumerate(zip(scores, gunfire, strict=True))
    ]  # fmt: skip


@pytest.fixture
def heard() -> tuple[list[Answer], list[Answer], np.ndarray]:
    """A hundred shots of which the first model doubts half and the second knows all, and two hours of rain."""
    rng = np.random.default_rng(0)
    gunfire = np.arange(300) < 100
    first = np.where(gunfire, rng.uniform(0.3, 0.9, 300), rng.uniform(0.0, 0.5, 300))
    second = np.where(gunfire, rng.uniform(0.6, 1.0, 300), rng.uniform(0.0, 0.05, 300))
    return _answers(first, gunfire), _answers(second, gunfire), gunfire


def test_a_pair_is_asked_seldom_and_finds_more(heard: tuple[list[Answer], list[Answer], np.ndarray]) -> None:
    """The second model hears three tenths of other sound, and lifts the shots that the first one doubts."""
    first, second, gunfire = heard
    ours, theirs = (np.array([one.score for one in answers]) for answers in (first, second))

    terms = terms_for(first, second, CARD)

    asked = ours >= terms.ask
    assert asked[~gunfire].mean() <= ASKED_SHARE + 0.01
    known, meant = np.array(terms.calibration).T
    pair = np.where(asked, np.maximum(ours, np.interp(theirs, known, meant)), ours)
    hours = (~gunfire).sum() * 36.0 / 3600
    assert (pair[~gunfire] >= terms.alert).sum() <= hours
    alone = np.sort(ours[~gunfire])[::-1][int(hours)]
    assert (pair[gunfire] >= terms.alert).sum() > (ours[gunfire] > alone).sum()


def test_terms_are_kept_on_the_card(heard: tuple[list[Answer], list[Answer], np.ndarray], tmp_path: Path) -> None:
    """Written beside what the card says already, and read back the same."""
    write_card(replace(CARD, card={"limits": "none"}), tmp_path / "m.json")
    terms = terms_for(heard[0], heard[1], CARD)

    write_terms([tmp_path / "m.json"], "yamnet", terms)

    card = read_card(tmp_path / "m.json")
    assert terms_of(card, "yamnet") == terms
    assert (card.card or {})["limits"] == "none"


def test_without_gunfire_there_is_nothing_to_measure() -> None:
    """A manifest of rain alone cannot say when to ask."""
    rain = _answers(np.zeros(3), np.zeros(3, bool))

    with pytest.raises(UsageError, match="gunfire"):
        terms_for(rain, rain, CARD)
