"""What is no gunfire, and what a street sounds like while nothing happens."""

from __future__ import annotations

import math

import numpy as np
import pytest

from dhishoom.simulate.background import Background, Surroundings
from dhishoom.simulate.blast import peak_pa
from dhishoom.simulate.chance import draw
from dhishoom.simulate.confusables import MAKERS
from dhishoom.simulate.microphone import digits, response
from dhishoom.simulate.voices import babble

RATE = 12_000
PEAKS_DB = {
    "firework": (143.0, 156.0),
    "firecrackers": (130.0, 150.0),
    "backfire": (122.0, 134.0),
    "door": (108.0, 118.0),
    "hammer": (114.0, 128.0),
    "thunder": (160.0, 167.0),
    "jackhammer": (112.0, 124.0),
    "nail gun": (116.0, 126.0),
    "car alarm": (111.0, 113.0),
    "reversing beeps": (96.0, 116.0),
}
"""A metre from each source."""


@pytest.mark.parametrize("kind", MAKERS)
def test_each_is_as_loud_as_its_kind_and_drawn_by_its_seed(kind: str) -> None:
    """Peaks lie in the kind's range; the same seed gives the same sound, another one another."""
    made = [MAKERS[kind](draw(seed, kind), RATE) for seed in (1, 1, 2)]
    assert np.array_equal(made[0], made[1])
    assert not np.array_equal(made[0], made[2])
    for sound in made:
        assert np.isfinite(sound).all()
        low, high = PEAKS_DB[kind]
        assert low <= 20 * math.log10(float(np.abs(sound).max()) / peak_pa(0.0)) <= high


def test_thunder_rumbles_and_a_door_does_not() -> None:
    """Half of a door's energy comes within a tenth of a second; half of thunder's takes longer."""
    for seed in range(5):
        halves = []
        for kind in ("door", "thunder"):
            energy = np.cumsum(np.square(MAKERS[kind](draw(seed, kind), RATE)))
            quarter, three = (np.searchsorted(energy, share * energy[-1]) for share in (0.25, 0.75))
            halves.append((three - quarter) / RATE)
        assert halves[0] < 0.1 < halves[1]


def test_a_battery_bursts_faster_than_hands_fire_and_crackles_between() -> None:
    """Four to twelve bursts in five seconds, and between them never half a second of silence."""
    sound = np.abs(MAKERS["firework"](draw(3, "firework"), RATE))
    blocks = sound[: 5 * RATE].reshape(-1, RATE // 4).max(axis=1)
    assert 4 <= int((blocks > peak_pa(140.0)).sum()) <= 14
    assert blocks[3:].min() > peak_pa(110.0)


def test_a_voice_has_a_pitch_and_no_words() -> None:
    """Its spectrum repeats between 80 and 270 Hz, and its peak is that of a person who talks."""
    voice = babble(draw(2, "voice"), RATE)
    assert float(np.abs(voice).max()) == pytest.approx(peak_pa(76.0))
    spectrum = np.abs(np.fft.rfft(voice, 1 << 17)) ** 2
    alike = np.fft.irfft(spectrum)[: RATE // 80]
    assert 80 <= RATE / (RATE // 270 + int(np.argmax(alike[RATE // 270 :]))) <= 270


def test_noise_has_no_seam_between_seconds() -> None:
    """Steps across the borders of seconds are no larger than steps within them."""
    noise = Background(Surroundings(key="x", busy=0.0), 1, RATE)
    sound = np.concatenate([noise.second(second) for second in range(200)])
    steps = np.abs(np.diff(sound))
    seams = steps[RATE - 1 :: RATE]
    assert float(seams.mean()) == pytest.approx(float(steps.mean()), rel=0.2)


def test_noise_is_as_loud_as_its_surroundings_say() -> None:
    """Ten decibels more is ten decibels more; each second alone is the same noise."""
    around = [Surroundings(key="x", level_db=level_db, wind_db=0.0) for level_db in (60.0, 70.0)]
    calm, loud = (Background(one, 1, RATE) for one in around)
    levels = [float(np.concatenate([one.steady(at) for at in range(20)]).std()) for one in (calm, loud)]
    assert 20 * math.log10(levels[1] / levels[0]) == pytest.approx(10.0, abs=0.1)
    assert peak_pa(50.0) < levels[0] < peak_pa(62.0)
    assert np.array_equal(calm.steady(7), Background(around[0], 1, RATE).steady(7))


def test_people_and_cars_pass_where_it_is_busy_and_nobody_where_it_is_not() -> None:
    """A passer's sound goes on across the borders of seconds."""
    busy, empty = (Background(Surroundings(key="a", busy=share), 1, RATE) for share in (1.0, 0.0))
    heard = [busy.passers(second) for second in range(60)]
    assert sum(sound is not None for sound in heard) > 20
    assert all(empty.passers(second) is None for second in range(60))
    whole = np.concatenate([np.zeros(RATE) if sound is None else sound for sound in heard])
    assert np.abs(np.diff(whole)).max() < 0.5 * np.abs(whole).max()


def test_what_is_too_loud_is_clipped_and_what_is_too_soft_is_lost() -> None:
    """Sixteen bits: plus and minus one, steps of 2^-15, nothing beyond."""
    pressure = np.array([-1e6, -1e-9, 0.0, 1e-9, 1e6], np.float32)
    assert digits(pressure, 0.0).tolist() == [-1.0, 0.0, 0.0, 0.0, 1.0 - 2.0**-15]


def test_the_microphone_hears_best_about_900_hz() -> None:
    """One at its best; within 3 dB of it from 500 to 1300 Hz, 18 dB down at 3 kHz, and nothing at half the rate."""
    gains = response(np.array([500.0, 900.0, 1300.0, 3000.0, 6000.0]), RATE)
    assert gains[1] == pytest.approx(1.0, abs=0.01)
    assert (gains[:3] > 0.7).all()
    assert gains[3] < 0.126
    assert gains[4] == pytest.approx(1e-4)
