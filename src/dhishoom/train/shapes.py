"""Shapes of the front end, the network and its windows: what a config sets and a card tells."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontEnd:
    """Shape of the front end.

    Attributes:
        sample_rate: Hz.
        frame: Samples of one spectrum; hop: samples from one to the next.
        low_hz, high_hz: Edges of the lowest and the highest band.
        bands: Mel bands.
        background: Frames before an instant that stand for its background; a multiple of five.
    """

    sample_rate: int = 12000
    frame: int = 192
    hop: int = 120
    low_hz: float = 60.0
    high_hz: float = 5200.0
    bands: int = 32
    background: int = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkShape:
    """Shape of the network; with the front end it decides what a window must hold.

    Attributes:
        kind: `frames`, the product's own, or `vgg`, configuration A, to compare with.
        width: Of a `vgg`, against the published one.
        channels: Width of every block.
        dilations: One block each, of kernel 3, that looks as far back as ahead.
        past: One block each, after those, that looks back only.
        classes: Outputs of every frame.
        drop: Share of channels dropped while training.
        taught: Numbers of a teacher's opinion that it guesses while training.
    """

    kind: Literal["frames", "vgg"] = "frames"
    width: float = 1.0
    channels: int = 64
    dilations: tuple[int, ...] = (1, 1, 2, 2, 4, 4)
    past: tuple[int, ...] = (24,)
    classes: int = 1
    drop: float = 0.1
    taught: int = 64
    front_end: FrontEnd = field(default_factory=FrontEnd)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """How windows and frames lie in time; goes into the model's card.

    Attributes:
        hop_s: Of the scores. left_s, step_s, right_s, guard_s: as in `ModelCard`.
    """

    hop_s: float = 0.02
    left_s: float = 1.5
    step_s: float = 1.0
    right_s: float = 0.44
    guard_s: float = 0.04

    @property
    def window_s(self) -> float:
        """Length of one window."""
        return self.left_s + self.step_s + self.right_s

    @property
    def frames(self) -> int:
        """Frames of scores of one window."""
        return round((self.step_s + 2 * self.guard_s) / self.hop_s)

    @property
    def first_frame_s(self) -> float:
        """Where the first frame begins in the window."""
        return self.left_s - self.guard_s
