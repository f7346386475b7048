"""Fold 1: the sound of one sensor becomes windows for a model, and their scores become detections.

The fold is cut in two so that the windows of many sensors can be scored in one batch: `push` and `finish` cut windows
on a grid fixed by the sensor's clock, `core.decision.decide` judges each window by itself. How a stream is cut into
chunks cannot matter: a window is a function of the samples it holds, and a sample's place follows from its own chunk's
time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import numpy as np

from dhishoom.core.decision import decide
from dhishoom.core.framing import Grid, Window, grid, index_at, memory_s
from dhishoom.core.resampling import Samples
from dhishoom.core.silence import Mask, fill
from dhishoom.nouns import NS_PER_S, Chunk, Heard, ModelCard

__all__ = [
    "Hearing",
    "ListeningState",
    "Notice",
    "Window",
    "begin",
    "decide",
    "finish",
    "heard_until",
    "memory_s",
    "push",
]

SPLICE_MAX_S = 0.002
REPEATED_MAX_S = 60.0
TAIL_SHARE_MIN = 4
NoticeKind = Literal["gap", "step", "rate", "repeated"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What is counted and shown of a stream: a gap, a step of its clock, another rate, a repeated chunk."""

    sensor_id: str
    time_ns: int
    kind: NoticeKind
    detail: str


@dataclass(frozen=True, slots=True, eq=False)
class _Stream:
    """Sound without a break: `tail` begins at absolute index `tail_index`; `step` is the next one to be cut."""

    sample_rate: int
    first_index: int
    tail_index: int
    tail: Samples
    step: int
    sequence: int | None

    @property
    def end_index(self) -> int:
        return self.tail_index + len(self.tail)


@dataclass(frozen=True, slots=True, eq=False)
class ListeningState:
    """What the fold knows of one sensor: at most one window of sound."""

    sensor_id: str
    card: ModelCard
    clock_sigma_s: float
    resume_ns: int | None
    stream: _Stream | None


class Hearing(NamedTuple):
    """What one chunk, or the end, brought."""

    state: ListeningState
    windows: tuple[Window, ...]
    notices: tuple[Notice, ...]


def begin(
    sensor_id: str, card: ModelCard, *, clock_sigma_s: float = 0.001, resume_ns: int | None = None
) -> ListeningState:
    """The state before any sound.

    Args:
        resume_ns: Take over from here: windows whose middle ends before it are not cut. Feed `memory_s` of sound from
            before it and the windows are those of a listener who had always been there.
    """
    return ListeningState(sensor_id, card, clock_sigma_s, resume_ns, None)


def push(state: ListeningState, chunk: Chunk) -> Hearing:
    """Take one chunk of this sensor, cut the windows it completes; what is no number is heard as silence."""
    if len(chunk.samples) == 0:
        return Hearing(state, (), ())
    if not np.isfinite(chunk.samples).all():
        chunk = replace(chunk, samples=np.nan_to_num(chunk.samples, nan=0.0, posinf=0.0, neginf=0.0))
    if chunk.clock_sigma_s is not None and chunk.clock_sigma_s != state.clock_sigma_s:
        state = replace(state, clock_sigma_s=chunk.clock_sigma_s)
    index = index_at(chunk.start_ns, chunk.sample_rate)
    if state.stream is None:
        return _cut(_start(state, chunk, index))
    broken = _break_of(state.stream, chunk, index)
    if broken == "repeated":
        return Hearing(state, (), (_notice(state, chunk, broken, state.stream.end_index - index),))
    if broken is not None:
        ended, fresh = finish(state), _cut(_start(state, chunk, index))
        notice = _notice(state, chunk, broken, index - state.stream.end_index)
        return Hearing(fresh.state, ended.windows + fresh.windows, (notice,))
    return _cut(replace(state, stream=_append(state.stream, chunk, index)))


def finish(state: ListeningState) -> Hearing:
    """No more sound will come: cut what is left, filled to whole windows."""
    stream = state.stream
    if stream is None:
        return Hearing(state, (), ())
    place = grid(state.card, stream.sample_rate)
    steps = range(stream.step, place.step_of_index(stream.end_index - 1) + 1)
    windows = [_window(state, stream, place, step) for step in steps if _wanted(state, place, step)]
    return Hearing(replace(state, stream=None), tuple(windows), ())


def heard_until(window: Window, card: ModelCard) -> Heard:
    """The promise that holds once this window, and those before it, are decided."""
    return Heard(sensor_id=window.sensor_id, until_ns=window.middle_start_ns + round(card.step_s * NS_PER_S))


def _start(state: ListeningState, chunk: Chunk, index: int) -> ListeningState:
    place = grid(state.card, chunk.sample_rate)
    step = place.step_of_index(index)
    stream = _Stream(chunk.sample_rate, index, index, chunk.samples, step, chunk.sequence)
    return replace(state, stream=stream)


def _break_of(stream: _Stream, chunk: Chunk, index: int) -> NoticeKind | None:
    """How the chunk fails to follow on; None where it does, give or take a splice.

    A chunk that goes back was either sent twice or its clock went back. Its sequence tells, else its sound does; one
    that is older than the memory counts as sent twice for a minute at most, so that no clock can make a sensor deaf.
    """
    if chunk.sample_rate != stream.sample_rate:
        return "rate"
    jump_s = (index - stream.end_index) / chunk.sample_rate
    if abs(jump_s) <= SPLICE_MAX_S:
        return None
    if jump_s > 0:
        return "gap"
    if _is_newer(stream, chunk) or not _sounds_alike(stream, chunk, index):
        return "step"
    if index + len(chunk.samples) <= stream.tail_index and -jump_s > REPEATED_MAX_S:
        return "step"
    return "repeated" if index + len(chunk.samples) <= stream.end_index else None


def _is_newer(stream: _Stream, chunk: Chunk) -> bool:
    return chunk.sequence is not None and stream.sequence is not None and chunk.sequence > stream.sequence


def _sounds_alike(stream: _Stream, chunk: Chunk, index: int) -> bool:
    """Whether the chunk repeats what is remembered of its time; its first 2 ms may have been bridged or dropped."""
    begin_at = max(index + round(SPLICE_MAX_S * chunk.sample_rate) + 1, stream.tail_index)
    end_at = min(index + len(chunk.samples), stream.end_index)
    if begin_at >= end_at:
        return True
    known = stream.tail[begin_at - stream.tail_index : end_at - stream.tail_index]
    return bool(np.array_equal(known, chunk.samples[begin_at - index : end_at - index]))


def _append(stream: _Stream, chunk: Chunk, index: int) -> _Stream:
    """A sample's place is what its chunk says: a small hole is bridged by a line, an overlap is dropped."""
    jump = index - stream.end_index
    samples = chunk.samples[max(0, -jump) :]
    if jump > 0 and len(samples):
        bridge = np.linspace(stream.tail[-1], samples[0], jump + 2, dtype=np.float32)[1:-1]
        samples = np.concatenate((bridge, samples))
    sequence = chunk.sequence if chunk.sequence is not None else stream.sequence
    return replace(stream, tail=np.concatenate((stream.tail, samples)), sequence=sequence)


def _cut(state: ListeningState) -> Hearing:
    """Cut every window that is complete and forget what no later window needs."""
    stream = state.stream
    assert stream is not None
    place = grid(state.card, stream.sample_rate)
    windows, step = [], stream.step
    while place.middle_index(step) + place.right <= stream.end_index:
        if _wanted(state, place, step):
            windows.append(_window(state, stream, place, step))
        step += 1
    keep_from = max(stream.tail_index, place.middle_index(step) - place.left)
    tail = stream.tail[keep_from - stream.tail_index :]
    tail = tail.copy() if TAIL_SHARE_MIN * len(tail) < len(stream.tail) else tail  # Else a long chunk would live on.
    kept = replace(stream, step=step, tail=tail, tail_index=keep_from)
    return Hearing(replace(state, stream=kept), tuple(windows), ())


def _wanted(state: ListeningState, place: Grid, step: int) -> bool:
    return state.resume_ns is None or (step + 1) * place.step_ns > state.resume_ns


def _window(state: ListeningState, stream: _Stream, place: Grid, step: int) -> Window:
    middle = place.middle_index(step)
    low, high = middle - place.left, middle + place.right
    raw = fill(*_stretch(stream, low, high), low, stream.sample_rate)
    audio = place.resampler.apply(raw, place.length)
    return Window(state.sensor_id, step * place.step_ns, audio, raw, stream.sample_rate, low, state.clock_sigma_s)


def _stretch(stream: _Stream, low: int, high: int) -> tuple[Samples, Mask | None]:
    """The sound from index `low` to `high`, and where the stream does not hold it."""
    begin_at, end_at = max(low, stream.tail_index), min(high, stream.end_index)
    known = stream.tail[begin_at - stream.tail_index : end_at - stream.tail_index]
    if len(known) == high - low:
        return known, None
    raw, missing = np.zeros(high - low, np.float32), np.ones(high - low, np.bool_)
    raw[begin_at - low : end_at - low] = known
    missing[begin_at - low : end_at - low] = False
    return raw, missing


def _notice(state: ListeningState, chunk: Chunk, kind: NoticeKind, samples: int) -> Notice:
    seconds = abs(samples) / chunk.sample_rate
    details = {
        "gap": f"{seconds:.3f} s of sound are missing",
        "step": f"the clock went back by {seconds:.3f} s",
        "rate": f"the sample rate is now {chunk.sample_rate} Hz",
        "repeated": f"a chunk of {chunk.duration_s:.3f} s was heard before",
    }
    return Notice(sensor_id=state.sensor_id, time_ns=chunk.start_ns, kind=kind, detail=details[kind])
