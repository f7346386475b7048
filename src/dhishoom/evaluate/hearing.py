"""What one detector makes of one recording: the product's own fold and decision, turned here for the scorer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from dhishoom.core.decision import calibrated, decide
from dhishoom.core.listening import Hearing, Window, begin, finish, push
from dhishoom.core.onset import pick
from dhishoom.evaluate.padding import without_padding
from dhishoom.nouns import NS_PER_S, Chunk
from dhishoom.sources.files import read_audio

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dhishoom.evaluate.recordings import Recording
    from dhishoom.seams import Detector, ModelCard

Standing = Literal["held out", "out of fold", "trained on", "unknown"]
CHUNK_S = 10.0
RAW_SCORE_MIN = 0.01
"""Peaks below this raw score are no events: nobody would set a threshold there."""
NO_REJECTIONS = 2.0
TINY = 1e-6


@dataclass(frozen=True, slots=True)
class Event:
    """A peak of the gunshot score.

    Attributes:
        onset_s: Picked in the sound, from the first sample.
        score: Calibrated.
    """

    onset_s: float
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What one model said of one recording.

    Attributes:
        standing: Whether the model that answered had learnt from this recording.
        sounding_s: Length without padding.
        score: Gunshot probability of the whole: the largest of any frame, as `detect` prints it.
        heard: The likeliest class beside gunfire; empty for a model that has none.
        events: Every peak, however low, of a frame within the recording; in order of onset.
        snr_db: Of each listed arrival: its peak over the noise before it, by the product's picker.
    """

    recording: Recording
    standing: Standing
    duration_s: float
    sounding_s: float
    score: float
    heard: str
    events: tuple[Event, ...]
    snr_db: tuple[float, ...] = ()

    def alarms(self, threshold: float) -> tuple[Event, ...]:
        """Events at or above a threshold."""
        return tuple(event for event in self.events if event.score >= threshold)


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """A recording as every model hears it: padding filled, once for all of them."""

    recording: Recording
    sound: Chunk
    sounding_s: float
    snr_db: tuple[float, ...]


def prepare(recording: Recording) -> Prepared:
    """Decode one recording and fill its padding. Raises SourceError where it cannot be read."""
    sound = read_audio(recording.path)
    samples, padding_s = without_padding(sound.samples, sound.sample_rate)
    filled = replace(sound, samples=samples)
    return Prepared(recording, filled, sound.duration_s - padding_s, _snr_db(filled, recording))


def hear(prepared: Prepared, detector: Detector, standing: Standing) -> Answer:
    """Listen to one recording as the product would."""
    sound, card = prepared.sound, wide_open(detector.card)
    best = np.zeros(len(card.classes), np.float32)
    score, events = 0.0, list[Event]()
    for window, scores in judged(sound, detector, card):
        inside = within(window, scores, card, sound.end_ns)
        if len(inside):
            best = np.maximum(best, inside.max(axis=0))
            score = max(score, float(calibrated(inside, card).max()))
        events += [
            Event(one.onset_ns / NS_PER_S, one.score)
            for one in decide(window, scores, card)
            if 0 <= one.onset_ns < sound.end_ns
        ]
    return Answer(
        recording=prepared.recording,
        standing=standing,
        duration_s=sound.duration_s,
        sounding_s=prepared.sounding_s,
        score=score,
        heard=_likeliest_other(best, card),
        events=tuple(sorted((one for one in events if one.score <= score + TINY), key=lambda event: event.onset_s)),
        snr_db=prepared.snr_db,
    )


def _snr_db(sound: Chunk, recording: Recording) -> tuple[float, ...]:
    rate = sound.sample_rate
    near = [one.onset_s * rate for one in recording.arrivals if one.onset_s < sound.duration_s]
    return tuple(pick(sound.samples, rate, sample).snr_db for sample in near)


def wide_open(card: ModelCard) -> ModelCard:
    """What the fold needs of a card, with thresholds so low that every peak is told and no rejection is."""
    least = float(calibrated(_raw(RAW_SCORE_MIN, card), card))
    return replace(card, possible=min(card.possible, least), reject=NO_REJECTIONS, card=None)


def _raw(score: float, card: ModelCard) -> NDArray[np.float32]:
    return np.full(len(card.classes), score, np.float32)


def judged(sound: Chunk, detector: Detector, card: ModelCard) -> Iterator[tuple[Window, NDArray[np.float32]]]:
    """Every window of a recording with its raw scores [frames, classes], the guard on either side included."""
    state = begin(sound.sensor_id, card)
    for chunk in _pieces(sound):
        hearing = push(state, chunk)
        state = hearing.state
        yield from _scored(hearing, detector)
    yield from _scored(finish(state), detector)


def _pieces(sound: Chunk) -> Iterator[Chunk]:
    size = round(CHUNK_S * sound.sample_rate)
    for at in range(0, len(sound.samples), size):
        start_ns = sound.start_ns + at * NS_PER_S // sound.sample_rate
        yield replace(sound, start_ns=start_ns, samples=sound.samples[at : at + size])


def _scored(hearing: Hearing, detector: Detector) -> Iterator[tuple[Window, NDArray[np.float32]]]:
    if hearing.windows:
        scores = detector.scores(np.stack([window.audio for window in hearing.windows]))
        yield from zip(hearing.windows, scores, strict=True)


def within(window: Window, scores: NDArray[np.float32], card: ModelCard, end_ns: int) -> NDArray[np.float32]:
    """Frames of the window's middle that begin before `end_ns`: what follows is no sound of the recording."""
    guard = round(card.guard_s / card.hop_s)
    frames = -(-(end_ns - window.middle_start_ns) // round(card.hop_s * NS_PER_S))
    return scores[guard : len(scores) - guard][: max(0, frames)]


def _likeliest_other(best: NDArray[np.float32], card: ModelCard) -> str:
    others = [index for index, name in enumerate(card.classes) if name not in card.gunshot_classes]
    return card.classes[max(others, key=lambda index: best[index])] if others else ""
