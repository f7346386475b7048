"""The public taggers beside us: YAMNet and EfficientAT mn04, run through the same fold on the same recordings.

A tagger speaks of a second or two of sound, not of an instant. Its score of each cell of its own grid is placed on the
frame where the level of the sound rises most, so that its answers have onsets that can be compared with ours; the score
of a whole clip is the tagger's own, untouched.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dhishoom.errors import ModelError
from dhishoom.nouns import ModelCard

if TYPE_CHECKING:
    import onnxruntime
    from numpy.typing import NDArray

    from dhishoom.seams import Detector

GUN_CLASSES = ("Gunshot, gunfire", "Machine gun", "Fusillade", "Artillery fire", "Cap gun")
"""AudioSet's display names that mean gunfire; the score is the largest of them."""
HOP_S = 0.02
FLOOR_FRAMES = 8
TINY = 1e-10


@dataclass(frozen=True, slots=True)
class _Shape:
    """How one tagger is asked: windows of `cells` cells, each judged from `span_s` of sound centred on it."""

    file: str
    class_map: str
    sample_rate: int
    cell_s: float
    cells: int
    span_s: float
    output: str
    licence: str
    summary: str

    @property
    def frames(self) -> int:
        """Of one cell."""
        return round(self.cell_s / HOP_S)


_SHAPES = {
    "yamnet": _Shape(
        "yamnet.onnx", "yamnet_class_map.csv", 16_000, 0.48, 2, 0.975, "scores", "Apache-2.0",
        "Google YAMNet, 521 AudioSet classes; largest of its gun classes; 50 % overlap of 0.975 s patches.",
    ),
    "mn04": _Shape(
        "mn04_as.onnx", "../audioset/class_labels_indices.csv", 32_000, 1.2, 1, 2.0, "probs", "MIT",
        "EfficientAT mn04_as, 527 AudioSet classes; largest of its gun classes; 2 s windows.",
    ),
}  # fmt: skip
NAMES = tuple(_SHAPES)


def peers_in(folder: Path) -> list[str]:
    """Names of the taggers whose files are there."""
    return [name for name, shape in _SHAPES.items() if (folder / shape.file).is_file()]


def peer_file(name: str, folder: Path) -> Path:
    """Where the network of a tagger lies."""
    return folder / _SHAPES[name].file


def open_peer(name: str, folder: Path) -> Detector:
    """A tagger as a detector. Raises ModelError where its file or its class map is not there or not usable."""
    return Tagger(name, folder)


class Tagger:
    """A public tagger behind the seam of a detector."""

    def __init__(self, name: str, folder: Path) -> None:
        self._shape = _SHAPES[name]
        self._session = _session(folder / self._shape.file)
        self._card = _card(name, self._shape, _display_names(folder / self._shape.class_map))

    @property
    def card(self) -> ModelCard:
        """What it is and what it needs."""
        return self._card

    def scores(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        """[batch, samples] to [batch, frames, classes]: each cell's scores on its steepest frame, zero elsewhere."""
        shape, card = self._shape, self._card
        frames = np.zeros((len(windows), shape.cells * shape.frames, len(card.classes)), np.float32)
        for index, window in enumerate(windows):
            cells = self._ask(window)
            for cell, steepest in enumerate(self._steepest(window)):
                frames[index, cell * shape.frames + steepest] = cells[cell]
        return frames

    def _ask(self, window: NDArray[np.float32]) -> NDArray[np.float32]:
        """[cells, classes] of one window."""
        shape = self._shape
        waveform = window if shape.cells > 1 else window[None]
        scores = np.asarray(self._session.run([shape.output], {"waveform": waveform})[0], np.float32)
        if scores.shape != (shape.cells, len(self._card.classes)):
            raise ModelError(f"{shape.file} gives {scores.shape} for one window; it is not the file it is named after.")
        return scores

    def _steepest(self, window: NDArray[np.float32]) -> NDArray[np.intp]:
        """[cells] frame of each cell whose level rises most over the mean of the frames before it."""
        shape = self._shape
        hop = round(HOP_S * shape.sample_rate)
        first = round(self._card.left_s * shape.sample_rate) - FLOOR_FRAMES * hop
        count = FLOOR_FRAMES + self._shape.cells * shape.frames
        sound = np.diff(window[first : first + count * hop], prepend=window[first])
        power = np.square(sound, dtype=np.float64).reshape(count, hop).mean(axis=1) + TINY
        total = np.concatenate(([0.0], np.cumsum(power)))
        floor = (total[FLOOR_FRAMES:-1] - total[: -FLOOR_FRAMES - 1]) / FLOOR_FRAMES
        rise = (power[FLOOR_FRAMES:] / floor).reshape(shape.cells, shape.frames)
        return np.asarray(np.argmax(rise, axis=1))


def _card(name: str, shape: _Shape, classes: tuple[str, ...]) -> ModelCard:
    margin_s = (shape.span_s - shape.cell_s) / 2
    return ModelCard(
        name=name,
        sample_rate=shape.sample_rate,
        hop_s=HOP_S,
        step_s=shape.cells * shape.cell_s,
        left_s=margin_s,
        right_s=margin_s,
        guard_s=0.0,
        classes=classes,
        gunshot_classes=tuple(one for one in GUN_CLASSES if one in classes),
        alert=0.5,
        possible=0.3,
        licence=shape.licence,
        card={"summary": shape.summary, "trained_on": {"train_ok": []}},
    )


def _display_names(path: Path) -> tuple[str, ...]:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return tuple(row["display_name"] for row in csv.DictReader(file))
    except (OSError, KeyError) as error:
        raise ModelError(f"The class names {path} cannot be read: {error}. Put them where the tagger lies.") from error


def _session(path: Path) -> onnxruntime.InferenceSession:
    import onnxruntime
    from onnxruntime.capi.onnxruntime_pybind11_state import Fail, InvalidProtobuf, NoSuchFile

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except (Fail, InvalidProtobuf, NoSuchFile) as error:
        raise ModelError(f"The tagger {path} cannot be loaded: {error}. Fetch it again.") from error
