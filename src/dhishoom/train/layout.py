"""The same network, faster and alike in every batch: `python -m dhishoom.train.layout FILE.onnx` rewrites it in place.

onnxruntime convolves signals of four axes in blocks of channels that fill a vector register, those of three by copying
every window of the signal first: a fourth axis of length one saves a quarter of the time. A mean over channels it sums
in another order where the batch is one, so that a window's scores depended on its company: a convolution does not.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
from onnx import NodeProto, helper, numpy_helper

from dhishoom.errors import ModelError

LAYERS = ("Conv", "AveragePool", "MaxPool")
KEPT = frozenset({"Abs", "Add", "Concat", "Constant", "Div", "Gather", "Log", "Mul", "Relu", "Shape", "Sigmoid", "Sub"})
"""Work on any number of axes, or along axis 1 alone."""


def widen(path: Path) -> None:
    """Rewrite `audio` [batch, samples] → ... → `scores` [batch, frames, classes] in place.

    Raises ModelError, and leaves the file alone, where it holds an operation whose meaning the axis would change.
    """
    model = onnx.load(str(path))
    graph = model.graph
    if any(len(one.dims) == 4 for one in graph.initializer):
        return
    inferred = onnx.shape_inference.infer_shapes(model).graph.value_info
    channels = {one.name: one.type.tensor_type.shape.dim[1].dim_value for one in inferred if _axes(one) > 1}
    constants = {node.output[0]: node for node in graph.node if node.op_type == "Constant"}
    weights = {one.name: one for one in graph.initializer}
    nodes = [made for node in graph.node for made in _widened(node, constants, weights)]
    nodes = [_mean_as_layer(node, channels, graph) if node.op_type == "ReduceMean" else node for node in nodes]
    del graph.node[:]
    graph.node.extend(nodes)
    del graph.value_info[:]
    onnx.checker.check_model(model, full_check=True)
    path.write_bytes(model.SerializeToString())


def _widened(
    node: NodeProto, constants: dict[str, NodeProto], weights: dict[str, onnx.TensorProto]
) -> Iterator[NodeProto]:
    if node.op_type in LAYERS:
        _widen_layer(node, weights)
    elif node.op_type == "Unsqueeze" and node.input[0] == "audio":
        yield _constant("widened_axes", [1, 2])
        node.input[1] = "widened_axes"
    elif node.op_type == "Slice":
        (axis,) = _values(constants[node.input[3]])
        if axis == 2:
            yield _constant(f"{node.output[0]}_axis", [3])
            node.input[3] = f"{node.output[0]}_axis"
    elif node.op_type == "Transpose" and node.output[0] == "scores":
        yield _constant("narrowed_axes", [2])
        yield helper.make_node("Squeeze", [node.input[0], "narrowed_axes"], ["narrowed"])
        node.input[0] = "narrowed"
    elif node.op_type not in KEPT and not _is_mean_of_channels(node):
        raise ModelError(
            f"Cannot give {node.op_type} a fourth axis. Teach dhishoom.train.layout, or leave the file as is."
        )
    yield node


def _widen_layer(node: NodeProto, weights: dict[str, onnx.TensorProto]) -> None:
    """[.., k] becomes [.., 1, k], in weights and in what is said of the kernel."""
    for attribute in node.attribute:
        told = list(attribute.ints)
        if attribute.name == "pads":
            attribute.ints[:] = [0, told[0], 0, told[1]]
        elif attribute.name in ("kernel_shape", "strides", "dilations"):
            attribute.ints[:] = [1, *told]
    if node.op_type == "Conv":
        weight = weights[node.input[1]]
        wide = numpy_helper.to_array(weight)[:, :, None]
        weight.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(wide), weight.name))


def _is_mean_of_channels(node: NodeProto) -> bool:
    told = {one.name: list(one.ints) or one.i for one in node.attribute}
    return node.op_type == "ReduceMean" and told.get("axes") == [1] and told.get("keepdims", 1) == 1


def _mean_as_layer(node: NodeProto, channels: dict[str, int], graph: onnx.GraphProto) -> NodeProto:
    count = channels[node.input[0]]
    weight = np.full((1, count, 1, 1), 1 / count, np.float32)
    graph.initializer.append(numpy_helper.from_array(weight, f"{node.output[0]}_weight"))
    return helper.make_node("Conv", [node.input[0], f"{node.output[0]}_weight"], [node.output[0]], kernel_shape=[1, 1])


def _axes(value: onnx.ValueInfoProto) -> int:
    return len(value.type.tensor_type.shape.dim)


def _constant(name: str, values: list[int]) -> NodeProto:
    tensor = numpy_helper.from_array(np.array(values, np.int64), f"{name}_value")
    return helper.make_node("Constant", [], [name], value=tensor)


def _values(node: NodeProto) -> list[int]:
    return [int(value) for value in numpy_helper.to_array(node.attribute[0].t).ravel()]


def main() -> None:
    """Rewrite the named files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", type=Path, nargs="+")
    for path in parser.parse_args().files:
        widen(path)


if __name__ == "__main__":
    main()
