"""Tensors of a PyTorch file by name, in both of its forms, without PyTorch and without executing what it says."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from dhishoom.errors import ModelError
from dhishoom.train.models.pickled_names import Place, Storage, read_names

MAGIC = 0x1950A86A20F9469CFC6C
"""The number that files of before PyTorch 1.6 begin with."""
BYTES_MAX = 2 << 30
Arrays = dict[str, NDArray[Any]]


def read_torch(path: Path) -> Arrays:
    """Every tensor of a state dictionary. Raises ModelError with what is wrong with the file."""
    try:
        if zipfile.is_zipfile(path):
            return _read_zip(path)
        return _read_old(path)
    except (zipfile.BadZipFile, zlib.error, EOFError, KeyError, NotImplementedError, RuntimeError) as error:
        raise ModelError(f"its archive is damaged ({error}).") from error


def _read_zip(path: Path) -> Arrays:
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        table = next((name for name in names if name.endswith("/data.pkl") or name == "data.pkl"), None)
        if table is None:
            raise ModelError("it is a zip without data.pkl, no PyTorch file.")
        if sum(one.file_size for one in archive.infolist()) > BYTES_MAX:
            raise ModelError(f"it holds more than {BYTES_MAX >> 30} GB.")
        with archive.open(table) as file:
            found = read_names(file)
        folder = table.removesuffix("data.pkl")
        return _arrays(found, lambda storage: archive.read(f"{folder}data/{storage.key}"))


def _read_old(path: Path) -> Arrays:
    """Five pickles one after the other, then the storages: count and numbers of each."""
    with path.open("rb") as file:
        if read_names(file) != MAGIC:
            raise ModelError("it is no PyTorch file.")
        read_names(file), read_names(file)
        found, keys = read_names(file), read_names(file)
        storages = {place.storage.key: place.storage for place in _places(found).values()}
        content = {key: _old_storage(file, storages.get(key)) for key in keys}
    return _arrays(found, lambda storage: content[storage.key])


def _old_storage(file: IO[bytes], storage: Storage | None) -> bytes:
    if storage is None:
        raise ModelError("it holds a storage that no tensor names.")
    count = int.from_bytes(file.read(8), "little")
    if count != storage.count:
        raise ModelError(f"a storage has {count} numbers, its table says {storage.count}.")
    return file.read(count * np.dtype(storage.kind).itemsize)


def _places(found: Any) -> Mapping[str, Place]:
    """Tensors by name; of a training checkpoint, those of its `state_dict` or `model`."""
    for inner in ("state_dict", "model"):
        if isinstance(found, dict) and isinstance(found.get(inner), dict):
            found = found[inner]
    if not isinstance(found, dict):
        raise ModelError("it holds no dictionary of tensors.")
    return {str(name): place for name, place in found.items() if isinstance(place, Place)}


def _arrays(found: Any, content: Callable[[Storage], bytes]) -> Arrays:
    numbers: dict[str, NDArray[Any]] = {}
    arrays: Arrays = {}
    for name, place in _places(found).items():
        storage = place.storage
        if storage.key not in numbers:
            held = content(storage)
            if len(held) < storage.count * np.dtype(storage.kind).itemsize:
                raise ModelError(f"it is cut short: {name} has {len(held)} bytes.")
            numbers[storage.key] = np.frombuffer(held, storage.kind, storage.count)
        arrays[name] = _view(name, place, numbers[storage.key])
    return arrays


def _view(name: str, place: Place, numbers: NDArray[Any]) -> NDArray[Any]:
    """A tensor of a storage; never beyond its bytes."""
    if any(size < 0 for size in (*place.shape, *place.strides, place.offset)) or len(place.shape) != len(place.strides):
        raise ModelError(f"{name} lies outside its storage.")
    last = place.offset + sum((size - 1) * stride for size, stride in zip(place.shape, place.strides, strict=True))
    if 0 in place.shape or last >= len(numbers):
        raise ModelError(f"{name} lies outside its storage.")
    strides = tuple(stride * numbers.itemsize for stride in place.strides)
    return np.ascontiguousarray(as_strided(numbers[place.offset :], place.shape, strides, writeable=False))
