"""The light variant as a graph and as figures; no torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dhishoom.detectors.front_ends import FrontEnd
from dhishoom.train.models.graphs import AUDIO, Graph, add_convolution, as_sequence, pictures

CHANNELS = (8, 16, 32, 32, 64, 64, 96, 96)
POOLED = frozenset({0, 1, 3, 5})
"""Convolutions after which the picture is halved; configuration A's last halving is the global pooling."""
WIDTH = 128
RMS = 0.1
QUIET = 1e-5


def levelled(audio: NDArray[np.float32]) -> NDArray[np.float32]:
    """Sound [..., samples] of one loudness: a street recording is so quiet that VGGish's offset would swallow it."""
    rms = np.sqrt(np.mean(np.square(audio, dtype=np.float64), axis=-1, keepdims=True))
    return np.asarray(audio * (RMS / (rms + QUIET)), np.float32)


def light_graph(weights: Mapping[str, NDArray[Any]], shape: FrontEnd) -> bytes:
    """`audio` → `embedding`, with the sound levelled first; weights as `light.folded` gives them."""
    graph = Graph()
    graph.add("ReduceMean", [_squares(graph)], "mean_square", axes=[1], keepdims=1)
    graph.add("Sqrt", ["mean_square"], "rms")
    graph.add("Add", ["rms", graph.hold("quiet", np.array(QUIET))], "rms_above_zero")
    graph.add("Div", [graph.hold("wanted_rms", np.array(RMS)), "rms_above_zero"], "gain")
    graph.add("Mul", [AUDIO, "gain"], "levelled")
    picture = pictures(graph, shape, "levelled")
    graph.add("ReduceMean", [picture], "loudness", axes=[2, 3], keepdims=1)
    graph.add("Sub", [picture, "loudness"], "without_loudness")
    signal = graph.add("Mul", ["without_loudness", graph.hold("quarter", np.array(0.25))], "normed")
    for index in range(len(CHANNELS)):
        kernel, bias = weights[f"conv{index}/kernel"], weights[f"conv{index}/bias"]
        signal = add_convolution(graph, signal, f"conv{index}", kernel, bias, pooled=index in POOLED)
    graph.add("ReduceMean", [signal], "mean_of_picture", axes=[2, 3], keepdims=0)
    graph.add("ReduceMax", [signal], "most_of_picture", axes=[2, 3], keepdims=0)
    graph.add("Concat", ["mean_of_picture", "most_of_picture"], "pooled", axis=1)
    dense = [graph.hold("dense_weight", weights["dense/kernel"]), graph.hold("dense_bias", weights["dense/bias"])]
    signal = graph.add("Gemm", ["pooled", *dense], "dense")
    return graph.model(as_sequence(graph, signal, WIDTH), WIDTH)


def _squares(graph: Graph) -> str:
    return graph.add("Mul", [AUDIO, AUDIO], "squares_of_audio")


def parameters(weights: Mapping[str, NDArray[Any]]) -> int:
    """Numbers in the graph that were learnt."""
    return sum(array.size for array in weights.values())
