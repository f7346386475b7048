"""Front ends and the postprocessor against golden values and an independent implementation."""

from __future__ import annotations

from pathlib import Path

import librosa
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhishoom.detectors.front_ends import ANCESTOR, VGGISH, FrontEnd, examples, front_end, log_mel, mel_matrix
from dhishoom.detectors.postprocessing import Postprocessor, dequantise, read_postprocessor
from dhishoom.errors import ModelError

GOLDEN_WITHIN = 1e-4


@pytest.fixture(scope="module")
def golden(shared: Path) -> dict[str, np.ndarray]:
    """Waveforms with their log-mels by the reference algorithm."""
    with np.load(shared / "weights" / "vggish_golden.npz") as kept:
        return dict(kept)


@pytest.mark.parametrize("name", ["sine1k_3s", "noise_2p5s", "bursts_4s"])
def test_vggish_s_log_mel_is_the_published_one(golden: dict[str, np.ndarray], name: str) -> None:
    """Spectrogram and examples, to 1e-4."""
    sound = golden[f"{name}_wave"]

    np.testing.assert_allclose(log_mel(sound, 16_000, VGGISH), golden[f"{name}_logmel"], atol=GOLDEN_WITHIN)
    np.testing.assert_allclose(examples(sound, 16_000, VGGISH), golden[f"{name}_examples"], atol=GOLDEN_WITHIN)


def test_window_and_mel_matrix_are_the_published_ones(golden: dict[str, np.ndarray]) -> None:
    """The parts it is made of."""
    np.testing.assert_allclose(VGGISH.window, golden["hann"], atol=1e-12)
    np.testing.assert_allclose(mel_matrix(VGGISH), golden["mel_matrix"], atol=1e-9)


@pytest.mark.parametrize("shape", [VGGISH, ANCESTOR], ids=lambda shape: shape.name)
def test_log_mels_are_those_of_librosa(shape: FrontEnd) -> None:
    """Frames by librosa's STFT, its HTK scale for the edges of the bands; noise and a click, to 1e-4."""
    rng = np.random.default_rng(0)
    sound = 0.1 * rng.standard_normal(2 * shape.sample_rate)
    sound[shape.sample_rate] += 0.9
    magnitude = np.abs(
        librosa.stft(
            sound, n_fft=shape.fft, hop_length=shape.hop, win_length=shape.frame, window="hann", center=False,
            dtype=np.complex128,
        )
    )  # fmt: skip
    matrix = _librosa_bands(shape)

    ours = log_mel(sound, shape.sample_rate, shape)
    theirs = np.log(matrix @ _aligned(magnitude, sound, shape) + shape.offset).T

    count = min(len(ours), len(theirs))
    assert count > 80
    np.testing.assert_allclose(ours[:count], theirs[:count], atol=GOLDEN_WITHIN)


def _librosa_bands(shape: FrontEnd) -> np.ndarray:
    """Triangles in mel between the edges that librosa's HTK scale gives: [bands, bins]."""
    edges = librosa.hz_to_mel(
        librosa.mel_frequencies(shape.bands + 2, fmin=shape.low_hz, fmax=shape.high_hz, htk=True), htk=True
    )
    bins = librosa.hz_to_mel(librosa.fft_frequencies(sr=shape.sample_rate, n_fft=shape.fft), htk=True)
    matrix = np.stack([np.interp(bins, edges[band : band + 3], [0, 1, 0], 0, 0) for band in range(shape.bands)])
    matrix[:, 0] = 0
    return matrix


def _aligned(magnitude: np.ndarray, sound: np.ndarray, shape: FrontEnd) -> np.ndarray:
    """librosa centres a short window in its FFT; sound shifted by that much gives frames that begin where ours do."""
    shift = (shape.fft - shape.frame) // 2
    if not shift:
        return magnitude
    moved = np.concatenate((np.zeros(shift), sound))
    return np.abs(
        librosa.stft(
            moved, n_fft=shape.fft, hop_length=shape.hop, win_length=shape.frame, window="hann", center=False,
            dtype=np.complex128,
        )
    )  # fmt: skip


def test_sound_of_another_rate_is_resampled_first() -> None:
    """The same second of a chord at 22 050 and 16 000 Hz gives nearly the same picture."""
    pictures = [log_mel(_chord(rate), rate, VGGISH)[10:85] for rate in (16_000, 22_050)]

    assert np.abs(pictures[0] - pictures[1]).mean() < 0.02


def test_feeding_one_rate_as_another_costs_a_hundred_times_what_resampling_does() -> None:
    """22 050 Hz taken for 16 000, as the product before this one did it: every tone falls by 5.6 semitones.

    A 1 kHz tone lands four bands lower; the mean band is off by a factor of ten (2.3 in natural logarithm) and more.
    """
    sound, same = _chord(22_050), log_mel(_chord(16_000), 16_000, VGGISH)
    right, wrong = log_mel(sound, 22_050, VGGISH), log_mel(sound, 16_000, VGGISH)
    tone = np.sin(2 * np.pi * 1000 * np.arange(22_050) / 22_050)
    bands = [log_mel(tone, rate, VGGISH).mean(axis=0).argmax() for rate in (22_050, 16_000)]

    cost = np.abs(wrong[10:85] - right[10:85]).mean()
    assert bands[0] - bands[1] == 4
    assert cost > np.log(10)
    assert cost > 100 * np.abs(same[10:85] - right[10:85]).mean()


def _chord(rate: int) -> np.ndarray:
    time = np.arange(rate) / rate
    return sum(0.1 * np.sin(2 * np.pi * hertz * time) for hertz in (150, 400, 1000, 2500, 5000))


@pytest.mark.parametrize("length", [0, 1, 399, 400])
def test_sound_shorter_than_a_frame_has_no_picture(length: int) -> None:
    """And one of exactly a frame has one."""
    assert log_mel(np.zeros(length), 16_000, VGGISH).shape == (int(length == 400), 64)


def test_a_misspelt_front_end_is_told_the_nearest() -> None:
    """With all there are, where none is near."""
    assert front_end("ancestor") is ANCESTOR
    with pytest.raises(ModelError, match="Did you mean vggish"):
        front_end("vgish")


@pytest.fixture(scope="module")
def published(shared: Path) -> Postprocessor:
    """The real parameters."""
    return read_postprocessor(shared / "weights" / "vggish_pca_params.npz")


def test_post_processed_embeddings_are_the_published_ones(
    golden: dict[str, np.ndarray], published: Postprocessor
) -> None:
    """Sixteen embeddings, equal to the last bit."""
    quantised = published.quantise(golden["post_embeddings_in"])

    assert quantised.dtype == np.uint8
    np.testing.assert_array_equal(quantised, golden["post_embeddings_out"])


@given(st.integers(0, 255))
def test_eight_bits_come_back_as_they_were(value: int) -> None:
    """As YouTube-8M reads them: quantising what was dequantised changes nothing."""
    identity = Postprocessor(np.eye(128), np.zeros(128))
    bits = np.full(128, value, np.uint8)

    np.testing.assert_array_equal(identity.quantise(dequantise(bits)), bits)


@pytest.mark.parametrize("content", ["nothing", "text", "other names", "other shapes", "nan", "code"])
def test_other_parameters_are_refused(tmp_path: Path, content: str) -> None:
    """A file of something else, with other shapes, or one that would execute code on load."""
    path = tmp_path / "pca.npz"
    if content == "text":
        path.write_text("pca")
    elif content == "other names":
        np.savez(path, a=np.zeros(3))
    elif content == "other shapes":
        np.savez(path, pca_eigen_vectors=np.eye(4), pca_means=np.zeros(4))
    elif content == "nan":
        np.savez(path, pca_eigen_vectors=np.full((128, 128), np.nan), pca_means=np.zeros(128))
    elif content == "code":
        np.savez(path, pca_eigen_vectors=np.array([{"a": 1}], object), pca_means=np.zeros(128))

    with pytest.raises(ModelError):
        read_postprocessor(path)
