"""Reference and estimated events as DCASE's tab-separated tables: filename, onset, offset, event_label."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

from dhishoom.evaluate.hearing import Answer
from dhishoom.evaluate.recordings import Recording
from dhishoom.nouns import GUNSHOT

HEADER = ("filename", "onset", "offset", "event_label")
EVENT_S = 0.2
Row = tuple[str, str, str, str]


def write_reference(recordings: Iterable[Recording], path: Path) -> None:
    """Every listed arrival; a clip labelled as a whole has none, and no row."""
    _write(path, (_row(one.key, arrival.onset_s) for one in recordings for arrival in one.arrivals))


def write_estimated(answers: Sequence[Answer], threshold: float, path: Path) -> None:
    """Every event at or above the threshold."""
    _write(path, (_row(one.recording.key, event.onset_s) for one in answers for event in one.alarms(threshold)))


def _row(key: str, onset_s: float) -> Row:
    return key, f"{onset_s:.4f}", f"{onset_s + EVENT_S:.4f}", GUNSHOT


def _write(path: Path, rows: Iterable[Row]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, delimiter="\t", lineterminator="\n")
        writer.writerow(HEADER)
        writer.writerows(rows)
