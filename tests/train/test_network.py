"""The network: shapes, and that an instant has one score whatever window holds it. Needs torch; skipped without."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed (pip install 'dhishoom[train]')")

from scipy.signal import butter, freqs  # noqa: E402

from dhishoom.train.front_end import LogMel, lost_above  # noqa: E402
from dhishoom.train.network import Network, Scorer  # noqa: E402
from dhishoom.train.shapes import FrontEnd, NetworkShape, Timing  # noqa: E402

RATE = 12000


@pytest.fixture(scope="module")
def scorer() -> Scorer:
    """An untrained network of the shipped shape."""
    torch.manual_seed(0)
    return Scorer(Network(NetworkShape(classes=31))).eval()


def _scores(scorer: Scorer, audio: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        return np.asarray(scorer(torch.as_tensor(audio.astype(np.float32))).numpy())


def test_a_window_gives_the_frames_its_card_promises(scorer: Scorer) -> None:
    """The middle second and its guards, every 20 ms, for every class."""
    timing = Timing()

    scores = _scores(scorer, np.zeros((3, round(timing.window_s * RATE))))

    assert scores.shape == (3, timing.frames, 31)


def test_an_instant_has_the_same_score_in_both_windows(scorer: Scorer) -> None:
    """The guard frames after one window's middle are the first frames of the next window's."""
    timing = Timing()
    rng = np.random.default_rng(0)
    sound = rng.standard_normal(round((timing.window_s + timing.step_s) * RATE)) * 0.1
    step, window = round(timing.step_s * RATE), round(timing.window_s * RATE)
    overlap = round(2 * timing.guard_s / timing.hop_s)

    first, second = _scores(scorer, np.stack([sound[:window], sound[step : step + window]]))

    assert np.allclose(first[-overlap:], second[:overlap], atol=1e-5)


def test_level_does_not_matter(scorer: Scorer) -> None:
    """The same sound 20 dB lower scores the same, as long as it stands above the floor."""
    rng = np.random.default_rng(0)
    sound = rng.standard_normal((1, round(Timing().window_s * RATE))) * 0.3

    assert np.allclose(_scores(scorer, sound), _scores(scorer, sound * 0.1), atol=1e-2)


@pytest.mark.parametrize("corner_hz", [1500.0, 3000.0])
def test_a_picture_loses_what_a_low_pass_takes_from_its_sound(corner_hz: float) -> None:
    """Noise with a Butterworth's gain of fourth order, and its picture as if: bands agree to a decibel or two."""
    shape = FrontEnd()
    noise = np.random.default_rng(0).standard_normal(20 * RATE).astype(np.float32) * 0.1
    _, gain = freqs(*butter(4, corner_hz, analog=True), worN=np.fft.rfftfreq(len(noise), 1 / RATE))
    filtered = np.fft.irfft(np.fft.rfft(noise) * np.abs(gain), len(noise)).astype(np.float32)
    log_mel = LogMel(shape)

    picture, expected = (
        log_mel.spectrum(torch.as_tensor(sound[None])).squeeze(2)[0].numpy() for sound in (noise, filtered)
    )
    lost_db = 10 / np.log(10) * (lost_above(picture, shape, corner_hz, 4) - expected).mean(axis=1)

    assert np.abs(lost_db).max() < 2.5  # a mel band is wide: its loss is not that of its centre alone
