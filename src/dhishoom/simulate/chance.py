"""Chance that is the same whenever and in whatever order it is asked for."""

from __future__ import annotations

import zlib

import numpy as np


def draw(seed: int, *key: int | str) -> np.random.Generator:
    """A generator that follows from the seed and what it is for; names count by their checksum."""
    numbers = [part & 0xFFFFFFFF if isinstance(part, int) else zlib.crc32(part.encode()) for part in key]
    return np.random.Generator(np.random.SFC64(np.random.SeedSequence([seed, *numbers])))
