"""Clips as FLAC files: `sensor=ID/date=YYYY-MM-DD/YYYYMMDDTHHMMSS.ffffffZ.flac` (docs/formats.md)."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, unquote

import soundfile

from dhishoom.core.timestamps import from_rfc3339, to_rfc3339
from dhishoom.errors import StoreError
from dhishoom.nouns import Chunk

NAME_BYTES_MAX = 120
FREE_BYTES_MIN = 256 << 20
PART_SUFFIX = ".part"
_CLIP = re.compile(r"sensor=[^/\x00]{1,200}/date=(\d{4}-\d\d-\d\d)/(\d{8}T(\d\d)(\d\d)(\d\d)(\.\d{6})Z)\.flac")


class KeptClip(NamedTuple):
    """A clip that is there."""

    clip: str
    start_ns: int
    bytes: int


def clip_name(sensor_id: str, start_ns: int) -> str:
    """Where the sound of a sensor from a time on is kept; any id makes one folder name."""
    moment = to_rfc3339(start_ns)
    date, clock = moment[:10], moment[11:].replace(":", "")
    return f"sensor={_folder_name(sensor_id)}/date={date}/{date.replace('-', '')}T{clock}.flac"


def encode_flac(chunk: Chunk) -> bytes:
    """16 bit, mono; the same samples give the same bytes."""
    body = io.BytesIO()
    soundfile.write(body, chunk.samples, chunk.sample_rate, format="FLAC", subtype="PCM_16")
    return body.getvalue()


def require_clip(clip: str) -> None:
    """Raise StoreError where that is no clip's name."""
    if _CLIP.fullmatch(clip) is None:
        raise StoreError(f"{clip[:200]!r} is the name of no clip; take it from a detection.")


def gone(clip: str) -> StoreError:
    """What to say of a clip that is not there."""
    return StoreError(f"The clip {clip} is gone; the retention rules remove old ones. Raise store.days or store.bytes.")


def _folder_name(sensor_id: str) -> str:
    """Letters, digits, `_ - ~` and dots stay, the rest becomes %XX; a long one keeps its beginning and a digest."""
    name = quote(sensor_id, safe="")
    if len(name) <= NAME_BYTES_MAX:
        return name
    return f"{name[: NAME_BYTES_MAX - 17]}~{hashlib.blake2b(sensor_id.encode(), digest_size=8).hexdigest()}"


def _start_of(match: re.Match[str]) -> int:
    date, _, hours, minutes, seconds, fraction = match.groups()
    return from_rfc3339(f"{date}T{hours}:{minutes}:{seconds}{fraction}Z")


class ClipFolder:
    """A folder of clips on a disk of this machine.

    Args:
        free_bytes_min: Nothing is written that would leave less free on the disk.
    """

    def __init__(self, folder: Path, *, free_bytes_min: int = FREE_BYTES_MIN) -> None:
        self._folder, self._free_bytes_min = folder, free_bytes_min
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _unwritable(folder, error) from error

    def keep(self, chunk: Chunk) -> KeptClip:
        """Write whole or not at all, durable when it returns; a clip that is there already stays as it is."""
        clip = clip_name(chunk.sensor_id, chunk.start_ns)
        path = self._folder / clip
        try:
            return KeptClip(clip, chunk.start_ns, path.stat().st_size)
        except OSError:
            pass  # the usual case: it is new
        body = encode_flac(chunk)
        self._require_room(len(body))
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _write_durably(path, body)
        except OSError as error:
            raise _unwritable(self._folder, error) from error
        return KeptClip(clip, chunk.start_ns, len(body))

    def read(self, clip: str) -> bytes:
        """Its bytes. Raises StoreError where it is gone or no clip."""
        try:
            return self._path_of(clip).read_bytes()
        except OSError as error:
            raise gone(clip) from error

    def remove(self, clip: str) -> None:
        """Delete it, and its folders once they are empty; nothing happens where it is gone."""
        path = self._path_of(clip)
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise _unwritable(self._folder, error) from error
        for folder in (path.parent, path.parent.parent):
            try:
                folder.rmdir()
            except OSError:
                return  # it holds other clips

    def clips(self) -> Iterator[tuple[str, KeptClip]]:
        """Every clip that is there, with its sensor's id; what another process left half-written is deleted."""
        for path in sorted(self._folder.glob("sensor=*/date=*/*")):
            clip = path.relative_to(self._folder).as_posix()
            if path.suffix == PART_SUFFIX:
                if not path.name.endswith(_own_part_suffix()):
                    path.unlink(missing_ok=True)
            elif match := _CLIP.fullmatch(clip):
                sensor_id = unquote(clip.split("/", 1)[0].removeprefix("sensor="))
                yield sensor_id, KeptClip(clip, _start_of(match), path.stat().st_size)

    def free_bytes(self) -> int:
        """Free on the disk beyond what is never used."""
        return shutil.disk_usage(self._folder).free - self._free_bytes_min

    def _path_of(self, clip: str) -> Path:
        require_clip(clip)
        return self._folder / clip

    def _require_room(self, size: int) -> None:
        free = self.free_bytes() - size
        if free < 0:
            raise StoreError(
                f"No clip is written: the disk of {self._folder} has less than {self._free_bytes_min >> 20} MiB free. "
                "Free some, lower store.gigabytes, or lower store.free_megabytes."
            )


def _own_part_suffix() -> str:
    return f".{os.getpid()}{PART_SUFFIX}"


def _write_durably(path: Path, body: bytes) -> None:
    """A reader sees the whole file or none, also after a loss of power."""
    part = path.with_name(path.name + _own_part_suffix())
    try:
        with part.open("wb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _unwritable(folder: Path, error: OSError) -> StoreError:
    fixes = {
        errno.ENOSPC: "Free some space or name another disk in store.clips.",
        errno.EROFS: "The disk is mounted read-only; mount it for writing or name another in store.clips.",
        errno.EACCES: "Give this user the right to write there or name another folder in store.clips.",
    }
    fix = fixes.get(error.errno or 0, "Name another folder in store.clips.")
    return StoreError(f"No clip can be written in {folder}: {error.strerror}. {fix}")
