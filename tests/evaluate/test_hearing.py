"""One recording by one detector: the product's own fold, and nothing beyond the recording's end."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from dhishoom.detectors.energy import EnergyDetector
from dhishoom.errors import SourceError
from dhishoom.evaluate.hearing import hear, prepare, wide_open
from dhishoom.evaluate.recordings import Arrival, Recording

from .conftest import RATE, noise, with_shots


@pytest.fixture
def recording(tmp_path):
    """Writes sound; returns it as a recording with the arrivals given."""

    def make(sound, onsets_s=(), rate=RATE):
        path = tmp_path / "a.wav"
        soundfile.write(path, sound, rate)
        arrivals = tuple(Arrival(onset_s=one) for one in onsets_s)
        return Recording(key="a.wav", path=path, source="x", group="g", label="gunshot", arrivals=arrivals)

    return make


def test_shots_are_events_at_their_onsets(recording):
    """Two bursts: the two surest events, each within a millisecond."""
    answer = hear(prepare(recording(with_shots(noise(4), [1.2, 2.9]), [1.2, 2.9])), EnergyDetector(), "held out")
    surest = sorted(sorted(answer.events, key=lambda event: -event.score)[:2], key=lambda event: event.onset_s)
    assert [event.onset_s for event in surest] == pytest.approx([1.2, 2.9], abs=0.001)
    assert answer.score == pytest.approx(max(event.score for event in surest))
    assert min(answer.snr_db) > 20


def test_the_edge_of_padding_is_no_event(recording):
    """Zeros before the sound: their edge scores no more than the noise itself does."""
    sound = noise(4)
    sound[: 2 * RATE] = 0
    answer = hear(prepare(recording(sound)), EnergyDetector(), "held out")
    assert answer.score < 0.3
    assert answer.sounding_s == pytest.approx(2.0)


def test_every_event_lies_within_the_recording_and_below_its_score(recording):
    """What the last window holds beyond the end is no sound of the recording."""
    answer = hear(prepare(recording(with_shots(noise(2.3), [0.5]))), EnergyDetector(), "held out")
    assert all(0 <= event.onset_s < 2.3 for event in answer.events)
    assert all(event.score <= answer.score + 1e-6 for event in answer.events)


def test_a_file_that_is_no_audio_is_said(tmp_path):
    """One error that names it."""
    path = tmp_path / "a.wav"
    path.write_text("not audio", encoding="utf-8")
    with pytest.raises(SourceError, match=r"a\.wav"):
        prepare(Recording(key="a.wav", path=path, source="x", group="g", label="rain"))


def test_wide_open_cards_tell_peaks_that_nobody_would_alert_on():
    """The threshold is where a raw score of 0.01 lies after calibration."""
    from dataclasses import replace

    card = replace(EnergyDetector().card, calibration=((0.0, 0.0), (0.01, 0.2), (1.0, 1.0)), possible=0.5)
    assert wide_open(card).possible == pytest.approx(0.2)


def test_hearing_twice_says_the_same(recording):
    """No state is kept between recordings."""
    one = recording(with_shots(noise(3), [1.0]))
    detector = EnergyDetector()
    first, second = (hear(prepare(one), detector, "held out") for _ in range(2))
    assert first == second
    assert np.isfinite(first.score)
