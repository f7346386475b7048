"""A detector that is asked twice as often hears the same, sooner."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dhishoom.detectors.catalogue import DEFAULT, open_detector
from dhishoom.detectors.energy import EnergyDetector
from dhishoom.detectors.prompt import promptly
from dhishoom.nouns import Detection
from dhishoom.seams import Detector
from dhishoom.service.pipeline import Pipeline
from dhishoom.stores.memory import MemoryStore
from tests.service.city import Bang, City

BANGS = (Bang(2.3, 200.0, 100.0), Bang(3.99, 400.0, 250.0), Bang(5.5, 400.0, 250.0), Bang(5.75, 100.0, 20.0))


def heard(detector: Detector) -> list[Detection]:
    """Gunshots of the city, clips left out of account."""
    store, city = MemoryStore(), City(BANGS, seconds=9.0)
    pipeline = Pipeline(city.site(), detector, store)
    for chunk in city.chunks():
        pipeline.take([chunk])
    pipeline.finish()
    return [replace(one, clip=None, classes={}) for one in store.detections(labels=["gunshot"])]


def test_the_same_shots_are_heard_at_the_same_instants() -> None:
    """Ids, onsets and scores, those on the border of steps too."""
    plain, prompt = heard(EnergyDetector()), heard(promptly(EnergyDetector()))
    assert len(plain) > 12
    assert prompt == plain


@pytest.mark.parametrize("name", ["energy", DEFAULT])
def test_the_end_of_a_window_gets_the_scores_it_always_had(name: str) -> None:
    """The frames of the last half of the middle, to the last bit, from windows as long or shorter."""
    plain = open_detector(name)
    prompt = promptly(plain)
    card = prompt.card
    assert (card.step_s, card.right_s, card.guard_s) == (0.5, plain.card.right_s, plain.card.guard_s)
    assert card.window_s <= plain.card.window_s

    length, shorter = (round(one.window_s * card.sample_rate) for one in (plain.card, card))
    windows = np.random.default_rng(0).normal(0, 0.1, (2, length)).astype(np.float32)
    scores = prompt.scores(windows[:, length - shorter :])
    assert scores.shape[1] == round((card.step_s + 2 * card.guard_s) / card.hop_s)
    np.testing.assert_array_equal(scores, plain.scores(windows)[:, -scores.shape[1] :])


def test_a_network_that_may_hears_no_more_than_it_needs() -> None:
    """The shipped ones take windows with a shorter middle."""
    plain = open_detector(DEFAULT)
    assert promptly(plain).card.window_s == pytest.approx(plain.card.window_s - 0.5)


def test_what_does_not_divide_stays_as_it_is() -> None:
    """Steps that are short already, or that cannot be halved on the grid of frames."""
    detector = EnergyDetector()
    assert promptly(promptly(detector)).card.step_s == 0.5
    assert promptly(detector, 1.0) is detector
    assert promptly(detector, 0.3) is detector
    assert promptly(detector, 0.333) is detector
