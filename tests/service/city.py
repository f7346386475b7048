"""A small city of noise and bangs, made anew for each test: the same every time, and known to the sample."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from dhishoom.detectors.energy import EnergyDetector
from dhishoom.nouns import NS_PER_S, Chunk, ModelCard, Position, Sensor, Site

RATE = 12_000
SPEED_M_S = 340.3
BEGIN_NS = 1_700_000_000 * NS_PER_S
BLAST_S = 0.4


@dataclass(frozen=True, slots=True)
class Bang:
    """Seconds after the beginning, metres east and north."""

    at_s: float
    x_m: float
    y_m: float


class City:
    """A Source: sensors on a grid that hear bangs, second by second.

    Args:
        bangs: What is fired.
        seconds: How long it plays.
        chunk_s: Length of its chunks.
    """

    def __init__(
        self,
        bangs: tuple[Bang, ...] = (),
        *,
        rows: int = 2,
        columns: int = 3,
        spacing_m: float = 250.0,
        seconds: float = 10.0,
        chunk_s: float = 1.0,
        seed: int = 0,
    ) -> None:
        self._seconds, self._chunk_s, self._seed, self._closed = seconds, chunk_s, seed, False
        self._bangs = bangs
        self.sensors = {
            f"s{number:02d}": Position(x_m=column * spacing_m, y_m=row * spacing_m + 30.0 * (column % 2), z_m=5.0)
            for number, (row, column) in enumerate(itertools.product(range(rows), range(columns)), 1)
        }

    def site(self) -> Site:
        """The grid."""
        sensors = {name: Sensor(sensor_id=name, position=place) for name, place in self.sensors.items()}
        return Site(name="bangs", sensors=sensors)

    def sound(self, sensor_id: str) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
        """All that a sensor hears."""
        number = list(self.sensors).index(sensor_id)
        random = np.random.default_rng([self._seed, number])
        sound = 0.001 * random.standard_normal(round(self._seconds * RATE))
        for bang in self._bangs:
            place = self.sensors[sensor_id]
            distance_m = math.dist((place.x_m, place.y_m, place.z_m), (bang.x_m, bang.y_m, 0.0))
            first = math.ceil((bang.at_s + distance_m / SPEED_M_S) * RATE)
            seconds = np.arange(first, first + round(BLAST_S * RATE)) / RATE - bang.at_s - distance_m / SPEED_M_S
            blast = np.random.default_rng(7).standard_normal(len(seconds)) * np.exp(-seconds / 0.03)
            piece = sound[first : first + len(blast)]
            piece += min(0.5, 60 / max(distance_m, 1.0)) * blast[: len(piece)]
        return np.clip(sound, -1, 1).astype(np.float32)

    def chunks_of(self, sensor_id: str) -> list[Chunk]:
        """What one sensor sends."""
        sound, length = self.sound(sensor_id), round(self._chunk_s * RATE)
        return [
            Chunk(
                sensor_id=sensor_id,
                start_ns=BEGIN_NS + at * NS_PER_S // RATE,
                sample_rate=RATE,
                samples=sound[at : at + length],
            )
            for at in range(0, len(sound), length)
        ]

    def chunks(self) -> Iterator[Chunk]:
        """All sensors' chunks in the order of time."""
        for together in itertools.zip_longest(*(self.chunks_of(name) for name in self.sensors)):
            for chunk in together:
                if self._closed:
                    return
                if chunk is not None:
                    yield chunk

    def close(self) -> None:
        """End `chunks`."""
        self._closed = True


class Doubtful(EnergyDetector):
    """Takes half of what it would take for shots for candidates."""

    @property
    def card(self) -> ModelCard:
        """With a `possible` that some sensors reach."""
        return replace(super().card, alert=0.99, possible=0.98)
