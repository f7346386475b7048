"""A second look is learnt: asked seldom, a judge that weighs both, a lift that raises no more false alarms."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dhishoom.detectors.cards import read_card, write_card
from dhishoom.detectors.energy import CARD
from dhishoom.detectors.second_look import Judge, Terms, terms_of
from dhishoom.errors import UsageError
from dhishoom.evaluate.doubts import Doubt, Length
from dhishoom.evaluate.judges import judge_of, own_and_guns
from dhishoom.evaluate.pairing import ASKED_SHARE, terms_by_fold, write_terms
from dhishoom.evaluate.recordings import Recording

NEAR, FAR, DRILL, RAIN = "near", "far", "jackhammer", "rain"
KINDS = {
    NEAR: ("gunshot", (0.3, 0.9), (0.7, 0.99)),
    FAR: ("gunshot", (0.6, 0.99), (0.01, 0.1)),
    DRILL: ("jackhammer", (0.6, 0.99), (0.0, 0.001)),
    RAIN: ("rain", (0.0, 0.5), (0.0, 0.05)),
}
"""Label, what the first model says, what the second says of guns."""


def _doubts(kinds: list[str], *, use: str = "yes", seed: int = 0) -> list[Doubt]:
    rng = np.random.default_rng(seed)
    found = []
    for index, kind in enumerate(kinds):
        label, own, guns = KINDS[kind]
        recording = Recording(
            key=f"{use}{kind}{index}", path=Path(), source=kind, group=str(index), label=label, train_ok=use
        )
        scores = float(rng.uniform(*own)), float(rng.uniform(*guns))
        found.append(Doubt(recording, 0.5, *scores, recording.is_gunfire))
    return found


def _lengths(doubts: list[Doubt]) -> list[Length]:
    return [Length(recording=one.recording, duration_s=36.0) for one in doubts]


@pytest.fixture
def doubts() -> list[Doubt]:
    """Near and far shots, jackhammers that sound like them to the first model, and two hours of rain."""
    return _doubts([NEAR] * 400 + [FAR] * 400 + [DRILL] * 200 + [RAIN] * 600)


def _terms(doubts: list[Doubt]) -> Terms:
    return terms_by_fold(doubts, _lengths(doubts), [])[0]


def _stated(terms: Terms, doubts: list[Doubt]) -> np.ndarray:
    """The pair's probability of every doubt, as the detector works it out."""
    known, least = np.array(terms.lift).T
    own, guns = own_and_guns(doubts)
    odds, lifted, asked = terms.judge.verdict(own, guns), np.interp(guns, known, least), own >= terms.ask
    return np.where(asked, np.maximum(1 / (1 + np.exp(-odds)), lifted), 0.0)


def test_a_judge_tells_the_far_shot_from_the_jackhammer(doubts: list[Doubt]) -> None:
    """The first takes both for the same; the second hears little of a gun in the one and nothing in the other."""
    terms = _terms(doubts)
    stated = dict(zip((one.recording.key for one in doubts), _stated(terms, doubts), strict=True))
    mean = {kind: np.mean([value for key, value in stated.items() if f"yes{kind}" in key]) for kind in KINDS}

    assert mean[FAR] > 0.7
    assert mean[NEAR] > 0.7
    assert mean[DRILL] < 0.4
    assert 0 < terms.judge.guns < terms.judge.own


def test_a_pair_is_asked_seldom_and_alerts_no_more_often(doubts: list[Doubt]) -> None:
    """The second hears three tenths of other sound at most; at `alert` one clip of it an hour at most is false."""
    terms, other = _terms(doubts), np.array([not one.is_shot for one in doubts])

    assert (np.array([one.own for one in doubts])[other] >= terms.ask).mean() <= ASKED_SHARE + 0.01
    assert (_stated(terms, doubts)[other] >= terms.alert).sum() <= other.sum() * 36.0 / 3600
    assert terms.possible <= terms.alert


def test_a_lift_rises_with_the_second_models_score(doubts: list[Doubt]) -> None:
    """The surer of a gun, the higher the least probability."""
    least = np.array(_terms(doubts).lift)[:, 1]

    assert (np.diff(least) >= 0).all()
    assert least[-1] > least[0]


def test_a_fold_learns_nothing_of_what_it_left_out(doubts: list[Doubt]) -> None:
    """Whatever the far shots say, the judge of the network that left them out is the same."""
    wrong = [replace(one, guns=1.0 - one.guns) if one.recording.source == FAR else one for one in doubts]

    judges = [
        terms_by_fold(some, _lengths(some), [lambda recording: recording.source == FAR]) for some in (doubts, wrong)
    ]

    shares = [one.judge.guns / one.judge.own for _, one in judges]
    assert shares[0] == pytest.approx(shares[1], rel=1e-3)
    whole = [one.judge.guns / one.judge.own for one, _ in judges]
    assert whole[0] != pytest.approx(whole[1], rel=1e-3)


def test_what_may_not_teach_does_not(doubts: list[Doubt]) -> None:
    """Recordings that choose thresholds alone move the scale, never the weights against each other."""
    wrong = [
        replace(one, recording=replace(one.recording, train_ok="validate", key=f"v{one.recording.key}"),
                is_shot=not one.is_shot) for one in doubts
    ]  # fmt: skip
    more = doubts + wrong

    ratio = [_terms(some).judge.guns / _terms(some).judge.own for some in (doubts, more)]

    assert ratio[0] == pytest.approx(ratio[1], rel=1e-3)


def test_a_verdict_is_a_sum_of_log_odds() -> None:
    """Each model's, with its weight; none further out than one in ten thousand."""
    judge = Judge(own=2.0, guns=0.5, offset=-1.0)

    assert judge.verdict(np.array([0.5, 1.0]), np.array([0.5, 0.0])) == pytest.approx([-1.0, 12.82], abs=0.01)


def test_a_scaled_judge_says_the_scaled_verdict(doubts: list[Doubt]) -> None:
    """Platt's two numbers go into its weights."""
    judge, both = judge_of(doubts), own_and_guns(doubts)

    assert judge.scaled(2.0, -1.0).verdict(*both) == pytest.approx(2.0 * judge.verdict(*both) - 1.0, abs=1e-3)


def test_terms_are_kept_on_the_card(doubts: list[Doubt], tmp_path: Path) -> None:
    """Written beside what the card says already, and read back the same."""
    write_card(replace(CARD, card={"limits": "none"}), tmp_path / "m.json")
    terms = _terms(doubts)

    write_terms({tmp_path / "m.json": terms}, "yamnet")

    card = read_card(tmp_path / "m.json")
    assert terms_of(card, "yamnet") == terms
    assert (card.card or {})["limits"] == "none"


def test_without_gunfire_there_is_nothing_to_learn() -> None:
    """Rain alone cannot say what a shot sounds like."""
    rain = _doubts([RAIN] * 3)

    with pytest.raises(UsageError, match="gunfire"):
        _terms(rain)
