"""Networks in ONNX with their front end inside, run by onnxruntime."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dhishoom.detectors.cards import read_card
from dhishoom.detectors.networks import FAILURES, open_network
from dhishoom.errors import ModelError
from dhishoom.nouns import ModelCard

INPUT, OUTPUT = "audio", "scores"
GLANCE = 997
AT_ONCE = 8
"""Windows that go through the network together: what it makes of them still fits the processor's cache."""


class OnnxDetector:
    """A network file and the card beside it.

    Args:
        path: `NAME.onnx`; the card is `NAME.json`.
        threads: For one batch; a worker has its own process, so one is right unless told otherwise.
    """

    def __init__(self, path: Path, *, threads: int = 1) -> None:
        self._card = read_card(path.with_suffix(".json"))
        self._session = open_network(path, threads=threads, mend="Fetch or export it again.")
        self._check(path)

    @property
    def card(self) -> ModelCard:
        """What it is and what it needs."""
        return self._card

    def scores(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        """[batch, samples] to [batch, frames, classes]; digital silence is answered from memory."""
        sounding = np.fromiter((_sounds(window) for window in windows), np.bool_, len(windows))
        if sounding.all():
            return self._run(windows)
        answers = np.repeat(self._silence, len(windows), axis=0)
        if sounding.any():
            answers[sounding] = self._run(windows[sounding])
        return answers

    def _run(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        parts = [
            self._session.run([OUTPUT], {INPUT: windows[at : at + AT_ONCE]})[0]
            for at in range(0, len(windows), AT_ONCE)
        ]
        return np.asarray(parts[0] if len(parts) == 1 else np.concatenate(parts), np.float32)

    def _check(self, path: Path) -> None:
        """Run one window of silence, keep the result, and hold it against the card."""
        card = self._card
        inputs = [node.name for node in self._session.get_inputs()]
        outputs = [node.name for node in self._session.get_outputs()]
        if inputs != [INPUT] or OUTPUT not in outputs:
            raise ModelError(f"{path} takes {inputs} and gives {outputs}; the product needs {INPUT!r} and {OUTPUT!r}.")
        length = round(card.window_s * card.sample_rate)
        frames = round((card.step_s + 2 * card.guard_s) / card.hop_s)
        expected = (1, frames, len(card.classes))
        try:
            self._silence = self._run(np.zeros((1, length), np.float32))
        except FAILURES as error:
            raise ModelError(f"{path} does not take windows of {length} samples, as its card says: {error}") from error
        if self._silence.shape != expected:
            raise ModelError(
                f"{path} gives {self._silence.shape} for one window, its card promises {expected}: network and card do "
                "not belong together. Export both again."
            )


def _sounds(window: NDArray[np.float32]) -> bool:
    """Whether any sample is not zero; a few of them nearly always tell."""
    return bool(window[::GLANCE].any() or window.any())
