"""Weights of a Keras file (HDF5) by name."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dhishoom.errors import ModelError

MAGIC = b"\x89HDF\r\n\x1a\n"
NUMBERS_MAX = 1 << 28
Arrays = dict[str, NDArray[Any]]


def read_keras(path: Path) -> Arrays:
    """Every array of the file under its whole path, without Keras's `:0`; links to other files are not followed."""
    try:
        import h5py
    except ImportError as error:
        raise ModelError("it needs h5py, which is not here. Run: pip install 'dhishoom[import]'") from error
    arrays: Arrays = {}

    def keep(name: str, item: Any) -> None:
        if not isinstance(item, h5py.Dataset) or item.dtype.kind != "f":
            return
        if item.external or item.is_virtual:
            raise ModelError(f"{name} lies in another file, which is not read.")
        if math.prod(item.shape) > NUMBERS_MAX:
            raise ModelError(f"{name} has {math.prod(item.shape)} numbers, more than any layer of VGGish.")
        arrays[name.removesuffix(":0")] = np.asarray(item[()])

    try:
        with h5py.File(path, "r") as file:
            file.visititems(keep)
    except (OSError, RuntimeError, ValueError, KeyError) as error:
        raise ModelError(f"its HDF5 is damaged or cut short ({error}).") from error
    return arrays
