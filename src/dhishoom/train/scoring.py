"""Scores of whole recordings, and what is kept of them: one outcome a recording, written beside the run."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from dhishoom.core.silence import fill
from dhishoom.errors import ModelError
from dhishoom.train.library import Library, Samples, resample
from dhishoom.train.recordings import Recording
from dhishoom.train.shapes import Timing

Scores = NDArray[np.float32]
Run = Callable[[Samples], Scores]
_APART_S = 0.1
_LEAST = 0.01


class Scored(NamedTuple):
    """A recording and its raw frame scores [frames, classes]; frame i speaks of `i * hop_s` and the hop after it."""

    recording: Recording
    scores: Scores
    hop_s: float

    @property
    def clip_score(self) -> float:
        """The gunshot score of the whole: its largest."""
        return float(self.scores[:, 0].max())


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What a network said of one recording.

    Attributes:
        onsets_s: Listed arrivals, where the set lists them.
        events: (time in seconds, raw score) of its peaks.
        score: The largest frame score.
        heard: The likeliest class beside gunshot.
    """

    key: str
    source: str
    group: str
    label: str
    use: str
    duration_s: float
    onsets_s: tuple[float, ...]
    events: tuple[tuple[float, float], ...]
    score: float
    heard: str

    @property
    def is_gunfire(self) -> bool:
        """Whether a gun is heard in it."""
        return self.label in {"gunshot", "machine_gun"}

    @property
    def is_negative(self) -> bool:
        """What false alarms are counted on: every recording without gunfire, explosions apart."""
        return not self.is_gunfire and self.label != "explosion"


def score_all(
    recordings: Iterable[Recording], library: Library, timing: Timing, run: Run, sample_rate: int
) -> list[Scored]:
    """Frame scores of whole recordings; `run` maps windows [batch, samples] to scores [batch, frames, classes].

    Args:
        sample_rate: Hz that `run` wants.
    """

    def sound(one: Recording) -> Samples:
        return resample(library.samples(one.key), library.sample_rate, sample_rate)

    return [Scored(one, score(sound(one), sample_rate, timing, run), timing.hop_s) for one in recordings]


def score(samples: Samples, sample_rate: int, timing: Timing, run: Run) -> Scores:
    """Frame scores of one recording [frames, classes], window by window as the listening fold does it."""
    windows = _windows(samples, sample_rate, timing)
    guard = round(timing.guard_s / timing.hop_s)
    middles = [run(windows[at : at + 64])[:, guard:-guard] for at in range(0, len(windows), 64)]
    scores = np.concatenate(middles)
    frames = max(1, len(samples) // round(timing.hop_s * sample_rate))
    return scores.reshape(-1, scores.shape[-1])[:frames]


def _windows(samples: Samples, sample_rate: int, timing: Timing) -> Samples:
    """Windows a step apart; before and after the recording lies what the listening fold puts there."""
    step, window = round(timing.step_s * sample_rate), round(timing.window_s * sample_rate)
    left, count = round(timing.left_s * sample_rate), max(1, math.ceil(len(samples) / step))
    padded = np.zeros(left + count * step + window, np.float32)
    padded[left : left + len(samples)] = samples
    missing = np.ones(len(padded), np.bool_)
    missing[left : left + len(samples)] = False
    starts = range(0, count * step, step)
    return np.stack([fill(padded[at : at + window], missing[at : at + window], at, sample_rate) for at in starts])


def events(scored: Scored, threshold: float = _LEAST) -> tuple[tuple[float, float], ...]:
    """(time, score) of peaks at or above a threshold, the larger of two within 0.1 s."""
    gunshot = scored.scores[:, 0]
    apart = round(_APART_S / scored.hop_s)
    found: list[int] = []
    for index in np.argsort(gunshot, kind="stable")[::-1]:
        if gunshot[index] < threshold:
            break
        if all(abs(index - other) > apart for other in found):
            found.append(int(index))
    return tuple(sorted((round((index + 0.5) * scored.hop_s, 4), float(gunshot[index])) for index in found))


def outcome(scored: Scored, classes: Sequence[str]) -> Outcome:
    """What is kept of a scored recording."""
    one = scored.recording
    return Outcome(
        key=one.key,
        source=one.source,
        group=one.group,
        label=one.label,
        use=one.use,
        duration_s=len(scored.scores) * scored.hop_s,
        onsets_s=one.onsets_s,
        events=events(scored),
        score=scored.clip_score,
        heard=classes[1 + int(scored.scores[:, 1:].max(axis=0).argmax())],
    )


def write_outcomes(outcomes: Sequence[Outcome], path: Path) -> None:
    """One JSON list."""
    path.write_bytes(msgspec.json.encode(list(outcomes)))


def read_outcomes(path: Path) -> list[Outcome]:
    """What `write_outcomes` wrote; raises ModelError where it cannot be read."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=list[Outcome])
    except (OSError, msgspec.MsgspecError) as error:
        raise ModelError(f"Cannot read {path}: {error}. Has that run finished? `dhishoom train` writes it.") from error
