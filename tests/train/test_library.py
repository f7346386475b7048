"""The library: decoded once, padded silence filled, the same sound whenever it is asked for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from dhishoom.errors import SourceError
from dhishoom.train.library import build_library, decode, fill_silence
from dhishoom.train.recordings import Recording

RATE = 12000


def _recording(path: Path) -> Recording:
    return Recording(key=path.name, path=path, source="s", group="g", label="door_slam", use="yes")


def test_padding_becomes_noise_at_the_recordings_own_floor() -> None:
    """The edge of the padding must not be louder or quieter than the sound beside it: it would give the place away."""
    rng = np.random.default_rng(0)
    sound = (rng.standard_normal(RATE) * 0.01).astype(np.float32)
    padded = np.concatenate([np.zeros(RATE, np.float32), sound])

    filled = fill_silence(padded, RATE)

    assert np.array_equal(filled[RATE:], sound)
    assert 0.7 < filled[100 : RATE - 100].std() / sound.std() < 1.3


def test_sound_without_silence_is_left_alone() -> None:
    """A few zeros are samples like any other."""
    sound = np.sin(np.arange(RATE) / 5).astype(np.float32)

    assert np.array_equal(sound, fill_silence(sound, RATE))


def test_all_silence_becomes_faint_noise() -> None:
    """A recording of nothing has no floor of its own, and still is not left as exact zeros."""
    filled = fill_silence(np.zeros(RATE, np.float32), RATE)

    assert 0 < np.abs(filled).max() < 0.01


def test_library_gives_back_what_was_decoded(tmp_path: Path) -> None:
    """Half precision keeps three digits of every sample; a stretch is the same as a part of the whole."""
    rng = np.random.default_rng(1)
    soundfile.write(tmp_path / "a.wav", rng.uniform(-0.5, 0.5, 16000), 16000)
    soundfile.write(tmp_path / "b.wav", rng.uniform(-0.5, 0.5, (800, 2)), 8000)
    recordings = [_recording(tmp_path / "a.wav"), _recording(tmp_path / "b.wav")]

    library = build_library(recordings, tmp_path / "cache", RATE)

    assert library.length("a.wav") == RATE
    assert library.length("b.wav") == 1200
    assert np.allclose(library.samples("b.wav"), decode(tmp_path / "b.wav", RATE), atol=1e-3)
    assert np.array_equal(library.samples("a.wav", 100, 200), library.samples("a.wav")[100:200])


def test_a_file_that_is_no_sound_is_named(tmp_path: Path) -> None:
    """The message says which file and what to check."""
    (tmp_path / "a.wav").write_text("hello")

    with pytest.raises(SourceError, match=r"a\.wav"):
        decode(tmp_path / "a.wav", RATE)
