"""Embedders as ONNX, front end inside: `audio` [batch, samples] → `embedding` [batch, pictures, 128]. No torch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper, numpy_helper

from dhishoom.detectors.front_ends import FrontEnd, mel_matrix
from dhishoom.detectors.postprocessing import LEAST, LEVELS, MOST, Postprocessor
from dhishoom.train.models.vggish import LAYERS, names_of

OPSET = 17
IR_VERSION = 9
AUDIO, EMBEDDING = "audio", "embedding"


class Graph:
    """Nodes and weights as they are added; each name is made once."""

    def __init__(self) -> None:
        self.nodes: list[NodeProto] = []
        self.weights: list[TensorProto] = []

    def hold(self, name: str, values: NDArray[Any] | list[int], kind: type[np.generic] = np.float32) -> str:
        """A constant; a list is of whole numbers."""
        array = np.asarray(values, np.int64 if isinstance(values, list) else kind)
        self.weights.append(numpy_helper.from_array(array, name))
        return name

    def add(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        """An operation with one output, whose name it gives back."""
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def model(self, source: str, width: int) -> bytes:
        """The whole graph from `audio` to `embedding`."""
        axes: list[str | int] = ["batch", "pictures", width]
        graph = helper.make_graph(
            [*self.nodes, helper.make_node("Identity", [source], [EMBEDDING])],
            "embedder",
            [helper.make_tensor_value_info(AUDIO, TensorProto.FLOAT, ["batch", "samples"])],
            [helper.make_tensor_value_info(EMBEDDING, TensorProto.FLOAT, axes)],
            self.weights,
        )
        made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="dhishoom")
        made.ir_version = IR_VERSION
        content: bytes = made.SerializeToString()
        return content


def vggish_graph(
    weights: Mapping[str, NDArray[Any]],
    shape: FrontEnd,
    *,
    last_relu: bool,
    postprocessor: Postprocessor | None = None,
) -> bytes:
    """VGGish as ONNX; with a postprocessor, its embeddings are those that YouTube-8M's readers give."""
    graph = Graph()
    signal = pictures(graph, shape)
    for number, layer in enumerate(LAYERS):
        kernel, bias = (weights[name] for name in names_of(layer, "tf_slim"))
        if kernel.ndim == 4:
            signal = add_convolution(graph, signal, f"conv{number}", kernel, bias, pooled=layer.pooled)
        else:
            last = layer is LAYERS[-1]
            signal = _dense(graph, signal, f"dense{number}", kernel, bias, relu=last_relu or not last)
    signal = as_sequence(graph, signal, kernel.shape[1])
    if postprocessor is not None:
        signal = _postprocessed(graph, signal, postprocessor)
    return graph.model(signal, kernel.shape[1])


def pictures(graph: Graph, shape: FrontEnd, source: str = AUDIO) -> str:
    """Log-mel pictures [batch * pictures, 1, frames, bands] of sound; what is left at its end is dropped."""
    waves = _waves(shape)
    bins = len(waves) // 2
    _frames(graph, shape, source)
    graph.add("MatMul", ["frames_of_doubles", graph.hold("waves", waves.T, np.float64)], "spectrum")
    graph.add("Mul", ["spectrum", "spectrum"], "squares")
    both = np.tile(np.eye(bins), (2, 1))
    graph.add("MatMul", ["squares", graph.hold("real_and_imaginary", both, np.float64)], "power")
    graph.add("Sqrt", ["power"], "magnitude")
    graph.add("MatMul", ["magnitude", graph.hold("mel", mel_matrix(shape)[_used(shape)], np.float64)], "mel_bands")
    graph.add("Add", ["mel_bands", graph.hold("offset", np.array(shape.offset), np.float64)], "above_zero")
    graph.add("Cast", ["above_zero"], "above_zero_float", to=TensorProto.FLOAT)
    graph.add("Log", ["above_zero_float"], "log_mel")
    graph.add("Shape", ["log_mel"], "sizes")
    graph.add("Slice", ["sizes", "one", graph.hold("two", [2])], "frames")
    example = graph.hold("example", [shape.example])
    graph.add("Div", ["frames", example], "pictures_count")
    graph.add("Mul", ["pictures_count", example], "whole_frames")
    graph.add("Slice", ["log_mel", "zero", "whole_frames", "one"], "whole")
    return graph.add("Reshape", ["whole", graph.hold("as_pictures", [-1, 1, shape.example, shape.bands])], "pictures")


def _frames(graph: Graph, shape: FrontEnd, source: str) -> None:
    """Sound as frames [batch, frames, samples] of doubles: in float32 a loud tone's rounding fills silent bands."""
    one, zero = graph.hold("one", [1]), graph.hold("zero", [0])
    graph.add("Shape", [source], "audio_sizes")
    graph.add("Slice", ["audio_sizes", one, graph.hold("past_samples", [2])], "samples")
    graph.add("Sub", ["samples", graph.hold("frame", [shape.frame])], "last_begin")
    graph.add("Add", ["last_begin", one], "past_last_begin")
    graph.add("Squeeze", ["past_last_begin", zero], "end")
    step = graph.hold("step", np.array(shape.hop), np.int64)
    graph.add("Range", [graph.hold("begin", np.array(0), np.int64), "end", step], "begins")
    graph.add("Unsqueeze", ["begins", one], "begins_column")
    graph.add("Add", ["begins_column", graph.hold("within", list(range(shape.frame)))], "places")
    graph.add("Gather", [source, "places"], "frames_of_floats", axis=1)
    graph.add("Cast", ["frames_of_floats"], "frames_of_doubles", to=TensorProto.DOUBLE)


def _used(shape: FrontEnd) -> NDArray[np.bool_]:
    """Frequencies that any band takes in."""
    return np.asarray(mel_matrix(shape).any(axis=1), np.bool_)


def _waves(shape: FrontEnd) -> NDArray[np.float64]:
    """[2 * bins, frame]: windowed cosines, then sines, of the frequencies that are used."""
    bins = np.flatnonzero(_used(shape))
    angle = 2 * np.pi * np.outer(bins, np.arange(shape.frame)) / shape.fft
    return np.asarray(np.concatenate((np.cos(angle), np.sin(angle))) * shape.window, np.float64)


def add_convolution(
    graph: Graph, signal: str, name: str, kernel: NDArray[Any], bias: NDArray[Any], *, pooled: bool
) -> str:
    """Three by three with ReLU, halved if so wished; kernels are [height, width, in, out]."""
    weight = graph.hold(f"{name}_weight", np.ascontiguousarray(kernel.transpose(3, 2, 0, 1)))
    graph.add("Conv", [signal, weight, graph.hold(f"{name}_bias", bias)], name, pads=[1, 1, 1, 1])
    signal = graph.add("Relu", [name], f"{name}_relu")
    if not pooled:
        return signal
    return graph.add("MaxPool", [signal], f"{name}_pool", kernel_shape=[2, 2], strides=[2, 2])


def _dense(graph: Graph, signal: str, name: str, kernel: NDArray[Any], bias: NDArray[Any], *, relu: bool) -> str:
    if "dense" not in signal:
        graph.add("Transpose", [signal], f"{name}_channels_last", perm=[0, 2, 3, 1])
        signal = graph.add("Flatten", [f"{name}_channels_last"], f"{name}_flat")
    graph.add("Gemm", [signal, graph.hold(f"{name}_weight", kernel), graph.hold(f"{name}_bias", bias)], name)
    return graph.add("Relu", [name], f"{name}_relu") if relu else name


def as_sequence(graph: Graph, signal: str, width: int) -> str:
    """[batch * pictures, width] to [batch, pictures, width]."""
    graph.add("Concat", [graph.hold("any", [-1]), "pictures_count", graph.hold("width", [width])], "sequence", axis=0)
    return graph.add("Reshape", [signal, "sequence"], "embeddings")


def _postprocessed(graph: Graph, signal: str, how: Postprocessor) -> str:
    """Whitened, clipped, in eight bits, and back to numbers as YouTube-8M reads them."""
    span = MOST - LEAST
    graph.add("Sub", [signal, graph.hold("pca_means", how.means)], "centred")
    graph.add("MatMul", ["centred", graph.hold("pca_vectors", how.vectors.T)], "whitened")
    edges = [graph.hold("least", np.array(LEAST)), graph.hold("most", np.array(MOST))]
    graph.add("Clip", ["whitened", *edges], "clipped")
    graph.add("Sub", ["clipped", "least"], "above_least")
    graph.add("Mul", ["above_least", graph.hold("levels", np.array(LEVELS / span))], "in_levels")
    graph.add("Floor", ["in_levels"], "quantised")
    graph.add("Mul", ["quantised", graph.hold("level", np.array(span / LEVELS))], "scaled")
    return graph.add("Add", ["scaled", graph.hold("lowest", np.array(span / 512 + LEAST))], "as_published")


def write(content: bytes, path: Path) -> None:
    """Whole or not at all."""
    part = path.with_suffix(".part")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        part.write_bytes(content)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
