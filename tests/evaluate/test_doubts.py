"""What both models say of the same instants, and what is true of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from dhishoom.detectors.energy import EnergyDetector
from dhishoom.evaluate.doubts import Doubt, doubts_of, gather
from dhishoom.evaluate.hearing import prepare
from dhishoom.evaluate.recordings import Arrival, Recording
from dhishoom.nouns import ModelCard

from .conftest import RATE, noise, with_shots

HEARD = ModelCard(
    name="second", sample_rate=16_000, hop_s=0.02, step_s=0.96, left_s=0.2475, right_s=0.2475, guard_s=0.0,
    classes=("Speech", "Gunshot, gunfire"), gunshot_classes=("Gunshot, gunfire",), alert=0.5, possible=0.3,
)  # fmt: skip


class _Loudest:
    """A tagger whose gun class is the peak of what it is given."""

    card = HEARD

    def scores(self, windows: np.ndarray) -> np.ndarray:
        told = np.zeros((len(windows), 48, 2), np.float32)
        told[:, 0, 1] = np.abs(windows).max(axis=1)
        return told


@pytest.fixture
def recording(tmp_path: Path) -> Recording:
    """Three shots, a second and a half and more apart, the last one softer."""
    sound = with_shots(with_shots(noise(8), [1.3, 2.9]), [6.6], level=0.2)
    soundfile.write(tmp_path / "a.wav", sound, RATE)
    return Recording(key="a.wav", path=tmp_path / "a.wav", source="x", group="g", label="gunshot", train_ok="yes")


def _at(doubts: list[Doubt], second: float) -> Doubt:
    return min(doubts, key=lambda one: abs(one.at_s - second))


def test_the_second_hears_the_sound_about_the_instant(recording: Recording) -> None:
    """Each shot is doubted where it is, and the tagger is given what is louder there."""
    doubts = doubts_of(prepare(recording), EnergyDetector(), _Loudest())

    for onset_s in (1.3, 2.9, 6.6):
        assert _at(doubts, onset_s).at_s == pytest.approx(onset_s, abs=0.03)
    assert _at(doubts, 2.9).guns > 2 * _at(doubts, 6.6).guns


def test_in_a_clip_of_gunfire_the_likeliest_is_the_shot(recording: Recording) -> None:
    """A clip is labelled as a whole: one instant is the shot, of the others nobody can say; in rain none is."""
    truths = [one.is_shot for one in doubts_of(prepare(recording), EnergyDetector(), _Loudest())]
    assert truths.count(True) == 1
    assert False not in truths

    rain = replace(recording, label="rain")
    assert {one.is_shot for one in doubts_of(prepare(rain), EnergyDetector(), _Loudest())} == {False}

    explosion = replace(recording, label="explosion")
    assert {one.is_shot for one in doubts_of(prepare(explosion), EnergyDetector(), _Loudest())} == {None}


def test_in_live_fire_the_listed_arrivals_are_the_shots(recording: Recording) -> None:
    """A listed arrival is a shot, a sound within 1.5 s after it may be its echo, later ones are none."""
    listed = replace(recording, source="live_fire", arrivals=(Arrival(onset_s=1.3), Arrival(onset_s=2.2)))
    doubts = doubts_of(prepare(listed), EnergyDetector(), _Loudest())

    assert _at(doubts, 1.3).is_shot is True
    assert _at(doubts, 2.9).is_shot is None
    assert _at(doubts, 6.6).is_shot is False


def test_a_recording_that_cannot_be_read_is_left_out(recording: Recording, tmp_path: Path) -> None:
    """The rest is asked about; every length is told."""
    (tmp_path / "b.wav").write_text("no audio", encoding="utf-8")
    broken = replace(recording, key="b.wav", path=tmp_path / "b.wav")

    doubts, lengths = gather([broken, recording], lambda _: EnergyDetector(), _Loudest())

    assert {one.recording.key for one in doubts} == {"a.wav"}
    assert [one.duration_s for one in lengths] == pytest.approx([8.0])
