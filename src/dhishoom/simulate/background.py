"""What a street sounds like while nothing happens: traffic afar, wind, cars that pass, people who talk."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from dhishoom.simulate.blast import peak_pa
from dhishoom.simulate.chance import draw
from dhishoom.simulate.microphone import response
from dhishoom.simulate.voices import babble

Floats = NDArray[np.float64]
Samples = NDArray[np.float32]

PASSER_EVERY_S = 12.0
PASSER_LATE_S = 8.0
CAR_S = 7.0
VOICE_M = (3.0, 12.0)


class Passer(NamedTuple):
    """Somebody who comes by: pressure from this sample since the beginning on."""

    first: int
    sound: Samples


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """Of one sensor.

    Attributes:
        key: What its chance follows from, beside the seed.
        level_db: Of the steady noise, unweighted, over 20 µPa.
        wind_db: Of the wind in its microphone.
        busy: 0 to 1: how often someone passes.
    """

    key: str
    level_db: float = 66.0
    wind_db: float = 58.0
    busy: float = 0.5


class Background:
    """The background of one sensor, second by second, in any order; what was drawn last is kept at hand."""

    def __init__(self, around: Surroundings, seed: int, sample_rate: int) -> None:
        self._around, self._seed, self._rate = around, seed, sample_rate
        self._grains: dict[int, Samples] = {}
        self._passers: dict[int, Passer | None] = {}

    def second(self, second: int) -> Samples:
        """Everything in one second, pascal, as the microphone's band leaves it."""
        near = self.passers(second)
        return self.steady(second) if near is None else self.steady(second) + near

    def steady(self, second: int) -> Samples:
        """The noise: grains of two seconds overlap with constant power, so no second has an edge."""
        before, after = self._grain(second - 1), self._grain(second)
        fade, rate = _fade(self._rate), self._rate
        low, high = (_swell(self._around, self._seed, at) for at in (second, second + 1))
        swell = low + (high - low) * np.arange(rate, dtype=np.float32) / np.float32(rate)
        return np.asarray((before[rate:] * fade[::-1] + after[:rate] * fade) * swell, np.float32)

    def passers(self, second: int) -> Samples | None:
        """Cars and voices near by; None for nobody."""
        found: Samples | None = None
        turn, rate = int(second // PASSER_EVERY_S), self._rate
        for passer in (self._passer(turn - 1), self._passer(turn)):
            if passer is None:
                continue
            low, high = second * rate - passer.first, (second + 1) * rate - passer.first
            if low < len(passer.sound) and high > 0:
                found = np.zeros(rate, np.float32) if found is None else found
                piece = passer.sound[max(0, low) : high]
                found[max(0, -low) : max(0, -low) + len(piece)] += piece
        return found

    def _grain(self, number: int) -> Samples:
        if number not in self._grains:
            self._grains = {at: grain for at, grain in self._grains.items() if abs(at - number) <= 1}
            self._grains[number] = _grain(self._around, self._seed, number, self._rate)
        return self._grains[number]

    def _passer(self, number: int) -> Passer | None:
        if number not in self._passers:
            self._passers = {at: one for at, one in self._passers.items() if abs(at - number) <= 1}
            self._passers[number] = _passer(self._around, self._seed, number, self._rate)
        return self._passers[number]


def _grain(around: Surroundings, seed: int, number: int, sample_rate: int) -> Samples:
    """Noise drawn in its spectrum, two seconds from second `number` on."""
    chance = draw(seed, "street", around.key, number)
    shape = _shape(around, sample_rate)
    parts = chance.standard_normal(2 * len(shape), np.float32).view(np.complex64) * shape
    return np.asarray(fft.irfft(parts, 2 * sample_rate), np.float32)


@lru_cache(maxsize=256)
def _shape(around: Surroundings, sample_rate: int) -> Samples:
    """Amplitudes of the spectrum of two seconds.

    Traffic: even to 100 Hz, then falling 5 dB an octave, as city noise is measured (Can, Leclercq, Lelong and
    Botteldooren (2010), Applied Acoustics 71, 1073, give like spectra). Wind: 12 dB an octave above 40 Hz (Strasberg
    (1988), JASA 83, 544, at large Strouhal numbers).
    """
    frequencies = fft.rfftfreq(2 * sample_rate, 1 / sample_rate)
    traffic = (1 + (frequencies / 100.0) ** 2) ** -0.55 * (frequencies > 15)
    wind = 1 / (1 + (frequencies / 40.0) ** 2) * (frequencies > 3)
    power = (
        _rms_pa(around.level_db) ** 2 * traffic**2 / np.square(traffic).sum()
        + _rms_pa(around.wind_db) ** 2 * wind**2 / np.square(wind).sum()
    )
    band = response(frequencies, sample_rate)
    return np.asarray(np.sqrt(power / 4) * band * 2 * sample_rate, np.float32)


@lru_cache(maxsize=8)
def _fade(sample_rate: int) -> Samples:
    return np.sin(0.5 * np.pi * (np.arange(sample_rate, dtype=np.float32) + 0.5) / sample_rate)


def _swell(around: Surroundings, seed: int, second: int) -> float:
    """Slow rise and fall of the noise, a factor."""
    turn = _turn(around.key, seed)
    return 10 ** ((2.5 * math.sin(second / 9.0 + turn) + 1.5 * math.sin(second / 3.7 + 2 * turn)) / 20)


@lru_cache(maxsize=512)
def _turn(key: str, seed: int) -> float:
    return 2 * math.pi * float(draw(seed, "swell", key).random())


def _passer(around: Surroundings, seed: int, number: int, sample_rate: int) -> Passer | None:
    """Whoever comes by in the stretch of `PASSER_EVERY_S` of this number."""
    chance = draw(seed, "passer", around.key, number)
    if chance.random() > around.busy:
        return None
    first = round((number * PASSER_EVERY_S + float(chance.uniform(0, PASSER_LATE_S))) * sample_rate)
    if chance.random() < 0.6:
        return Passer(first, _car(chance, sample_rate))
    voice = babble(chance, sample_rate, float(chance.uniform(1.5, 3.5))) / float(chance.uniform(*VOICE_M))
    return Passer(first, np.asarray(voice, np.float32))


def _car(chance: np.random.Generator, sample_rate: int) -> Samples:
    """Tyres and engine that come near and go, louder with one over the distance.

    Source: 70 dB at 7.5 m and 50 km/h, Sandberg (2001), Tyre/road noise, Inter-Noise.
    """
    count = round(CAR_S * sample_rate)
    along = (np.arange(count) / sample_rate - CAR_S / 2) * float(chance.uniform(7.0, 15.0))
    distance = np.hypot(along, float(chance.uniform(8.0, 25.0)))
    frequencies = fft.rfftfreq(count, 1 / sample_rate)
    shape = (frequencies / 60) ** 2 / (1 + (frequencies / 60) ** 2) / (1 + (frequencies / 900.0) ** 2) ** 0.8
    shape *= response(frequencies, sample_rate)
    noise = fft.irfft(chance.standard_normal(2 * len(shape)).view(np.complex128) * shape, count)
    level = _rms_pa(68.0 + float(chance.normal(0, 3))) * 7.5 / distance
    ends = np.minimum(1.0, np.minimum(np.arange(count), np.arange(count)[::-1]) / sample_rate)
    return np.asarray(noise / noise.std() * level * ends, np.float32)


def _rms_pa(level_db: float) -> float:
    return peak_pa(level_db)
