"""A simulated city as a source of sound: any second of any sensor follows from the seed alone."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dhishoom.nouns import NS_PER_S, Chunk, Site
from dhishoom.simulate.background import Background
from dhishoom.simulate.city import City, Ear, city, streets_geojson
from dhishoom.simulate.hearing import Piece, piece_of
from dhishoom.simulate.microphone import digits
from dhishoom.simulate.scenario import Happening, Scenario, demo_scenario, happenings

__all__ = ["SimulatedCity", "demo_scenario"]

SAMPLE_RATE = 12_000
CHUNKS_PER_S = 4
LONGEST_S = 14.0
"""No happening is heard longer after it began: seconds of sound, of tail and of way."""
BEGIN_NS = 1_767_222_000 * NS_PER_S
"""Where time is not the computer's own, an evening begins on 31 December 2025, 23:00 UTC."""
ROUNDS_KEPT = 4

Samples = NDArray[np.float32]


class SimulatedCity:
    """A Source, and the truth behind it.

    Args:
        scenario: What happens.
        place: Where; the demo's city if none is given.
        realtime: Whether a chunk comes when its last sample would have been recorded, by the computer's clock.
        start_ns: When it begins; else now, on a whole second, or a fixed evening where time is not the computer's own.

    Attributes:
        streets: GeoJSON of the city's streets.
    """

    def __init__(
        self,
        scenario: Scenario,
        *,
        seed: int = 1,
        realtime: bool = True,
        place: City | None = None,
        start_ns: int | None = None,
    ) -> None:
        now_ns = time.time_ns() if realtime else BEGIN_NS
        self.start_ns = start_ns if start_ns is not None else now_ns // NS_PER_S * NS_PER_S
        self._scenario, self._seed, self._realtime = scenario, seed, realtime
        self._city = place or city()
        self.streets: dict[str, Any] = streets_geojson(self._city)
        self._closed = threading.Event()
        self._rounds: dict[int, tuple[Happening, ...]] = {}
        self._pieces: dict[tuple[str, str], Piece] = {}
        self._background = {ear.sensor_id: Background(ear.around, seed, SAMPLE_RATE) for ear in self._city.ears}

    def site(self) -> Site:
        """The city's sensors, places and weather."""
        return self._city.site

    def truth(self, until_s: float) -> tuple[Happening, ...]:
        """All that happens in the first `until_s` seconds, in order of time."""
        rounds = range(math.ceil(until_s / self._scenario.round_s))
        every = [one for number in rounds for one in happenings(self._scenario, self._city, self._seed, number)]
        return tuple(one for one in every if one.times_s[0] < until_s)

    def chunks(self) -> Iterator[Chunk]:
        """Quarters of a second of all sensors in the order of time, until the scenario ends or `close`."""
        begun_s = time.monotonic() - (time.time_ns() - self.start_ns) / NS_PER_S
        second = 0
        while self._scenario.seconds is None or second < self._scenario.seconds:
            heard = [self.second(ear, second) for ear in self._city.ears]
            for quarter in range(CHUNKS_PER_S):
                if self._realtime:
                    due_s = begun_s + second + (quarter + 1) / CHUNKS_PER_S
                    self._closed.wait(max(0.0, due_s - time.monotonic()))
                for ear, samples in zip(self._city.ears, heard, strict=True):
                    if self._closed.is_set():
                        return
                    yield self._chunk(ear, samples, second, quarter)
            second += 1

    def close(self) -> None:
        """End `chunks`, at once where it waits."""
        self._closed.set()

    def second(self, ear: Ear, second: int) -> Samples:
        """What one sensor records in one second since the beginning: [rate] in [-1, 1]."""
        pressure = self._background[ear.sensor_id].second(second)
        playing = self._going_on(second)
        names = {happening.name for happening in playing}
        self._pieces = {key: piece for key, piece in self._pieces.items() if key[0] in names}
        for happening in playing:
            _add(pressure, self._piece(happening, ear), second * SAMPLE_RATE)
        return digits(pressure, ear.gain_db)

    def _going_on(self, second: int) -> list[Happening]:
        length_s = self._scenario.round_s
        first = max(0, math.floor((second - LONGEST_S) / length_s))
        rounds = range(first, math.floor((second + 1) / length_s) + 1)
        every = [one for number in rounds for one in self._round(number)]
        return [one for one in every if one.times_s[0] - 1 < second + 1 and one.times_s[-1] + LONGEST_S > second]

    def _round(self, number: int) -> tuple[Happening, ...]:
        found = self._rounds.get(number)
        if found is None:
            self._rounds = {at: known for at, known in self._rounds.items() if abs(at - number) < ROUNDS_KEPT}
            found = self._rounds[number] = happenings(self._scenario, self._city, self._seed, number)
        return found

    def _piece(self, happening: Happening, ear: Ear) -> Piece:
        key = happening.name, ear.sensor_id
        piece = self._pieces.get(key)
        if piece is None:
            piece = piece_of(happening, ear, self._city.site.weather, self._seed, SAMPLE_RATE)
            self._pieces[key] = piece
        return piece

    def _chunk(self, ear: Ear, samples: Samples, second: int, quarter: int) -> Chunk:
        length = SAMPLE_RATE // CHUNKS_PER_S
        return Chunk(
            sensor_id=ear.sensor_id,
            start_ns=self.start_ns + second * NS_PER_S + quarter * (NS_PER_S // CHUNKS_PER_S),
            sample_rate=SAMPLE_RATE,
            samples=samples[quarter * length : (quarter + 1) * length],
            sequence=second * CHUNKS_PER_S + quarter,
        )


def _add(pressure: Samples, piece: Piece, begin: int) -> None:
    low, high = begin - piece.first, begin - piece.first + len(pressure)
    if low < len(piece.sound) and high > 0:
        part = piece.sound[max(0, low) : high]
        pressure[max(0, -low) : max(0, -low) + len(part)] += part
