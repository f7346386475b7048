"""What one detector hears in one file: score, events, what is wrong with it, and the trace for a figure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from dhishoom.cli.exports import Event, HeardFile
from dhishoom.cli.hearing import Ear, Judged, decay_s, within
from dhishoom.core.decision import calibrated, classes_of
from dhishoom.errors import SourceError
from dhishoom.nouns import GUNSHOT, NS_PER_S, Chunk
from dhishoom.sources.files import decode
from dhishoom.sources.quality import Quality

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from dhishoom.nouns import Detection
    from dhishoom.seams import Detector, ModelCard

CHUNK_S = 10.0
"""Decoded and scored at a time."""
TRACE_S_MAX = 300.0
"""The longest stretch that is kept for a figure."""


@dataclass(slots=True)
class Trace:
    """The first minutes of a recording, and its gunshot scores frame by frame."""

    sound: list[Chunk] = field(default_factory=list)
    scores: list[NDArray[np.float32]] = field(default_factory=list)

    def chunk(self) -> Chunk:
        """The sound in one piece."""
        first = self.sound[0]
        samples = np.concatenate([chunk.samples for chunk in self.sound])
        return Chunk(sensor_id=first.sensor_id, start_ns=0, sample_rate=first.sample_rate, samples=samples)

    def frames(self, card: ModelCard) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
        """Times in seconds and scores [frames], as far as the sound reaches."""
        count = round(self.chunk().duration_s / card.hop_s)
        values: NDArray[np.float32] = np.concatenate([np.zeros(0, np.float32), *self.scores])[:count]
        return (np.arange(len(values)) + 0.5) * card.hop_s, values


class FileHearing:
    """Hears one file, all of it or as far as it goes.

    Attributes:
        failure: Why it could not be read, or not to its end.
        trace: Kept where a figure is wanted.
    """

    def __init__(self, detector: Detector, threshold: float | None, *, traced: bool = False) -> None:
        self.failure: SourceError | None = None
        self.trace = Trace() if traced else None
        self.quality = Quality()
        self._ear = Ear(detector, "file", threshold)
        self._best: dict[str, float] = {}
        self._events: list[Event] = []
        self._end_ns = 0
        self._sample_rate = 0

    @property
    def card(self) -> ModelCard:
        """The detector's, with the threshold that was asked for."""
        return self._ear.card

    def hear(self, path: Path, shown: str, channel: int | None) -> HeardFile | None:
        """What is in the file, called `shown` in results; None where nothing of it could be read."""
        try:
            for chunk in decode(path, channel=channel, chunk_s=CHUNK_S, quality=self.quality):
                self._take_chunk(chunk, shown)
        except SourceError as error:
            self.failure = error
        if not self._end_ns:
            return None
        self._take(self._ear.finish(), shown)
        return HeardFile(
            path=shown,
            duration_s=self._end_ns / NS_PER_S,
            sample_rate=self._sample_rate,
            score=self._best.get(GUNSHOT, 0.0),
            classes=dict(sorted(self._best.items(), key=lambda item: (-item[1], item[0]))),
            events=tuple(self._events),
        )

    def _take_chunk(self, chunk: Chunk, shown: str) -> None:
        self._end_ns, self._sample_rate = chunk.end_ns, chunk.sample_rate
        if self.trace is not None and chunk.end_ns <= TRACE_S_MAX * NS_PER_S:
            self.trace.sound.append(chunk)
        self._take(self._ear.hear(chunk), shown)

    def _take(self, judged: list[Judged], shown: str) -> None:
        for one in judged:
            scores = within(one, self.card, self._end_ns)
            for name, score in classes_of(scores, self.card).items():
                self._best[name] = max(score, self._best.get(name, 0.0))
            if self.trace is not None:
                self.trace.scores.append(calibrated(scores, self.card))
            self._events += self._events_of(one, shown)

    def _events_of(self, judged: Judged, shown: str) -> list[Event]:
        """Its detections as events of the file, none of them outside it."""
        end_s = self._end_ns / NS_PER_S
        events = []
        for detection in judged.detections:
            onset_s = max(0.0, detection.onset_ns / NS_PER_S)
            offset_s = min(end_s, onset_s + decay_s(judged.window, detection.onset_ns))
            if onset_s < offset_s:
                events.append(_event(detection, shown, onset_s, offset_s))
        return events


def _event(detection: Detection, shown: str, onset_s: float, offset_s: float) -> Event:
    return Event(
        path=shown,
        onset_s=onset_s,
        offset_s=offset_s,
        score=detection.score,
        label=detection.label,
        classes=dict(detection.classes),
    )
