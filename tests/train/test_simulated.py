"""Simulated confusables: every kind has its class, and each is a sound."""

from __future__ import annotations

import numpy as np
import pytest

from dhishoom.simulate.confusables import MAKERS
from dhishoom.train import simulated
from dhishoom.train.labels import CLASSES
from dhishoom.train.simulated import CLASS_OF_SIMULATED, confusable


def test_every_simulated_confusable_is_named() -> None:
    """A kind that is added to the simulation says what it teaches."""
    assert set(MAKERS) == set(CLASS_OF_SIMULATED)
    assert all(name in CLASSES for name in CLASS_OF_SIMULATED.values() if name)


def test_a_confusable_stands_above_its_floor(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is drawn is finite, and a blow is far louder than the noise it lies in."""
    monkeypatch.setattr(simulated, "MAKERS", {"door": lambda chance, rate: np.r_[1.0, np.zeros(99)]})
    for seed in range(12):
        sound, heard = confusable(np.random.default_rng(seed), 24_000, 12_000, 1.5)
        assert np.isfinite(sound).all()
        assert sound.std() < 0.05
        assert heard.sum() == 1.0


def test_what_is_long_is_met_at_its_beginning_and_in_its_middle(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a sound of four seconds, half begin in the window and many go on already."""
    ramp = np.arange(1.0, 48_001.0)
    monkeypatch.setattr(simulated, "MAKERS", {"jackhammer": lambda chance, rate: ramp})
    firsts = [confusable(np.random.default_rng(seed), 24_000, 12_000, 1.5)[0].max() - 24_000 for seed in range(60)]
    going_on = np.mean([first > 0.3 * 12_000 for first in firsts])

    assert 0.2 < going_on < 0.6
