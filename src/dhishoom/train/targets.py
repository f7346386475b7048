"""Frame targets: where a shot begins, where none does, and where nobody can say."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dhishoom.train.recordings import LIVE_FIRE, Recording
from dhishoom.train.shapes import Timing

_ECHO_S = 1.5
_ECHO_WEIGHT = 0.15
_SURE_S, _UNSURE_S = 0.07, 0.2

Frames = NDArray[np.float32]


def frame_targets(
    recording: Recording, onsets_s: Sequence[float], unsure_s: Sequence[tuple[float, float]], timing: Timing
) -> tuple[Frames, Frames]:
    """Targets of gunfire [frames] and their weights: one at an onset, nothing asked around it, little of echoes."""
    centres = timing.first_frame_s + (np.arange(timing.frames) + 0.5) * timing.hop_s
    shot = np.zeros(timing.frames, np.float32)
    weight = np.ones(timing.frames, np.float32)
    if recording.label == "explosion":
        weight[:] = 0.0
    sure = recording.source == LIVE_FIRE
    for onset_s in onsets_s:
        after = centres - onset_s
        echo = (after > 0) & (after < _ECHO_S)
        weight[echo] = np.minimum(weight[echo], _ECHO_WEIGHT if sure else 0.0)
        weight[np.abs(after) < (_SURE_S if sure else _UNSURE_S)] = 0.0
    for begin, end in unsure_s:
        weight[(centres > begin) & (centres < end)] = 0.0
    for onset_s in onsets_s:
        near = np.abs(centres - onset_s) < 1.1 * timing.hop_s
        shot[near], weight[near] = 1.0, 1.0
    return shot, weight
