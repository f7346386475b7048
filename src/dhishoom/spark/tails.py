"""The last seconds of every sensor, kept on the executor's machine and checked by offset.

One index for each batch says which tails hold once every message before an offset is heard. A task whose first message
is not at the offset of an index knows that somebody else heard what came between, and reads back.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from dhishoom.core.framing import index_at, time_at
from dhishoom.nouns import Chunk

GENERATIONS = 4
"""Indexes that are kept: a batch that is heard again needs the one before it."""
LEFT_S = 86_400.0
FULL_SCALE = np.float32(32768)
_INDEX = re.compile(r"index-(\d+)\.json")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tail:
    """What the next message of a sensor needs before it.

    Attributes:
        told_ns: Everything before it has been told; None: nothing has.
        chunks: Sound, oldest first.
        offset: Of its last message.
        taken_ns: When the bus took that message.
        spans: Beginnings and ends of its last messages, by which one that is sent twice is known.
    """

    told_ns: int | None
    chunks: tuple[Chunk, ...]
    offset: int
    taken_ns: int
    spans: tuple[tuple[int, int], ...] = ()


class _Piece(msgspec.Struct, frozen=True):
    start_ns: int
    sample_rate: int
    samples: int
    clock_sigma_s: float | None
    sequence: int | None


class _Header(msgspec.Struct, frozen=True):
    sensor_id: str
    told_ns: int | None
    offset: int
    taken_ns: int
    spans: tuple[tuple[int, int], ...]
    kind: str
    pieces: list[_Piece]


class TailFolder:
    """The tails of one partition of a topic."""

    def __init__(self, folder: Path, topic: str, partition: int) -> None:
        self._folder = folder / f"{hashlib.blake2b(topic.encode(), digest_size=8).hexdigest()}-{partition}"

    def read(self, offset: int) -> dict[str, Tail] | None:
        """Every sensor's tail once all before `offset` was heard; None where that is not known here."""
        try:
            index = msgspec.json.decode((self._folder / f"index-{offset}.json").read_bytes(), type=dict[str, str])
            return {sensor_id: _read(self._folder / name) for sensor_id, name in index.items()}
        except (OSError, msgspec.MsgspecError, ValueError):
            return None

    def write(self, offset: int, tails: Mapping[str, Tail]) -> None:
        """Keep the tails that hold before `offset`, whole or not at all; forget those of long ago."""
        self._folder.mkdir(parents=True, exist_ok=True)
        index = {sensor_id: _name(sensor_id, tail) for sensor_id, tail in tails.items()}
        for sensor_id, name in index.items():
            path = self._folder / name
            if not path.exists():
                _write(path, _bytes_of(sensor_id, tails[sensor_id]))
        _write(self._folder / f"index-{offset}.json", msgspec.json.encode(index))
        self._forget(offset)

    def _forget(self, newest: int) -> None:
        found = {int(match[1]): path for path in self._folder.iterdir() if (match := _INDEX.fullmatch(path.name))}
        before = sorted(offset for offset in found if offset <= newest)
        kept = set(before[-GENERATIONS:])
        wanted: set[str] = set()
        for offset in kept:
            wanted.update(msgspec.json.decode(found[offset].read_bytes(), type=dict[str, str]).values())
        for path in self._folder.iterdir():
            match = _INDEX.fullmatch(path.name)
            if (match and int(match[1]) not in kept) or (path.suffix == ".tail" and path.name not in wanted):
                path.unlink(missing_ok=True)


def folder_of_run(folder: Path, run: str) -> Path:
    """Where a run keeps its tails: offsets of another may be of another topic. What was left a day ago goes."""
    if folder.is_dir():
        for one in folder.iterdir():
            if one.name != run and one.is_dir() and _touched_s(one) < time.time() - LEFT_S:
                shutil.rmtree(one, ignore_errors=True)
    return folder / run


def _touched_s(folder: Path) -> float:
    """When a run last wrote the tails of a partition."""
    return max(one.stat().st_mtime for one in (folder, *folder.iterdir()))


def trimmed(chunks: tuple[Chunk, ...], since_ns: int) -> tuple[Chunk, ...]:
    """Chunks without what lies before a time."""
    kept = []
    for chunk in chunks:
        cut = index_at(since_ns, chunk.sample_rate) - index_at(chunk.start_ns, chunk.sample_rate)
        if cut <= 0:
            kept.append(chunk)
        elif cut < len(chunk.samples):
            kept.append(_from(chunk, cut))
    return tuple(kept)


def _from(chunk: Chunk, cut: int) -> Chunk:
    first = index_at(chunk.start_ns, chunk.sample_rate) + cut
    start_ns = time_at(first, chunk.sample_rate)
    return Chunk(
        sensor_id=chunk.sensor_id,
        start_ns=start_ns + (index_at(start_ns, chunk.sample_rate) < first),
        sample_rate=chunk.sample_rate,
        samples=chunk.samples[cut:].copy(),
        clock_sigma_s=chunk.clock_sigma_s,
        sequence=chunk.sequence,
    )


def _name(sensor_id: str, tail: Tail) -> str:
    digest = hashlib.blake2b(sensor_id.encode(), digest_size=8).hexdigest()
    return f"{digest}-{tail.offset}-{tail.told_ns or 0}.tail"


def _bytes_of(sensor_id: str, tail: Tail) -> bytes:
    """A line of JSON, then the samples: as int16 where that loses nothing."""
    samples = np.concatenate([chunk.samples for chunk in tail.chunks]) if tail.chunks else np.zeros(0, np.float32)
    steps = samples * FULL_SCALE
    exact = bool((np.round(steps) == steps).all() and (steps < FULL_SCALE).all())
    pieces = [
        _Piece(one.start_ns, one.sample_rate, len(one.samples), one.clock_sigma_s, one.sequence) for one in tail.chunks
    ]
    kind = "int16" if exact else "float32"
    header = _Header(sensor_id, tail.told_ns, tail.offset, tail.taken_ns, tail.spans, kind, pieces)
    body = steps.astype(np.int16) if exact else samples
    return msgspec.json.encode(header) + b"\n" + body.tobytes()


def _read(path: Path) -> Tail:
    line, _, body = path.read_bytes().partition(b"\n")
    header = msgspec.json.decode(line, type=_Header)
    numbers = np.frombuffer(body, np.dtype(header.kind))
    samples = numbers.astype(np.float32) / FULL_SCALE if header.kind == "int16" else numbers
    if len(samples) != sum(piece.samples for piece in header.pieces):
        raise ValueError(f"{path} is torn")
    chunks, at = [], 0
    for piece in header.pieces:
        chunks.append(
            Chunk(
                sensor_id=header.sensor_id,
                start_ns=piece.start_ns,
                sample_rate=piece.sample_rate,
                samples=samples[at : at + piece.samples],
                clock_sigma_s=piece.clock_sigma_s,
                sequence=piece.sequence,
            )
        )
        at += piece.samples
    return Tail(
        told_ns=header.told_ns,
        chunks=tuple(chunks),
        offset=header.offset,
        taken_ns=header.taken_ns,
        spans=header.spans,
    )


def _write(path: Path, body: bytes) -> None:
    part = path.with_name(f"{path.name}.part")
    part.write_bytes(body)
    part.replace(path)
