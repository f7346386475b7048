"""Weights in the forms that others publish, written byte by byte: no framework is needed to test what reads them."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path

import h5py
import numpy as np

from dhishoom.train.models.vggish import layout

Arrays = Mapping[str, np.ndarray]


def weights(scale: float = 1.0, seed: int = 0, *, thin: bool = False) -> dict[str, np.ndarray]:
    """VGGish's layers as TF-slim names them, drawn so that signals keep their level; thin: few channels."""
    rng = np.random.default_rng(seed)
    shapes = layout("tf_slim")
    if thin:
        shapes = {name: _thin(name, shape) for name, shape in shapes.items()}
    return {
        name: (rng.standard_normal(shape, np.float32) * scale * np.sqrt(2 / np.prod(shape[:-1]))).astype(np.float32)
        if len(shape) > 1
        else np.full(shape, 0.01, np.float32)
        for name, shape in shapes.items()
    }


def _thin(name: str, shape: tuple[int, ...]) -> tuple[int, ...]:
    """A sixteenth of the channels between the picture and the embedding; the last picture is 6 by 4."""
    inner = [size if size == 1 else size // 16 for size in shape[-2:]]
    if "fc2" in name:
        inner[-1] = 128
    return (*shape[:-2], *inner)


def write_torch(path: Path, arrays: Arrays, *, before: bytes = b"") -> Path:
    """The zip that torch.save writes; `before` goes in front of its table of names."""
    table = bytearray(b"\x80\x02" + before + b"}(")
    for number, (name, array) in enumerate(arrays.items()):
        table += _text(name) + b"ctorch._utils\n_rebuild_tensor_v2\n("
        table += b"(" + _text("storage") + b"ctorch\nFloatStorage\n" + _text(str(number)) + _text("cpu")
        table += _number(array.size) + b"tQ"
        strides = [stride // array.itemsize for stride in array.strides]
        table += _number(0) + _numbers(array.shape) + _numbers(strides) + b"\x89ccollections\nOrderedDict\n)RtR"
    table += b"u."
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", bytes(table))
        for number, array in enumerate(arrays.values()):
            archive.writestr(f"archive/data/{number}", np.ascontiguousarray(array, "<f4").tobytes())
    return path


def _text(text: str) -> bytes:
    return b"X" + struct.pack("<I", len(text.encode())) + text.encode()


def _number(value: int) -> bytes:
    return b"J" + struct.pack("<i", value)


def _numbers(values: object) -> bytes:
    return b"(" + b"".join(_number(int(one)) for one in values) + b"t"  # type: ignore[attr-defined]


def write_keras(path: Path, arrays: Arrays) -> Path:
    """As Keras saves weights: a group of the layer's name around its variables."""
    with h5py.File(path, "w") as file:
        for name, array in arrays.items():
            layer = name.rpartition("/")[0]
            file.create_dataset(f"{layer}/{name}:0", data=array)
    return path
