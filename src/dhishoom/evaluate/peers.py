"""The public taggers beside us: YAMNet and EfficientAT mn04, run through the same fold on the same recordings."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dhishoom.detectors.tagger import GUN_CLASSES, YAMNET, Tagger, TaggerShape, tagger_card
from dhishoom.errors import ModelError

if TYPE_CHECKING:
    from dhishoom.seams import Detector

__all__ = ["GUN_CLASSES", "NAMES", "open_peer", "peer_file", "peers_in"]


@dataclass(frozen=True, slots=True)
class _Peer:
    """One tagger in a folder of weights."""

    file: str
    class_map: str
    shape: TaggerShape
    licence: str
    summary: str


_SHAPES = {
    "yamnet": _Peer(
        "yamnet.onnx", "yamnet_class_map.csv", YAMNET, "Apache-2.0",
        "Google YAMNet, 521 AudioSet classes; largest of its gun classes; 50 % overlap of 0.975 s patches.",
    ),
    "mn04": _Peer(
        "mn04_as.onnx", "../audioset/class_labels_indices.csv",
        TaggerShape(sample_rate=32_000, cell_s=1.2, cells=1, span_s=2.0, output="probs", batched=True), "MIT",
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
    peer = _SHAPES[name]
    about: dict[str, object] = {"summary": peer.summary, "trained_on": {"train_ok": []}}
    card = tagger_card(name, peer.shape, _display_names(folder / peer.class_map), peer.licence, about)
    return Tagger(folder / peer.file, peer.shape, card)


def _display_names(path: Path) -> tuple[str, ...]:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return tuple(row["display_name"] for row in csv.DictReader(file))
    except (OSError, KeyError) as error:
        raise ModelError(f"The class names {path} cannot be read: {error}. Put them where the tagger lies.") from error
