"""Networks in ONNX with their front end inside, run by onnxruntime."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as reasons

from dhishoom.detectors.cards import read_card
from dhishoom.errors import ModelError
from dhishoom.nouns import ModelCard

INPUT, OUTPUT = "audio", "scores"
AT_ONCE = 8
"""Windows that go through the network together: what it makes of them still fits the processor's cache."""
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


class OnnxDetector:
    """A network file and the card beside it.

    Args:
        path: `NAME.onnx`; the card is `NAME.json`.
        threads: For one batch; a worker has its own process, so one is right unless told otherwise.
    """

    def __init__(self, path: Path, *, threads: int = 1) -> None:
        self._card = read_card(path.with_suffix(".json"))
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except FAILURES as error:
            raise ModelError(f"The network {path} cannot be loaded: {error}. Fetch or export it again.") from error
        self._check(path)

    @property
    def card(self) -> ModelCard:
        """What it is and what it needs."""
        return self._card

    def scores(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        """[batch, samples] to [batch, frames, classes]."""
        if len(windows) <= AT_ONCE:
            return np.asarray(self._session.run([OUTPUT], {INPUT: windows})[0], np.float32)
        parts = [windows[at : at + AT_ONCE] for at in range(0, len(windows), AT_ONCE)]
        return np.concatenate([self.scores(part) for part in parts])

    def _check(self, path: Path) -> None:
        """Run one window of silence and hold the result against the card."""
        card = self._card
        inputs = [node.name for node in self._session.get_inputs()]
        outputs = [node.name for node in self._session.get_outputs()]
        if inputs != [INPUT] or OUTPUT not in outputs:
            raise ModelError(f"{path} takes {inputs} and gives {outputs}; the product needs {INPUT!r} and {OUTPUT!r}.")
        length = round(card.window_s * card.sample_rate)
        frames = round((card.step_s + 2 * card.guard_s) / card.hop_s)
        expected = (1, frames, len(card.classes))
        try:
            shape = self.scores(np.zeros((1, length), np.float32)).shape
        except FAILURES as error:
            raise ModelError(f"{path} does not take windows of {length} samples, as its card says: {error}") from error
        if shape != expected:
            raise ModelError(
                f"{path} gives {shape} for one window, its card promises {expected}: network and card do not belong "
                "together. Export both again."
            )
