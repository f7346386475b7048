"""Events as labels that other programs open: Audacity, Raven and plain CSV, each written whole or not at all."""

from __future__ import annotations

import contextlib
import csv
import io
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from dhishoom.errors import StoreError

RAVEN_COLUMNS = (
    "Selection",
    "View",
    "Channel",
    "Begin Time (s)",
    "End Time (s)",
    "Low Freq (Hz)",
    "High Freq (Hz)",
    "Begin File",
    "Begin Path",
    "Label",
    "Score",
)
CSV_COLUMNS = ("path", "onset_s", "offset_s", "label", "score")


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A sound event of one file, in seconds from its first sample."""

    path: str
    onset_s: float
    offset_s: float
    score: float
    label: str
    classes: dict[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class HeardFile:
    """One file and what was heard in it; score and classes are those of the whole file."""

    path: str
    duration_s: float
    sample_rate: int
    score: float
    classes: dict[str, float]
    events: tuple[Event, ...]


def audacity(file: HeardFile) -> str:
    """A label track: begin, end and text in tab-separated lines."""
    rows = [[f"{e.onset_s:.6f}", f"{e.offset_s:.6f}", f"{_one_line(e.label)} {e.score:.2f}"] for e in file.events]
    return _separated(rows, "\t")


def raven(file: HeardFile) -> str:
    """A selection table: one row an event, within the file's time and frequency; a quiet file has a header alone."""
    path = Path(file.path)
    rows = [list(RAVEN_COLUMNS)]
    for number, event in enumerate(file.events, 1):
        times = [f"{event.onset_s:.6f}", f"{min(event.offset_s, file.duration_s):.6f}"]
        band = ["0.0", f"{file.sample_rate / 2:.1f}"]
        names = [_one_line(path.name), _one_line(str(path.absolute())), _one_line(event.label)]
        rows.append([str(number), "Spectrogram 1", "1", *times, *band, *names, f"{event.score:.4f}"])
    return _separated(rows, "\t")


def comma_separated(file: HeardFile) -> str:
    """One row an event under a header."""
    rows = [[e.path, f"{e.onset_s:.6f}", f"{e.offset_s:.6f}", e.label, f"{e.score:.4f}"] for e in file.events]
    return _separated([list(CSV_COLUMNS), *rows], ",")


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _separated(rows: Sequence[Sequence[str]], delimiter: str) -> str:
    if delimiter == "\t":  # neither program knows quotes; `_one_line` leaves no tab in a cell
        return "".join("\t".join(row) + "\n" for row in rows)
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


WRITERS: dict[str, tuple[Callable[[HeardFile], str], str]] = {
    "audacity": (audacity, ".audacity.txt"),
    "raven": (raven, ".Table.1.selections.txt"),
    "csv": (comma_separated, ".events.csv"),
}
"""By the name of the form: how it is written, and what its file is called after the recording's whole name."""


def write_labels(file: HeardFile, form: str, folder: Path, name: Path) -> Path:
    """Write one recording's labels as `folder/name` and the form's ending; an old file is replaced in one step."""
    write, ending = WRITERS[form]
    path = folder / name.parent / (name.name + ending)
    write_whole(path, write(file).encode())
    return path


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that it is there whole or not at all; raises StoreError."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(content)
        part.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise StoreError(f"cannot write {path}: {error.strerror}. Choose another folder or make room.") from error
