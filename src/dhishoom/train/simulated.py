"""Sounds that take the place of recordings that nobody has: confusables as `dhishoom.simulate` makes them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dhishoom.simulate.confusables import MAKERS
from dhishoom.train.labels import CLASSES
from dhishoom.train.library import Samples
from dhishoom.train.recordings import Recording

GUNFIRE = Recording(key="", path=Path(), source="simulated", group="", label="gunshot", use="yes")
OTHER = Recording(key="", path=Path(), source="simulated", group="", label="other", use="yes")
CLASS_OF_SIMULATED = {
    "firework": "firework", "firecrackers": "firework", "door": "door", "hammer": "hammer", "thunder": "thunder",
    "backfire": "", "jackhammer": "jackhammer", "nail gun": "", "car alarm": "alarm", "reversing beeps": "alarm",
}  # fmt: skip
"""What a simulated sound is called; what has no class of its own teaches only what it is not."""
_BEFORE_S = 0.3


def confusable(
    rng: np.random.Generator, length: int, sample_rate: int, latest_s: float
) -> tuple[Samples, NDArray[np.float32]]:
    """One of them [length] over a noise floor, begun before `latest_s`; and what is heard [classes].

    Half of them begin in it, so that what comes suddenly is met often; the rest go on already, so that the middle of
    what is long is met at all.
    """
    name = sorted(MAKERS)[rng.integers(len(MAKERS))]
    made = MAKERS[name](rng, sample_rate)
    longest_s = len(made) / sample_rate - latest_s
    before_s = _BEFORE_S if rng.random() < 0.5 else max(_BEFORE_S, longest_s)
    begin = int(rng.uniform(-before_s, latest_s) * sample_rate)
    sound = rng.standard_normal(length) * 10 ** rng.uniform(-4.0, -1.7) * np.abs(made).max()
    part = made[max(0, -begin) : max(0, length - begin)]
    sound[max(0, begin) : max(0, begin) + len(part)] += part
    heard = np.zeros(len(CLASSES), np.float32)
    if CLASS_OF_SIMULATED.get(name):
        heard[CLASSES.index(CLASS_OF_SIMULATED[name])] = 1.0
    return sound.astype(np.float32), heard
