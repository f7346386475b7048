"""Sizes of frame-level models: as published, and small ones for embeddings of 128 numbers on a processor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameSizes:
    """What a kind does not use, it does not look at.

    Attributes:
        clusters: Of a bag of frames or of NetVLAD.
        hidden: Width of the layer before the head.
        cells, layers: Of an LSTM.
        iterations: Frames drawn at random from a sequence while a bag of frames learns.
    """

    clusters: int = 16
    hidden: int = 128
    cells: int = 64
    layers: int = 2
    iterations: int = 30
    drop: float = 0.2


SMALL: Mapping[str, FrameSizes] = {
    "logistic": FrameSizes(), "dbof": FrameSizes(clusters=256), "lstm": FrameSizes(),
    "netvlad": FrameSizes(clusters=16, hidden=64), "attention": FrameSizes(hidden=128),
}  # fmt: skip
PUBLISHED: Mapping[str, FrameSizes] = {
    "logistic": FrameSizes(), "dbof": FrameSizes(clusters=8192, hidden=1024), "lstm": FrameSizes(cells=1024),
    "netvlad": FrameSizes(clusters=64, hidden=1024), "attention": FrameSizes(hidden=1024, drop=0.5),
}  # fmt: skip
"""YouTube-8M's defaults, Willow's, and those of the attention model on AudioSet."""
