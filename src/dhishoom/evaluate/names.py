"""What other sound is taken for: the likeliest class beside gunfire, by the label of the clip."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from dhishoom.evaluate.hearing import Answer

CLIPS_MIN, NAMES_TOLD = 6, 3


@dataclass(frozen=True, slots=True, kw_only=True)
class NameRow:
    """Clips of one label.

    Attributes:
        taken_for: The model's commonest names for them, with how many clips each, the commonest first.
    """

    label: str
    clips: int
    taken_for: tuple[tuple[str, int], ...]


def name_rows(negatives: Iterable[Answer]) -> tuple[NameRow, ...]:
    """One row a label of `CLIPS_MIN` clips or more, the most clips first; none of a model that knows only gunfire."""
    names: dict[str, Counter[str]] = {}
    for one in negatives:
        if one.heard:
            names.setdefault(one.recording.label, Counter())[one.heard] += 1
    rows = [
        NameRow(label=label, clips=told.total(), taken_for=tuple(told.most_common(NAMES_TOLD)))
        for label, told in names.items()
        if told.total() >= CLIPS_MIN
    ]
    return tuple(sorted(rows, key=lambda row: (-row.clips, row.label)))
