"""Tensors of a TensorFlow checkpoint by name, in both of its forms, without TensorFlow.

Both keep a sorted table of keys (LevelDB's: blocks with shared prefixes, a footer with a magic number). The first form
(one file) keeps the numbers in the table, the second (`NAME.index`, `NAME.data-*`) beside it.
Source: tensorflow/core/lib/io/table_format.txt, saved_tensor_slice.proto, tensor_bundle.proto.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dhishoom.errors import ModelError
from dhishoom.train.models.wire import numbers, parts, varint

MAGIC = 0xDB4775248B80FB57
FOOTER, TRAILER = 48, 5
FLOAT = 1
BYTES_MAX = 2 << 30
Arrays = dict[str, NDArray[Any]]


def is_tensorflow(path: Path) -> bool:
    """Whether a file ends as such a table does, or has one beside it."""
    return _index_of(path) is not None


def read_tensorflow(path: Path) -> Arrays:
    """Every float32 variable; `path` is the file of the first form, or `NAME`, `NAME.index` or a data file."""
    index = _index_of(path)
    if index is None:
        raise ModelError("it is no TensorFlow checkpoint.")
    if index.stat().st_size > BYTES_MAX:
        raise ModelError(f"it is larger than {BYTES_MAX >> 30} GB.")
    try:
        return _read(memoryview(index.read_bytes()), index)
    except (ValueError, IndexError, UnicodeDecodeError) as error:
        raise ModelError(f"its table is damaged ({error}).") from error


def _read(view: memoryview, index: Path) -> Arrays:
    if index.suffix == ".index":
        entries = {key.decode(): bytes(value) for key, value in _entries(view) if key}
        shards = _Shards(index)
        return {name: shards.array(name, memoryview(entry)) for name, entry in entries.items() if _is_float(entry)}
    arrays: Arrays = {}
    shapes: dict[str, tuple[int, ...]] = {}
    for key, value in _entries(view):
        if not key:
            shapes = _shapes(value)
            continue
        for held in parts(value, 2):
            name = bytes(parts(held, 1)[0]).decode()
            if name in shapes:
                arrays[name] = _numbers_of(name, parts(held, 3)[0], shapes[name])
    return arrays


def _index_of(path: Path) -> Path | None:
    stem = path.name.partition(".data-")[0].removesuffix(".index")
    for candidate in (path, path.with_name(f"{stem}.index")):
        if candidate.is_file() and candidate.stat().st_size >= FOOTER:
            with candidate.open("rb") as file:
                file.seek(-8, 2)
                if int.from_bytes(file.read(8), "little") == MAGIC:
                    return candidate
    return None


def _entries(view: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    """Every key and value of a table, in order."""
    footer = view[-FOOTER:]
    _, at = varint(footer, 0)
    _, at = varint(footer, at)
    for _, handle in _block(view, *_handle(footer, at)):
        yield from _block(view, *_handle(handle, 0))


def _handle(data: memoryview, at: int) -> tuple[int, int]:
    offset, at = varint(data, at)
    size, _ = varint(data, at)
    return offset, size


def _block(view: memoryview, offset: int, size: int) -> Iterator[tuple[bytes, memoryview]]:
    if offset + size + TRAILER > len(view):
        raise ValueError("a block lies beyond the end; the file is cut short")
    if view[offset + size] != 0:
        raise ValueError("its blocks are compressed, which no published checkpoint's are")
    data = view[offset : offset + size]
    end = size - 4 * (1 + int.from_bytes(data[-4:], "little"))
    at, key = 0, b""
    while at < end:
        shared, at = varint(data, at)
        own, at = varint(data, at)
        length, at = varint(data, at)
        key = key[:shared] + bytes(data[at : at + own])
        at += own
        if at + length > end:
            raise ValueError("an entry breaks off")
        yield key, data[at : at + length]
        at += length


def _shape(data: memoryview) -> tuple[int, ...]:
    """TensorShapeProto: dim = 2, its size = 1."""
    return tuple((numbers(one, 1) or [0])[0] for one in parts(data, 2))


def _shapes(data: memoryview) -> dict[str, tuple[int, ...]]:
    """Of float32 variables; the first form: meta = 1, tensor = 1, name = 1, shape = 2, type = 3."""
    tensors = [one for meta in parts(data, 1) for one in parts(meta, 1) if numbers(one, 3) == [FLOAT]]
    return {bytes(parts(one, 1)[0]).decode(): _shape(parts(one, 2)[0]) for one in tensors if parts(one, 2)}


def _numbers_of(name: str, data: memoryview, shape: tuple[int, ...]) -> NDArray[Any]:
    """TensorProto: float_val = 5, packed, or tensor_content = 4."""
    held = b"".join(bytes(one) for one in (parts(data, 5) or parts(data, 4)))
    if len(held) != 4 * math.prod(shape):
        raise ValueError(f"{name} has {len(held)} bytes, its shape {shape} needs {4 * math.prod(shape)}")
    return np.frombuffer(held, "<f4").reshape(shape)


def _is_float(entry: bytes) -> bool:
    """BundleEntryProto: dtype = 1."""
    return numbers(memoryview(entry), 1) == [FLOAT]


class _Shards:
    """The data files beside an index."""

    def __init__(self, index: Path) -> None:
        self._files = sorted(index.parent.glob(f"{index.stem}.data-*-of-*"))

    def array(self, name: str, entry: memoryview) -> NDArray[Any]:
        """BundleEntryProto: shape = 2, shard = 3, offset = 4, size = 5."""
        shape = _shape(parts(entry, 2)[0]) if parts(entry, 2) else ()
        shard, offset, size = ((numbers(entry, field) or [0])[0] for field in (3, 4, 5))
        if shard >= len(self._files):
            raise ValueError(f"its data file {shard} is not beside it")
        if size != 4 * math.prod(shape):
            raise ValueError(f"{name} has {size} bytes, its shape {shape} needs {4 * math.prod(shape)}")
        with self._files[shard].open("rb") as file:
            file.seek(offset)
            held = file.read(size)
        if len(held) < size:
            raise ValueError(f"{self._files[shard].name} is cut short")
        return np.frombuffer(held, "<f4").reshape(shape)
