"""Windows that follow one another in the same sound, scored as one stretch: no sample goes through the network twice.

For networks whose scores depend on the sound about their instant alone, so that a stretch gives what its windows give.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

GLANCE = 997
AT_ONCE = 12
"""Windows that go through the network together: what it makes of them still fits the processor's cache."""

Floats = NDArray[np.float32]
Network = Callable[[Floats], Floats]
"""[batch, samples] to [batch, frames, classes]."""


def score_windows(windows: Floats, network: Network) -> Floats:
    """Scores of every window, a few at a time."""
    parts = [network(windows[at : at + AT_ONCE]) for at in range(0, len(windows), AT_ONCE)]
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def score_stretches(windows: Floats, network: Network, *, step: int, hop: int) -> Floats:
    """The same scores with less work where windows follow one another.

    Args:
        step: Samples from the beginning of a window to that of the next.
        hop: Samples of one frame of scores; divides `step`.
    """
    stretches = _stretches(windows, step)
    if len(stretches) == len(windows):
        return score_windows(windows, network)
    by_length: dict[int, list[range]] = defaultdict(list)
    for stretch in stretches:
        by_length[len(stretch)].append(stretch)
    told: dict[int, Floats] = {}
    for length, alike in by_length.items():
        many = max(1, AT_ONCE // length)
        for at in range(0, len(alike), many):
            together = alike[at : at + many]
            heard = network(_sounds(windows, together, step))
            for stretch, scores in zip(together, heard, strict=True):
                told |= zip(stretch, _cut(scores, length, step // hop), strict=True)
    return np.stack([told[at] for at in range(len(windows))])


def _stretches(windows: Floats, step: int) -> list[range]:
    """Runs of at most `AT_ONCE` windows, each of which begins a step after the one before it."""
    begins = [0]
    for at in range(1, len(windows)):
        before, now = windows[at - 1, step:], windows[at, : windows.shape[1] - step]
        follows = np.array_equal(before[::GLANCE], now[::GLANCE]) and np.array_equal(before, now)
        if not follows or at - begins[-1] == AT_ONCE:
            begins.append(at)
    return [range(begin, end) for begin, end in zip(begins, [*begins[1:], len(windows)], strict=True)]


def _sounds(windows: Floats, stretches: list[range], step: int) -> Floats:
    """What the windows of each stretch hold, each sample once; stretches are of one length."""
    length = windows.shape[1]
    sounds = np.empty((len(stretches), length + (len(stretches[0]) - 1) * step), np.float32)
    for sound, stretch in zip(sounds, stretches, strict=True):
        sound[:length] = windows[stretch[0]]
        sound[length:].reshape(-1, step)[:] = windows[stretch[0] + 1 : stretch[-1] + 1, length - step :]
    return sounds


def _cut(scores: Floats, count: int, step: int) -> list[Floats]:
    """The frames of each window of a stretch; neighbours share those of the guard."""
    frames = len(scores) - (count - 1) * step
    return [scores[at * step : at * step + frames] for at in range(count)]
