"""The manifest of a chosen set: one row a clip, where it comes from and what is known of it; `evaluate` reads it."""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from dhishoom.datasets.choice import Choice, Chosen
from dhishoom.datasets.segments import VIDEO, Segment
from dhishoom.datasets.strong import StrongLabels
from dhishoom.errors import UsageError

COLUMNS = (
    "path", "source", "group", "label", "train_ok", "onsets", "duration_s", "class", "mid", "split", "video", "start_s",
    "end_s", "labels", "stretches", "list", "address", "licence",
)  # fmt: skip
LICENCE = "list CC BY 4.0 (Google); sound under its uploader's terms"
ADDRESS = "https://www.youtube.com/watch?v={video}"
_NAMED = re.compile(rf"^Y?({VIDEO.pattern})(?:[_.-](\d+(?:\.\d+)?))?(?:[_.-]\d+(?:\.\d+)?)?$")
_SOUND = frozenset({".wav", ".flac", ".ogg", ".mp3", ".m4a", ".opus", ".webm", ".mp4"})


def clip_path(segment: Segment) -> str:
    """Where a fetched clip lies below the set's folder."""
    return f"clips/{segment.key}.flac"


def rows_of(
    choice: Choice, strong: StrongLabels, *, guns: frozenset[str], path_of: Callable[[Segment], str] = clip_path
) -> list[dict[str, str]]:
    """Rows in the order of choice; onsets are those of gunfire alone, every stretch is told beside."""
    return [_row(one, strong, guns, path_of) for one in choice.chosen]


def _row(one: Chosen, strong: StrongLabels, guns: frozenset[str], path_of: Callable[[Segment], str]) -> dict[str, str]:
    segment = one.segment
    stretches = strong.stretches.get(segment.key, ())
    return {
        "path": path_of(segment),
        "source": "audioset",
        "group": segment.video,
        "label": one.wanted.label,
        "train_ok": "validate",
        "onsets": ";".join(f"{stretch.start_s:g}" for stretch in stretches if stretch.mid in guns),
        "duration_s": f"{segment.end_s - segment.start_s:g}",
        "class": one.wanted.name,
        "mid": one.wanted.mid,
        "split": one.side,
        "video": segment.video,
        "start_s": f"{segment.start_s:g}",
        "end_s": f"{segment.end_s:g}",
        "labels": ";".join(segment.labels),
        "stretches": ";".join(f"{one.start_s:g}-{one.end_s:g} {one.mid}" for one in stretches),
        "list": segment.listing,
        "address": ADDRESS.format(video=segment.video),
        "licence": LICENCE,
    }


def write_table(path: Path, columns: Sequence[str], rows: Sequence[Mapping[str, object]]) -> None:
    """Write a CSV whole or not at all. Raises UsageError where the disk is full or the folder closed."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    keep(path, text.getvalue().encode())


def keep(path: Path, content: bytes) -> None:
    """Write a file under another name, then name it: what is there is whole."""
    part = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            part.write_bytes(content)
            os.replace(part, path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise UsageError(
            f"cannot write {path}: {error.strerror}. What is there already is whole; free some space or name another "
            "folder with --out, and run it again."
        ) from error


def clips_on_disk(folder: Path, segments: Sequence[Segment]) -> dict[str, Path]:
    """Files by segment key: `VIDEO.wav`, `YVIDEO.wav`, or `VIDEO_START.flac`, START in seconds or milliseconds.

    Raises UsageError where the folder is not there.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder} is no folder. Name the one that holds the clips with --audio.")
    wanted = {(one.video, name): one.key for one in segments for name in _names_of_start(one)}
    found: dict[str, Path] = {}
    for path in sorted(folder.rglob("*")):
        named = _NAMED.match(path.stem) if path.suffix.lower() in _SOUND else None
        key = wanted.get((named[1], float(named[2]) if named[2] else None)) if named else None
        if key is not None:
            found.setdefault(key, path.resolve())
    return found


def _names_of_start(segment: Segment) -> tuple[float | None, ...]:
    return None, segment.start_s, round(segment.start_s * 1000.0)
