"""The shipped default listens to the sound, not to the recorder: what a recorder does makes no shot and hides none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.signal import butter, sosfiltfilt

from dhishoom.core.decision import calibrated
from dhishoom.detectors.catalogue import DEFAULT, open_detector
from dhishoom.evaluate.hearing import judged, wide_open, within
from dhishoom.evaluate.padding import without_padding
from dhishoom.evaluate.pittsburgh import live_fire_tests
from dhishoom.evaluate.recordings import Recording, live_fire_recordings, read_manifest
from dhishoom.nouns import Chunk
from dhishoom.seams import Detector
from dhishoom.sources.files import read_audio

Samples = np.ndarray
Change = Callable[[Samples, int], tuple[Samples, int]]
RISE_MEAN_MAX = 0.03
"""How far the mean score of other sound may rise, of one."""


def _low_passed(corner_hz: float) -> Change:
    def change(samples: Samples, rate: int) -> tuple[Samples, int]:
        return sosfiltfilt(butter(6, min(corner_hz, 0.45 * rate), fs=rate, output="sos"), samples), rate

    return change


def _requantised(samples: Samples, rate: int) -> tuple[Samples, int]:
    step = np.abs(samples).max() / 127
    return np.round(samples / step) * step, rate


def _padded(samples: Samples, rate: int) -> tuple[Samples, int]:
    silence = np.zeros(rate + rate // 3)
    return np.concatenate((silence, samples, silence)), rate


def _gapped(samples: Samples, rate: int) -> tuple[Samples, int]:
    holed = samples.copy()
    holed[len(holed) // 2 : len(holed) // 2 + rate // 4] = 0.0
    return holed, rate


def _recoded(codec: str) -> Change:
    def change(samples: Samples, rate: int) -> tuple[Samples, int]:
        pytest.importorskip("av", reason="PyAV is not installed (pip install 'dhishoom[media]')")
        from dhishoom.train.codec import recoded

        return recoded(samples.astype(np.float32), rate, codec, 32_000), rate

    return change


def _resampled(rate_to: int) -> Change:
    def change(samples: Samples, rate: int) -> tuple[Samples, int]:
        from dhishoom.train.library import resample

        return resample(samples.astype(np.float32), rate, rate_to), rate_to

    return change


@pytest.fixture(scope="module")
def detector() -> Detector:
    """What listens where nobody names a model."""
    return open_detector(DEFAULT)


def _score(detector: Detector, samples: Samples, rate: int) -> float:
    """As a clip is scored: the largest calibrated frame."""
    chunk = Chunk(sensor_id="s", start_ns=0, sample_rate=rate, samples=np.asarray(samples, np.float32))
    card = wide_open(detector.card)
    frames = [within(window, scores, card, chunk.end_ns) for window, scores in judged(chunk, detector, card)]
    return max((float(calibrated(one, detector.card).max()) for one in frames if len(one)), default=0.0)


def _sound(recording: Recording) -> tuple[Samples, int]:
    audio = read_audio(recording.path)
    return without_padding(audio.samples, audio.sample_rate)[0], audio.sample_rate


@pytest.fixture(scope="module")
def negatives(shared: Path) -> list[tuple[Samples, int]]:
    """Every fortieth clip of other sound that is at least a second long."""
    clips = read_manifest(shared / "data" / "clips" / "manifest.csv").recordings
    sounds = [_sound(one) for one in [one for one in clips if one.is_negative][::40]]
    return [(samples, rate) for samples, rate in sounds if len(samples) >= rate]


@pytest.fixture(scope="module")
def positives(shared: Path) -> list[tuple[Samples, int]]:
    """Every fortieth live-fire recording with a listed arrival."""
    shots = live_fire_recordings(live_fire_tests(shared / "data" / "pittsburgh")).recordings
    return [_sound(one) for one in [one for one in shots if one.arrivals][::40]]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(_low_passed(4000.0), id="low-passed at 4 kHz"),
        pytest.param(_low_passed(2500.0), id="low-passed at 2.5 kHz"),
        pytest.param(_requantised, id="requantised to 8 bit"),
        pytest.param(_padded, id="padded with zeros"),
        pytest.param(_gapped, id="with a gap of zeros"),
        pytest.param(_recoded("opus"), id="Opus"),
        pytest.param(_recoded("aac"), id="AAC"),
    ],
)
def test_what_a_recorder_does_makes_no_shot(
    detector: Detector, negatives: list[tuple[Samples, int]], change: Change
) -> None:
    """Other sound scores no higher after it: the mean does not rise, and nothing that was no shot becomes an alert."""
    before = np.array([_score(detector, *sound) for sound in negatives])
    after = np.array([_score(detector, *change(*sound)) for sound in negatives])

    assert np.mean(after - before) <= RISE_MEAN_MAX
    assert not np.any((before < detector.card.possible) & (after >= detector.card.alert))


@pytest.mark.parametrize("rate_to", [22_050, 44_100, 48_000])
def test_resampling_hides_no_shot(detector: Detector, positives: list[tuple[Samples, int]], rate_to: int) -> None:
    """Live fire scores as high at another rate, to a twentieth."""
    before = np.array([_score(detector, *sound) for sound in positives])
    after = np.array([_score(detector, *_resampled(rate_to)(*sound)) for sound in positives])

    assert np.mean(after) >= np.mean(before) - 0.01
    assert (after >= before - 0.05).all()
