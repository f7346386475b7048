"""What frame-level models learn from: five seconds of sound, whether a gun is heard in it, what a tagger says of it."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from dhishoom.detectors.front_ends import VGGISH, examples
from dhishoom.train.library import decode, fill_silence, resample
from dhishoom.train.models.light_plan import levelled
from dhishoom.train.recordings import Recording

FRAMES = 5
"""A segment of YouTube-8M is five frames; here each speaks of 0.96 s."""
RATE = VGGISH.sample_rate
LENGTH = (FRAMES * VGGISH.example - 1) * VGGISH.hop + VGGISH.frame
STRIDE = LENGTH // 2
HELD_OUT = ("FP2", "FP5", "FP7")
"""Firing positions that nothing here learns from, so that there are onsets to measure on."""
EDGE_S = 0.1
LOUDEST_S = 0.1
NOISE_DB = (10.0, 40.0)
_TEACHER_RATE = 32_000
_BATCH = 16

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Sequences:
    """Rows: a sequence of pictures each.

    Attributes:
        pictures: [n, frames, 96, 64] float16, of levelled sound.
        gunshot: [n] whether a gun is heard.
        taught: [n, 527] what the teacher says; empty without one.
        recording: [n] number of the recording it was cut from.
    """

    pictures: NDArray[np.float16]
    gunshot: NDArray[np.bool_]
    taught: Floats
    recording: NDArray[np.int64]


class Teacher:
    """EfficientAT mn04: 527 probabilities of AudioSet's classes for a clip of any length."""

    def __init__(self, weights: Path, classes: Path) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            str(weights / "mn04_as.onnx"), options, providers=["CPUExecutionProvider"]
        )
        with classes.open(newline="", encoding="utf-8") as file:
            self.classes = tuple(row["display_name"] for row in csv.DictReader(file))

    def scores(self, sound: Sequence[Floats]) -> Floats:
        """[n, 527] of sounds at 16 kHz, all of one length."""
        parts = []
        for at in range(0, len(sound), _BATCH):
            waves = np.stack([resample(one, RATE, _TEACHER_RATE) for one in sound[at : at + _BATCH]])
            parts.append(self._session.run(["probs"], {"waveform": waves})[0])
        return np.asarray(np.concatenate(parts), np.float32)


def sequences_of(recordings: Sequence[Recording], teacher: Teacher | None, *, copies: int, seed: int = 0) -> Sequences:
    """Windows of every recording, `copies` of each at other places and with other noise; 0: on the fold's own grid."""
    rng = np.random.default_rng(seed)
    pictures, gunshot, taught, numbers = [], [], [], []
    for number, recording in enumerate(recordings):
        sound = fill_silence(decode(recording.path, RATE), RATE)
        cut = list(_on_grid(sound)) if copies == 0 else list(_drawn(sound, recording, copies, rng))
        if not cut:
            continue
        pictures += [_pictures(window) for window, _ in cut]
        gunshot += [heard for _, heard in cut]
        numbers += [number] * len(cut)
        if teacher is not None:
            taught.append(teacher.scores([window for window, _ in cut]))
    return Sequences(
        pictures=np.stack(pictures),
        gunshot=np.array(gunshot, np.bool_),
        taught=np.concatenate(taught) if taught else np.zeros((len(pictures), 0), np.float32),
        recording=np.array(numbers, np.int64),
    )


def _pictures(window: Floats) -> NDArray[np.float16]:
    return examples(levelled(window), RATE, VGGISH).astype(np.float16)


def _on_grid(sound: Floats) -> Iterator[tuple[Floats, bool]]:
    """As the fold cuts a recording: steps of whole sequences, zeros after the end."""
    step = FRAMES * VGGISH.example * VGGISH.hop
    padded = np.pad(sound, (0, LENGTH))
    for start in range(0, max(1, len(sound)), step):
        yield padded[start : start + LENGTH], False


def _drawn(sound: Floats, recording: Recording, copies: int, rng: np.random.Generator) -> Iterator[tuple[Floats, bool]]:
    for _ in range(copies):
        shift = int(rng.integers(STRIDE))
        for start in range(-shift, max(1, len(sound) - STRIDE), STRIDE):
            heard = _heard(sound, recording, start)
            if heard is not None:
                yield _noisy(_cut(sound, start, rng), rng), heard


def _cut(sound: Floats, start: int, rng: np.random.Generator) -> Floats:
    """A window that may begin before the sound; what is outside is silent, or noise of the recording's own colour."""
    before = max(0, -start)
    inside = sound[max(0, start) : max(0, start) + LENGTH - before]
    window = np.pad(inside, (before, LENGTH - before - len(inside)))
    return fill_silence(window, RATE) if rng.random() < 0.5 else window


def _noisy(window: Floats, rng: np.random.Generator) -> Floats:
    if rng.random() < 0.5:
        return window
    ratio = 10 ** (-rng.uniform(*NOISE_DB) / 20)
    return np.asarray(window + ratio * np.std(window) * rng.standard_normal(len(window)), np.float32)


def _heard(sound: Floats, recording: Recording, start: int) -> bool | None:
    """Whether a gun is heard in a window; None where nobody can say."""
    end = start + LENGTH
    if not recording.is_gunfire:
        return False
    if not recording.onsets_s:
        return True if start <= _loudest(sound) < end - EDGE_S * RATE else None
    edge = EDGE_S * RATE
    if any(start <= onset * RATE < end - edge for onset in recording.onsets_s):
        return True
    near = [onset * RATE for onset in recording.onsets_s] + [at * RATE for span in recording.unsure_s for at in span]
    return None if any(start - RATE <= at < end + edge for at in near) else False


def _loudest(sound: Floats) -> int:
    """Where a tenth of a second has the most power: there a clip of gunfire surely holds its shot."""
    size = max(1, min(len(sound), round(LOUDEST_S * RATE)))
    power = np.square(sound[: len(sound) // size * size]).reshape(-1, size).sum(axis=1)
    return int(power.argmax()) * size
