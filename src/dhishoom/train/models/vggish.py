"""VGGish: VGG configuration A on a log-mel picture, 128 numbers out, and the names its weights are published under.

Hershey et al. (2017). TF-slim and Keras keep convolutions as [height, width, in, out] and dense layers as [in, out],
PyTorch as [out, in, height, width] and [out, in]. All flatten the last picture as height, width, channel. Later TF-slim
code ends with the dense layer, older code and both ports with a ReLU after it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from dhishoom.errors import ModelError

Form = Literal["tf_slim", "pytorch", "keras"]
Weights = Mapping[str, NDArray[Any]]
PARAMETERS = 72_141_184


@dataclass(frozen=True, slots=True)
class Layer:
    """One weight layer: configuration A without its last pair of convolutions, and 128 numbers instead of classes.

    Attributes:
        name: In TF-slim, below `vggish/`; keras, torch: in the other forms.
        shape: Of its weights in TF-slim.
        pooled: Whether the picture is halved after it.
    """

    name: str
    keras: str
    torch: str
    shape: tuple[int, ...]
    pooled: bool = False


LAYERS = (
    Layer("conv1", "conv1", "features.0", (3, 3, 1, 64), pooled=True),
    Layer("conv2", "conv2", "features.3", (3, 3, 64, 128), pooled=True),
    Layer("conv3/conv3_1", "conv3/conv3_1", "features.6", (3, 3, 128, 256)),
    Layer("conv3/conv3_2", "conv3/conv3_2", "features.8", (3, 3, 256, 256), pooled=True),
    Layer("conv4/conv4_1", "conv4/conv4_1", "features.11", (3, 3, 256, 512)),
    Layer("conv4/conv4_2", "conv4/conv4_2", "features.13", (3, 3, 512, 512), pooled=True),
    Layer("fc1/fc1_1", "vggish_fc1/fc1_1", "embeddings.0", (12_288, 4096)),
    Layer("fc1/fc1_2", "vggish_fc1/fc1_2", "embeddings.2", (4096, 4096)),
    Layer("fc2", "vggish_fc2", "embeddings.4", (4096, 128)),
)
FORMS: Mapping[Form, str] = {"tf_slim": "TF-slim", "pytorch": "PyTorch", "keras": "Keras"}


def layout(form: Form) -> dict[str, tuple[int, ...]]:
    """Every variable of a form with its shape."""
    shapes: dict[str, tuple[int, ...]] = {}
    for layer in LAYERS:
        kernel, bias = names_of(layer, form)
        shapes[kernel] = _torch_shape(layer.shape) if form == "pytorch" else layer.shape
        shapes[bias] = (layer.shape[-1],)
    return shapes


def names_of(layer: Layer, form: Form) -> tuple[str, str]:
    """Of a layer's weights and biases."""
    if form == "tf_slim":
        return f"vggish/{layer.name}/weights", f"vggish/{layer.name}/biases"
    if form == "keras":
        return f"{layer.keras}/kernel", f"{layer.keras}/bias"
    return f"{layer.torch}.weight", f"{layer.torch}.bias"


def _torch_shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    return (shape[3], shape[2], shape[0], shape[1]) if len(shape) == 4 else (shape[1], shape[0])


def recognised(arrays: Weights) -> tuple[Form, dict[str, NDArray[np.float32]]]:
    """The form that a file's arrays are in, and VGGish's weights in TF-slim's names and shapes.

    Arrays beside them (an optimiser's, a postprocessor's) are left out. Raises ModelError for another network, naming
    the first thing that does not fit.
    """
    scores = {form: sum(_found(arrays, name) is not None for name in layout(form)) for form in FORMS}
    form = max(FORMS, key=lambda one: scores[one])
    if scores[form] < len(LAYERS):
        some = ", ".join(list(arrays)[:3]) or "none"
        raise ModelError(f"it is another network: none of VGGish's layers are in it (it holds {some}).")
    weights: dict[str, NDArray[np.float32]] = {}
    for layer in LAYERS:
        for name, own in zip(names_of(layer, form), names_of(layer, "tf_slim"), strict=True):
            weights[own] = _as_slim(_checked(arrays, name, layout(form)[name], form), form)
    return form, weights


def _found(arrays: Weights, name: str) -> str | None:
    """The array of that name; Keras repeats a layer's name as the group it lies in."""
    if name in arrays:
        return name
    return next((one for one in arrays if one.endswith(f"/{name}")), None)


def _checked(arrays: Weights, name: str, shape: tuple[int, ...], form: Form) -> NDArray[np.float32]:
    found = _found(arrays, name)
    if found is None:
        raise ModelError(f"it is not whole: {name} is missing ({FORMS[form]}'s form).")
    array = arrays[found]
    if array.shape != shape:
        raise ModelError(f"it is another network: {name} has the shape {array.shape}, VGGish's is {shape}.")
    numbers = np.asarray(array, np.float32)
    if not np.isfinite(numbers).all():
        raise ModelError(f"{name} holds numbers that are not finite.")
    return numbers


def _as_slim(array: NDArray[np.float32], form: Form) -> NDArray[np.float32]:
    if form != "pytorch" or array.ndim == 1:
        return array
    return np.ascontiguousarray(array.transpose(2, 3, 1, 0) if array.ndim == 4 else array.T)


def as_form(weights: Weights, form: Form) -> dict[str, NDArray[Any]]:
    """TF-slim's weights in the names and shapes of another form."""
    arrays: dict[str, NDArray[Any]] = {}
    for layer in LAYERS:
        for name, own in zip(names_of(layer, form), names_of(layer, "tf_slim"), strict=True):
            array = weights[own]
            if form == "pytorch" and array.ndim > 1:
                array = np.ascontiguousarray(array.transpose(3, 2, 0, 1) if array.ndim == 4 else array.T)
            arrays[name] = array
    return arrays


def embed(weights: Weights, pictures: NDArray[np.float32], *, last_relu: bool) -> NDArray[np.float32]:
    """Embeddings [n, 128] of pictures [n, 96, 64], in NumPy: slow, plain, to hold the graph against."""
    signal = pictures[..., None].astype(np.float32)
    for layer in LAYERS:
        kernel, bias = (weights[name] for name in names_of(layer, "tf_slim"))
        if kernel.ndim == 4:
            signal = np.maximum(_convolved(signal, kernel) + bias, 0)
            signal = _pooled(signal) if layer.pooled else signal
        else:
            signal = signal.reshape(len(signal), -1) @ kernel + bias
            signal = signal if layer is LAYERS[-1] and not last_relu else np.maximum(signal, 0)
    return signal


def _convolved(signal: NDArray[np.float32], kernel: NDArray[Any]) -> NDArray[np.float32]:
    """3 by 3, the picture's size kept with zeros."""
    padded = np.pad(signal, ((0, 0), (1, 1), (1, 1), (0, 0)))
    height, width = signal.shape[1:3]
    shifts = [padded[:, row : row + height, column : column + width] for row in range(3) for column in range(3)]
    patches = np.concatenate(shifts, axis=3).reshape(-1, 9 * kernel.shape[2])
    flat = np.asarray(patches @ kernel.reshape(-1, kernel.shape[3]), np.float32)
    return flat.reshape(*signal.shape[:3], kernel.shape[3])


def _pooled(signal: NDArray[np.float32]) -> NDArray[np.float32]:
    count, height, width, channels = signal.shape
    pairs = signal.reshape(count, height // 2, 2, width // 2, 2, channels)
    return np.asarray(pairs.max(axis=(2, 4)), np.float32)


def parameters() -> int:
    """How many numbers VGGish has."""
    return sum(math.prod(shape) for shape in layout("tf_slim").values())
