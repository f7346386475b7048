"""Chunks of a RIFF file (WAV) without decoding it: what it promises, and what it carries beside sound."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

CHUNKS_MAX = 4096
"""More chunks than any recorder writes: the file is damaged or hostile."""

_UNKNOWN_SIZES = frozenset({0, 0x7FFFF000, 0x7FFFFFFF, 0xFFFFFFFF})
"""Written by recorders that cannot go back to fill in the length (pipes), not a promise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RiffChunk:
    """One chunk: its name, where its bytes start and how many the header says there are."""

    name: bytes
    offset: int
    size: int


def riff_chunks(path: Path) -> Iterator[RiffChunk]:
    """Chunks of a RIFF/WAVE file in order; nothing for any other file."""
    with path.open("rb") as file:
        if not _is_wave(file.read(12)):
            return
        for _ in range(CHUNKS_MAX):
            header = file.read(8)
            if len(header) < 8:
                return
            name, size = struct.unpack("<4sI", header)
            yield RiffChunk(name=name, offset=file.tell(), size=size)
            file.seek(size + size % 2, 1)


def _is_wave(start: bytes) -> bool:
    return start[:4] == b"RIFF" and start[8:12] == b"WAVE"


def chunk_bytes(path: Path, name: bytes, *, bytes_max: int) -> bytes | None:
    """The first `bytes_max` bytes of the first chunk called `name`; None where there is none."""
    for chunk in riff_chunks(path):
        if chunk.name == name:
            with path.open("rb") as file:
                file.seek(chunk.offset)
                return file.read(min(chunk.size, bytes_max))
    return None


def missing_bytes(path: Path) -> int:
    """How many bytes of sound the header promises beyond the end of the file; 0 for a whole or another kind of file."""
    size_on_disk = path.stat().st_size
    for chunk in riff_chunks(path):
        if chunk.name == b"data" and chunk.size not in _UNKNOWN_SIZES:
            return max(0, chunk.offset + chunk.size - size_on_disk)
    return 0
