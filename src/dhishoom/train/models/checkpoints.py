"""Weights that others published, as arrays by name, from NumPy, PyTorch, Keras and TensorFlow; nothing is executed."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dhishoom.errors import ModelError
from dhishoom.train.models.stored_keras import MAGIC as HDF5
from dhishoom.train.models.stored_keras import read_keras
from dhishoom.train.models.stored_tensorflow import is_tensorflow, read_tensorflow
from dhishoom.train.models.stored_torch import read_torch

BYTES_MAX = 2 << 30
Arrays = dict[str, NDArray[Any]]


def read_checkpoint(path: Path) -> Arrays:
    """Every array of a file, told by its first bytes, not by its name.

    Raises ModelError for a file that is not there, damaged, of another kind, or would execute code on load.
    """
    try:
        return _read(path)
    except ModelError as error:
        raise ModelError(f"{path}: {error} Nothing in it was executed. Fetch the published weights again.") from error
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror or error}. Name a file of weights.") from error


def _read(path: Path) -> Arrays:
    if is_tensorflow(path):
        return read_tensorflow(path)
    if path.stat().st_size > BYTES_MAX:
        raise ModelError(f"it is larger than {BYTES_MAX >> 30} GB.")
    with path.open("rb") as file:
        head = file.read(8)
    if head == HDF5:
        return read_keras(path)
    if head[:4] == b"PK\x03\x04" and _is_npz(path):
        return _read_npz(path)
    if head[:2] == b"PK" or head[:1] == b"\x80":
        return read_torch(path)
    raise ModelError("it is no file of weights that is known here (NumPy, PyTorch, Keras's HDF5, TensorFlow).")


def _is_npz(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return all(name.endswith(".npy") for name in archive.namelist())
    except zipfile.BadZipFile as error:
        raise ModelError("it is cut short.") from error


def _read_npz(path: Path) -> Arrays:
    try:
        with np.load(path, allow_pickle=False) as kept:
            return {name: kept[name] for name in kept.files}
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        raise ModelError(f"it is damaged, or would execute code on load ({error}).") from error
