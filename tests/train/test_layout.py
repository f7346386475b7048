"""The fourth axis: the same scores, the same in every batch, and nothing rewritten that is not understood."""

from __future__ import annotations

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")

import onnxruntime  # noqa: E402
from onnx import TensorProto, helper, numpy_helper  # noqa: E402

from dhishoom.errors import ModelError  # noqa: E402
from dhishoom.train.layout import widen  # noqa: E402

RNG = np.random.default_rng(0)


def network(path, *, last="Sigmoid"):
    """Two convolutions, a mean over channels, a cut along time: audio [batch, 400] to scores [batch, frames, 5]."""
    weights = {"w1": RNG.normal(size=(32, 1, 20)), "w2": RNG.normal(size=(5, 32, 3)) / 10}
    ints = {"one": [1], "two": [2], "begin": [1], "end": [-1]}
    nodes = [
        helper.make_node("Constant", [], [name], value=numpy_helper.from_array(np.array(told, np.int64)))
        for name, told in ints.items()
    ]
    nodes += [
        helper.make_node("Unsqueeze", ["audio", "one"], ["x"]),
        helper.make_node("Conv", ["x", "w1"], ["a"], kernel_shape=[20], strides=[5]),
        helper.make_node("ReduceMean", ["a"], ["m"], axes=[1], keepdims=1),
        helper.make_node("Sub", ["a", "m"], ["b"]),
        helper.make_node("Slice", ["b", "begin", "end", "two"], ["c"]),
        helper.make_node("Conv", ["c", "w2"], ["d"], kernel_shape=[3], dilations=[2]),
        helper.make_node(last, ["d"], ["e"]),
        helper.make_node("Transpose", ["e"], ["scores"], perm=[0, 2, 1]),
    ]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("audio", TensorProto.FLOAT, ["batch", 400])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["batch", None, 5])],
        [numpy_helper.from_array(value.astype(np.float32), name) for name, value in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path.write_bytes(model.SerializeToString())
    return path


def scores(path, audio):
    """What onnxruntime makes of it."""
    return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"]).run(None, {"audio": audio})[0]


def test_the_scores_stay_the_same_and_no_longer_depend_on_the_batch(tmp_path):
    """To the last bit between batches of one and of four; rewriting twice changes nothing."""
    path = network(tmp_path / "a.onnx")
    audio = RNG.normal(size=(4, 400)).astype(np.float32)
    before = scores(path, audio)
    widen(path)
    once = path.read_bytes()
    after = scores(path, audio)
    np.testing.assert_allclose(after, before, atol=1e-5)
    for index in range(4):
        assert (scores(path, audio[index : index + 1])[0] == after[index]).all()
    widen(path)
    assert path.read_bytes() == once


def test_an_operation_it_does_not_know_is_refused(tmp_path):
    """The file stays as it was."""
    path = network(tmp_path / "a.onnx", last="Softmax")
    kept = path.read_bytes()
    with pytest.raises(ModelError, match="Softmax"):
        widen(path)
    assert path.read_bytes() == kept
