"""`audio_clips.csv`, the log of clips: sensor, time, flag, classes and place with bars between (docs/formats.md)."""

from __future__ import annotations

import ast
import json
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote

from dhishoom.errors import StoreError
from dhishoom.nouns import NS_PER_S
from dhishoom.stores.logged_clip import CLASSES_LOGGED, LoggedClip

TIME_FORM = "%Y-%m-%d_%H:%M:%S"
LINE_BYTES_MAX = 1 << 16
BLOCK_BYTES = 1 << 16
DIGITS = 7
"""Of a probability: what a float32 holds."""
_NOT_IN_A_COLUMN = re.compile(r"[|%\x00-\x1f\x7f\x85\u2028\u2029]")
_WRITTEN = re.compile(r"(?:%[0-9A-F]{2})+")


def line_of(row: LoggedClip) -> str:
    """One line without its end; whole seconds in UTC. A bar in a sensor's id is written as %7C."""
    moment = datetime.fromtimestamp(row.start_ns // NS_PER_S, UTC)
    classes = [(name, round(score, DIGITS)) for name, score in list(row.classes.items())[:CLASSES_LOGGED]]
    clip = _column(row.clip) if "|" in row.clip else row.clip
    return f"{_column(row.sensor_id)}|{moment:{TIME_FORM}}|{int(row.gunshot)}|{classes!r}|{clip}"


def row_of(line: str) -> LoggedClip | None:
    """What a line says; None for one that is no clip, such as the line of commas that some logs begin with."""
    if line.count("|") < 4 or len(line) > LINE_BYTES_MAX:
        return None
    sensor, time, flag, rest = line.rstrip("\r\n").split("|", 3)
    told, _, clip = rest.rpartition("|")
    if flag not in ("0", "1"):
        return None
    try:
        moment = datetime.strptime(time, TIME_FORM).replace(tzinfo=UTC)
        classes = {str(name): float(score) for name, score in ast.literal_eval(told)}
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None
    gunfire = [score for name, score in classes.items() if "gunshot" in name.lower()]
    return LoggedClip(
        sensor_id=_WRITTEN.sub(lambda found: unquote(found[0]), sensor),
        start_ns=int(moment.timestamp()) * NS_PER_S,
        duration_s=None,
        gunshot=flag == "1",
        score=max(gunfire, default=None),
        classes=classes,
        clip=clip,
    )


def read_log(path: Path) -> Iterator[LoggedClip]:
    """Every clip of a log, in the order of writing. Raises StoreError where there is none."""
    try:
        with path.open(encoding="utf-8", errors="replace", newline="\n") as lines:
            yield from filter(None, map(row_of, lines))
    except OSError as error:
        raise _unreadable(path, error) from error


def latest(path: Path, sensor_id: str) -> LoggedClip | None:
    """The last clip of a sensor; read from the end, so that a log of any length costs the same."""
    try:
        return next((row for row in map(row_of, _lines_backwards(path)) if row and row.sensor_id == sensor_id), None)
    except OSError as error:
        raise _unreadable(path, error) from error


class AncestorLog:
    """A log that is written batch by batch; a batch that is written again replaces itself.

    Beside it lies `NAME.batch`: which batch was written last, and how long the log was before it.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._mark = path, path.with_name(path.name + ".batch")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _unwritable(path, error) from error

    def put(self, batch: str, rows: Sequence[LoggedClip]) -> None:
        """Append the lines of a batch, whole; durable when it returns."""
        body = "".join(f"{line_of(row)}\n" for row in rows).encode()
        try:
            length = self._length_before(batch)
            with self._path.open("ab") as log:
                log.truncate(length)
                log.write(body)
                log.flush()
                os.fsync(log.fileno())
        except OSError as error:
            raise _unwritable(self._path, error) from error

    def _length_before(self, batch: str) -> int:
        mark = self._read_mark()
        if mark is not None and mark[0] == batch:
            return mark[1]
        length = self._path.stat().st_size if self._path.exists() else 0
        part = self._mark.with_name(f"{self._mark.name}.part")
        with part.open("w", encoding="utf-8") as file:
            file.write(json.dumps({"batch": batch, "bytes_before": length}))
            file.flush()
            os.fsync(file.fileno())
        part.replace(self._mark)
        return length

    def _read_mark(self) -> tuple[str, int] | None:
        try:
            mark = json.loads(self._mark.read_text(encoding="utf-8"))
            return str(mark["batch"]), int(mark["bytes_before"])
        except (OSError, ValueError, KeyError, TypeError):
            return None


def _column(text: str) -> str:
    """What would break a line is written as %XX."""
    return _NOT_IN_A_COLUMN.sub(lambda found: "".join(f"%{byte:02X}" for byte in found[0].encode()), text)


def _lines_backwards(path: Path) -> Iterator[str]:
    """A file's lines, the last first."""
    with path.open("rb") as file:
        at, rest = file.seek(0, os.SEEK_END), b""
        while at > 0:
            size = min(BLOCK_BYTES, at)
            at -= size
            file.seek(at)
            lines = (file.read(size) + rest).split(b"\n")
            rest = lines[0]
            yield from _texts(reversed(lines[1:]))
        yield from _texts([rest])


def _texts(lines: Iterable[bytes]) -> Iterator[str]:
    return (line.decode("utf-8", "replace") for line in lines)


def _unreadable(path: Path, error: OSError) -> StoreError:
    return StoreError(f"the log {path} cannot be read: {error.strerror}. Name an audio_clips.csv that is there.")


def _unwritable(path: Path, error: OSError) -> StoreError:
    return StoreError(f"the log {path} cannot be written: {error.strerror}. Free some space or name another place.")
