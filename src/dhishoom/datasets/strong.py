"""AudioSet's strong labels: when in its ten seconds a sound begins and ends."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dhishoom.errors import SourceError

COLUMNS = ("segment_id", "start_time_seconds", "end_time_seconds", "label")
CLIP_S = 10.0


@dataclass(frozen=True, slots=True, order=True)
class Stretch:
    """When a class is heard in a segment, in seconds from the segment's start."""

    start_s: float
    end_s: float
    mid: str


@dataclass(frozen=True, slots=True)
class StrongLabels:
    """Stretches by `VIDEO_STARTMS`, in order of time, and what is wrong with the lines left out."""

    stretches: Mapping[str, tuple[Stretch, ...]]
    broken: tuple[str, ...]


def read_strong(paths: Sequence[Path]) -> StrongLabels:
    """One or more TSV files put together; a stretch listed twice is one. Raises SourceError for another format."""
    stretches: dict[str, set[Stretch]] = defaultdict(set)
    broken: list[str] = []
    for path in paths:
        try:
            with path.open(encoding="utf-8", errors="replace", newline="") as file:
                rows = csv.DictReader(file, delimiter="\t")
                if tuple(rows.fieldnames or ()) != COLUMNS:
                    raise SourceError(
                        f"{path} is no file of strong labels: its first line must be {', '.join(COLUMNS)}."
                    )
                for number, row in enumerate(rows, 2):
                    try:
                        stretches[row["segment_id"]].add(_stretch(row))
                    except (ValueError, TypeError) as error:
                        broken.append(f"{path.name} line {number}: {error}")
        except OSError as error:
            raise SourceError(
                f"cannot read {path}: {error.strerror}. Name a TSV of AudioSet's strong labels."
            ) from error
    return StrongLabels({key: tuple(sorted(found)) for key, found in stretches.items() if found}, tuple(broken))


def _stretch(row: Mapping[str, str]) -> Stretch:
    start_s, end_s = float(row["start_time_seconds"]), float(row["end_time_seconds"])
    if not 0 <= start_s <= end_s <= CLIP_S + 0.5:
        raise ValueError(f"{start_s} to {end_s} s is no stretch of ten seconds")
    if not row["label"].startswith("/"):
        raise ValueError(f"{row['label']!r} is no label")
    return Stretch(start_s, end_s, row["label"])
