"""A network file opened for onnxruntime, alike for every detector and embedder."""

from __future__ import annotations

from pathlib import Path

import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as reasons

from dhishoom.errors import ModelError

FAILURES = (
    reasons.EPFail,
    reasons.Fail,
    reasons.InvalidArgument,
    reasons.InvalidGraph,
    reasons.InvalidProtobuf,
    reasons.NoSuchFile,
    reasons.NotImplemented,
    reasons.RuntimeException,
)
"""All that onnxruntime raises; they share no base of their own."""


def open_network(path: Path, *, threads: int = 1, kind: str = "network", mend: str) -> onnxruntime.InferenceSession:
    """A session on the processor. Raises ModelError where onnxruntime cannot open it, with `mend` as the way out."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4  # what fails is raised, in our words
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except FAILURES as error:
        raise ModelError(f"The {kind} {path} cannot be loaded: {error}. {mend}") from error
