"""Simulated confusables: every kind has its class, and each is a sound."""

from __future__ import annotations

import numpy as np

from dhishoom.simulate.confusables import MAKERS
from dhishoom.train.labels import CLASSES
from dhishoom.train.simulated import CLASS_OF_SIMULATED, confusable


def test_every_simulated_confusable_is_named() -> None:
    """A kind that is added to the simulation says what it teaches."""
    assert set(MAKERS) == set(CLASS_OF_SIMULATED)
    assert all(name in CLASSES for name in CLASS_OF_SIMULATED.values() if name)


def test_a_confusable_stands_above_its_floor() -> None:
    """Whatever is drawn is finite, and louder than the noise it lies in."""
    for seed in range(12):
        sound, heard = confusable(np.random.default_rng(seed), 24_000, 12_000, 1.5)
        assert np.isfinite(sound).all()
        assert np.abs(sound).max() > 5 * np.median(np.abs(sound))
        assert heard.sum() <= 1.0
