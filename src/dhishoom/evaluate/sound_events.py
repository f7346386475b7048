"""Event-based and segment-based metrics of sound event detection, of one class, by sed_eval's definitions.

Source: Mesaros, Heittola, Virtanen (2016), Metrics for polyphonic sound event detection, Applied Sciences 6(6), 162.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching

COLLAR_S = 0.1
SEGMENT_S = 1.0
OFFSET_SHARE = 0.5


class Span(NamedTuple):
    """An event of the class: seconds from the first sample."""

    onset_s: float
    offset_s: float


@dataclass(frozen=True, slots=True)
class Counts:
    """What was there, what was told, and what of it was right; events or segments."""

    reference: int = 0
    estimated: int = 0
    right: int = 0

    def plus(self, other: Counts) -> Counts:
        """Both files together."""
        return Counts(self.reference + other.reference, self.estimated + other.estimated, self.right + other.right)

    @property
    def precision(self) -> float:
        """Right of told; nan of none."""
        return self.right / self.estimated if self.estimated else float("nan")

    @property
    def recall(self) -> float:
        """Right of there; nan of none."""
        return self.right / self.reference if self.reference else float("nan")

    @property
    def f1(self) -> float:
        """Harmonic mean of both."""
        total = self.reference + self.estimated
        return 2 * self.right / total if total else float("nan")

    @property
    def error_rate(self) -> float:
        """Missed and inserted of what was there; may exceed 1."""
        wrong = (self.reference - self.right) + (self.estimated - self.right)
        return wrong / self.reference if self.reference else float("nan")


def total(counts: Iterable[Counts]) -> Counts:
    """All files together."""
    together = Counts()
    for one in counts:
        together = together.plus(one)
    return together


def event_based(
    reference: Sequence[Span],
    estimated: Sequence[Span],
    *,
    collar_s: float = COLLAR_S,
    offset_share: float | None = None,
) -> Counts:
    """One file: as many pairs as can be made of events whose onsets lie within the collar.

    Args:
        offset_share: Where given, offsets have to agree as well, to the collar or this share of the reference's
            length, whichever is larger; sed_eval's default is 0.5.
    """
    if not reference or not estimated:
        return Counts(len(reference), len(estimated), 0)
    truth, told = np.array(reference), np.array(estimated)
    fits = np.abs(truth[:, None, 0] - told[None, :, 0]) <= collar_s
    if offset_share is not None:
        allowed = np.maximum(collar_s, offset_share * (truth[:, 1] - truth[:, 0]))
        fits &= np.abs(truth[:, None, 1] - told[None, :, 1]) <= allowed[:, None]
    pairs = maximum_bipartite_matching(csr_array(fits), perm_type="column")
    return Counts(len(reference), len(estimated), int((pairs >= 0).sum()))


def segment_based(
    reference: Sequence[Span], estimated: Sequence[Span], *, duration_s: float, segment_s: float = SEGMENT_S
) -> Counts:
    """One file: segments in which the class sounds, was told, and both."""
    count = int(np.ceil(duration_s / segment_s))
    there, told = _active(reference, count, segment_s), _active(estimated, count, segment_s)
    return Counts(int(there.sum()), int(told.sum()), int((there & told).sum()))


def _active(events: Sequence[Span], count: int, segment_s: float) -> NDArray[np.bool_]:
    active = np.zeros(count, np.bool_)
    for onset_s, offset_s in events:
        active[int(np.floor(onset_s / segment_s)) : int(np.ceil(offset_s / segment_s))] = True
    return active
