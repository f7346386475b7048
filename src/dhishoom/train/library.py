"""Every recording decoded and resampled once, in one file of float16 that is mapped, not read."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray
from scipy.signal import resample_poly

from dhishoom.errors import SourceError
from dhishoom.train.recordings import Recording

Samples = NDArray[np.float32]
_SILENCE_S = 0.02


class Library:
    """Sound by key, at one rate. `samples(key)` is float32 [n]; stretches of exact zeros are filled with noise."""

    def __init__(self, folder: Path) -> None:
        index = json.loads((folder / "index.json").read_text(encoding="utf-8"))
        self.sample_rate: int = index["sample_rate"]
        self._places: Mapping[str, tuple[int, int]] = {key: tuple(place) for key, place in index["places"].items()}
        self._path = folder / "sound.npy"
        self._sound = np.load(self._path, mmap_mode="r")

    def __contains__(self, key: str) -> bool:
        return key in self._places

    def length(self, key: str) -> int:
        """Samples of one recording."""
        return self._places[key][1]

    def samples(self, key: str, start: int = 0, stop: int | None = None) -> Samples:
        """The recording, or a stretch of it."""
        offset, length = self._places[key]
        stop = length if stop is None else min(stop, length)
        return np.asarray(self._sound[offset + start : offset + stop], dtype=np.float32)


def build_library(
    recordings: Sequence[Recording], folder: Path, sample_rate: int, advance: Callable[[], None] = lambda: None
) -> Library:
    """Decode all recordings into `folder`, unless they already are there; `advance` is called after each."""
    if not _is_complete(recordings, folder, sample_rate):
        folder.mkdir(parents=True, exist_ok=True)
        _write(recordings, folder, sample_rate, advance)
    return Library(folder)


def _is_complete(recordings: Sequence[Recording], folder: Path, sample_rate: int) -> bool:
    if not (folder / "index.json").is_file():
        return False
    library = Library(folder)
    return library.sample_rate == sample_rate and all(recording.key in library for recording in recordings)


def _write(recordings: Sequence[Recording], folder: Path, sample_rate: int, advance: Callable[[], None]) -> None:
    places: dict[str, tuple[int, int]] = {}
    parts: list[NDArray[np.float16]] = []
    offset = 0
    for recording in recordings:
        samples = fill_silence(decode(recording.path, sample_rate), sample_rate).astype(np.float16)
        places[recording.key] = (offset, len(samples))
        parts.append(samples)
        offset += len(samples)
        advance()
    np.save(folder / "sound.npy", np.concatenate(parts))
    index = {"sample_rate": sample_rate, "places": places}
    (folder / "index.json").write_text(json.dumps(index), encoding="utf-8")


def decode(path: Path, sample_rate: int) -> Samples:
    """One file as mono float32 at `sample_rate`; raises SourceError where it cannot be read."""
    try:
        samples, native_rate = soundfile.read(path, dtype="float32", always_2d=True)
    except (OSError, soundfile.LibsndfileError) as error:
        raise SourceError(f"Cannot decode {path}: {error}. Is it whole, and a format libsndfile reads?") from error
    return resample(samples.mean(axis=1), native_rate, sample_rate)


def resample(samples: Samples, native_rate: int, sample_rate: int) -> Samples:
    """Polyphase resampling (scipy.signal.resample_poly) from one rate to another."""
    ratio = Fraction(sample_rate, native_rate)
    resampled = resample_poly(samples, ratio.numerator, ratio.denominator)
    return np.asarray(resampled, dtype=np.float32)


def fill_silence(samples: Samples, sample_rate: int) -> Samples:
    """Replace stretches of exact zeros by noise with the level and colour of the recording's own quietest part.

    Recordings are often padded; the edge of the padding would give away where the sound is.
    """
    silent = _silent_stretches(samples, max(1, int(_SILENCE_S * sample_rate)))
    if not silent:
        return samples
    rng = np.random.default_rng(len(samples))
    filled = samples.copy()
    magnitude = _floor_spectrum(samples, sample_rate)
    for start, stop in silent:
        filled[start:stop] = _coloured(rng, magnitude, stop - start)
    return filled


def _silent_stretches(samples: Samples, at_least: int) -> list[tuple[int, int]]:
    silent = np.concatenate([[False], np.abs(samples) < 1e-7, [False]])
    edges = np.flatnonzero(silent[1:] != silent[:-1])
    return [(start, stop) for start, stop in zip(edges[::2], edges[1::2], strict=True) if stop - start >= at_least]


def _floor_spectrum(samples: Samples, sample_rate: int) -> NDArray[np.float64]:
    """Magnitude of the quietest tenth of the frames that hold sound, per frequency of a 32 ms frame."""
    size = 2 * int(0.016 * sample_rate)
    frames = samples[: len(samples) // size * size].reshape(-1, size)
    frames = frames[np.abs(frames).min(axis=1) > 0] if np.any(np.abs(frames).min(axis=1) > 0) else frames
    if len(frames) == 0:
        return np.full(size // 2 + 1, 1e-4 * np.sqrt(size))
    quiet = frames[np.argsort(np.square(frames).mean(axis=1))[: max(1, len(frames) // 10)]]
    power = np.square(np.abs(np.fft.rfft(quiet * np.hanning(size), axis=1))).mean(axis=0) / 0.375
    return np.asarray(np.sqrt(power + 1e-12))


def _coloured(rng: np.random.Generator, magnitude: NDArray[np.float64], length: int) -> Samples:
    """Gaussian noise whose spectrum follows `magnitude` (of one frame), by overlap-add."""
    size = 2 * (len(magnitude) - 1)
    hop = size // 2
    count = length // hop + 2
    spectra = np.fft.rfft(rng.standard_normal((count, size)), axis=1) * magnitude / np.sqrt(size)
    frames = np.fft.irfft(spectra, size, axis=1) * np.sin(np.pi * (np.arange(size) + 0.5) / size)
    noise = np.zeros((count + 1) * hop)
    for index, frame in enumerate(frames):
        noise[index * hop : index * hop + size] += frame
    return noise[hop : hop + length].astype(np.float32)
