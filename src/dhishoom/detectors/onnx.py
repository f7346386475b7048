"""Networks in ONNX with their front end inside, run by onnxruntime."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dhishoom.detectors.cards import read_card
from dhishoom.detectors.networks import FAILURES, open_network
from dhishoom.detectors.stretches import GLANCE, score_stretches, score_windows
from dhishoom.errors import ModelError
from dhishoom.nouns import ModelCard

INPUT, OUTPUT = "audio", "scores"

Floats = NDArray[np.float32]


class OnnxDetector:
    """A network file and the card beside it.

    A network whose input has no fixed length, and whose scores depend on the sound about their instant alone, hears
    windows that follow one another as one stretch, and takes windows whose middle is shorter than its card says.

    Attributes:
        any_length: Whether it is such a network; found out by trying.

    Args:
        path: `NAME.onnx`; the card is `NAME.json`.
        threads: For one batch; a worker has its own process, so one is right unless told otherwise.
    """

    def __init__(self, path: Path, *, threads: int = 1) -> None:
        self._card = read_card(path.with_suffix(".json"))
        self._session = open_network(path, threads=threads, mend="Fetch or export it again.")
        self._silence: dict[int, Floats] = {}
        self._check(path)
        self.any_length = self._takes_any_length()

    @property
    def card(self) -> ModelCard:
        """What it is and what it needs."""
        return self._card

    def scores(self, windows: Floats) -> Floats:
        """[batch, samples] to [batch, frames, classes]; digital silence is answered from memory."""
        sounding = np.fromiter((_sounds(window) for window in windows), np.bool_, len(windows))
        if sounding.all():
            return self._score(windows)
        answers = np.repeat(self._silence_of(windows.shape[1]), len(windows), axis=0)
        if sounding.any():
            answers[sounding] = self._score(windows[sounding])
        return answers

    def _score(self, windows: Floats) -> Floats:
        return self._score_together(windows) if self.any_length else score_windows(windows, self._run)

    def _score_together(self, windows: Floats) -> Floats:
        card = self._card
        step = windows.shape[1] - round((card.left_s + card.right_s) * card.sample_rate)
        return score_stretches(windows, self._run, step=step, hop=round(card.hop_s * card.sample_rate))

    def _run(self, sound: Floats) -> Floats:
        return np.asarray(self._session.run([OUTPUT], {INPUT: sound})[0], np.float32)

    def _silence_of(self, length: int) -> Floats:
        if length not in self._silence:
            self._silence[length] = self._run(np.zeros((1, length), np.float32))
        return self._silence[length]

    def _takes_any_length(self) -> bool:
        if not isinstance(self._session.get_inputs()[0].shape[1], str):
            return False
        step, length = (round(seconds * self._card.sample_rate) for seconds in (self._card.step_s, self._card.window_s))
        sound = np.random.default_rng(0).standard_normal(length + step).astype(np.float32)
        pair = np.stack([sound[:length], sound[step:]])
        try:
            return np.array_equal(self._score_together(pair), self._run(pair))
        except (*FAILURES, ValueError):
            return False

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
            told = self._silence_of(length).shape
        except FAILURES as error:
            raise ModelError(f"{path} does not take windows of {length} samples, as its card says: {error}") from error
        if told != expected:
            raise ModelError(
                f"{path} gives {told} for one window, its card promises {expected}: network and card do "
                "not belong together. Export both again."
            )


def _sounds(window: Floats) -> bool:
    """Whether any sample is not zero; a few of them nearly always tell."""
    return bool(window[::GLANCE].any() or window.any())
