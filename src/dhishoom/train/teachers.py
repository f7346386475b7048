"""What two public taggers (YAMNet and EfficientAT mn04) say of every recording: soft labels for all that is no gun.

They are asked once, and never about gunshots. They are not shipped; their scores are a training signal alone.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from scipy.special import logit

from dhishoom.errors import ModelError
from dhishoom.train.labels import AUDIOSET, CLASSES, GUNS
from dhishoom.train.library import Samples, decode, resample
from dhishoom.train.recordings import Recording

HOP_S = 0.48
"""From one row of soft labels to the next."""
SPAN_S = 0.975
"""What one row speaks of: YAMNet's patch."""
_MN04_S = 2.0
_RATE_YAMNET = 16000
_RATE_MN04 = 32000

Scores = NDArray[np.float32]


class Teachers:
    """YAMNet and mn04 as one: `scores` gives [rows, classes] every `HOP_S`, the mean of both; gunshot is always 0."""

    def __init__(self, weights: Path, audioset: Path) -> None:
        self._yamnet = _session(weights / "yamnet.onnx")
        self._mn04 = _session(weights / "mn04_as.onnx")
        self._yamnet_classes = _columns(weights / "yamnet_class_map.csv")
        self._mn04_classes = _columns(audioset / "class_labels_indices.csv")

    def scores(self, path: Path) -> Scores:
        """Soft labels of one file, a row every `HOP_S`, each about the `SPAN_S` that follow."""
        samples = decode(path, _RATE_MN04)
        by_yamnet = self._ask_yamnet(resample(samples, _RATE_MN04, _RATE_YAMNET))
        return np.asarray((by_yamnet + self._ask_mn04(samples, len(by_yamnet))) / 2, np.float32)

    def _ask_yamnet(self, samples: Samples) -> Scores:
        (scores,) = self._yamnet.run(["scores"], {"waveform": samples})
        return _in_our_classes(np.asarray(scores), self._yamnet_classes)

    def _ask_mn04(self, samples: Samples, rows: int) -> Scores:
        span = int(_MN04_S * _RATE_MN04)
        before = int((_MN04_S - SPAN_S) / 2 * _RATE_MN04)
        padded = np.pad(samples, (before, span + int(rows * HOP_S * _RATE_MN04)))
        starts = [int(row * HOP_S * _RATE_MN04) for row in range(rows)]
        windows = np.stack([padded[start : start + span] for start in starts]).astype(np.float32)
        (scores,) = self._mn04.run(["probs"], {"waveform": windows})
        return _in_our_classes(np.asarray(scores), self._mn04_classes)


class Embedder:
    """YAMNet's embedding of a second of sound and its gun score: what it knows of sound in general, to be learnt."""

    def __init__(self, weights: Path) -> None:
        self._session = _session(weights / "yamnet.onnx")
        self._guns = _columns_of(weights / "yamnet_class_map.csv", GUNS)

    def opinion(self, clean: Samples, sample_rate: int) -> Scores:
        """[features] of the patch in the middle of a window; gun classes as log-odds, so that they weigh."""
        samples = clean if sample_rate == _RATE_YAMNET else resample(clean, sample_rate, _RATE_YAMNET)
        size = round(SPAN_S * _RATE_YAMNET)
        start = max(0, (len(samples) - size) // 2)
        scores, embedding = self._session.run(["scores", "embeddings"], {"waveform": samples[start : start + size]})
        odds = logit(np.clip(scores[0][self._guns], 1e-4, 1 - 1e-4))
        return np.concatenate((embedding[0], odds)).astype(np.float32)

    def gun_rows(self, samples: Samples) -> Scores:
        """Its largest gun score in every row of `HOP_S` of a recording at 16 kHz."""
        (scores,) = self._session.run(["scores"], {"waveform": samples})
        return np.asarray(scores[:, self._guns].max(axis=1), np.float32)


def soft_labels(
    recordings: Sequence[Recording],
    file: Path,
    make: Callable[[], Teachers],
    advance: Callable[[], None] = lambda: None,
) -> Mapping[str, Scores]:
    """Soft labels of every recording by key: read from `file`, or asked for once and kept there."""
    if file.is_file():
        with np.load(file) as kept:
            labels = {key: np.asarray(kept[key], np.float32) for key in kept.files}
        if all(recording.key in labels for recording in recordings):
            return labels
    teachers = make()
    labels = {}
    for recording in recordings:
        labels[recording.key] = teachers.scores(recording.path)
        advance()
    file.parent.mkdir(parents=True, exist_ok=True)
    np.savez(file, **{key: scores.astype(np.float16) for key, scores in labels.items()})  # type: ignore[arg-type]
    return labels


def between(scores: Scores, start_s: float, stop_s: float) -> Scores:
    """The largest soft label of every class over the rows that lie mostly in a stretch; zeros where none does."""
    centres = np.arange(len(scores)) * HOP_S + SPAN_S / 2
    rows = scores[(centres > start_s) & (centres < stop_s)]
    return np.asarray(rows.max(axis=0), np.float32) if len(rows) else np.zeros(scores.shape[1], np.float32)


def _session(path: Path) -> onnxruntime.InferenceSession:
    if not path.is_file():
        raise ModelError(f"No {path}: the teachers' weights are missing. Set [teachers] weights, or leave it out.")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def _columns(class_map: Path) -> list[list[int]]:
    """For each of our classes the columns of a teacher that mean it."""
    return [_columns_of(class_map, AUDIOSET.get(own, ())) for own in CLASSES]


def _columns_of(class_map: Path, wanted: Sequence[str]) -> list[int]:
    with class_map.open(newline="", encoding="utf-8") as file:
        names = [row["display_name"] for row in csv.DictReader(file)]
    return [names.index(name) for name in wanted if name in names]


def _in_our_classes(scores: Scores, columns: list[list[int]]) -> Scores:
    ours = [scores[:, chosen].max(axis=1) if chosen else np.zeros(len(scores)) for chosen in columns]
    return np.stack(ours, axis=1).astype(np.float32)
