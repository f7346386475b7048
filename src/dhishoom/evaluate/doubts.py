"""What two models say of the same instants, with what is true of them: what a second look is learnt from."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from dhishoom.detectors.second_look import Judge, SecondLook, Terms, log_odds
from dhishoom.errors import SourceError
from dhishoom.evaluate.hearing import Prepared, judged, prepare
from dhishoom.evaluate.matching import ECHO_S, HIT_S
from dhishoom.nouns import GUNSHOT, NS_PER_S

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dhishoom.evaluate.recordings import Recording
    from dhishoom.nouns import ModelCard
    from dhishoom.seams import Detector

LEAST = 0.01
"""Raw score of the first below which nobody would ask."""
_NOBODY = Terms(ask=1.0, judge=Judge(own=1.0, guns=0.0, offset=0.0), lift=((0.0, 0.0),), alert=1.0, possible=1.0)


@dataclass(frozen=True, slots=True)
class Doubt:
    """The likeliest instant of one window.

    Attributes:
        at_s: From the recording's first sample.
        own: The first model's raw gunshot score; guns: the second's, the likeliest of its gun classes.
        is_shot: None where nobody can say: an echo, a window of a clip of gunfire that another is likelier in.
    """

    recording: Recording
    at_s: float
    own: float
    guns: float
    is_shot: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Length:
    """A recording that was listened to, doubted or not."""

    recording: Recording
    duration_s: float


class _Said(NamedTuple):
    frame: int
    own: float
    guns: float


class _Ear:
    """A pair that is asked about every window and remembers what was said, behind the seam of a detector."""

    def __init__(self, first: Detector, second: Detector) -> None:
        self._pair = SecondLook(first, second, _NOBODY)
        self._gunshot = first.card.classes.index(GUNSHOT)
        self._guard = round(first.card.guard_s / first.card.hop_s)
        self.said: list[_Said | None] = []

    @property
    def card(self) -> ModelCard:
        """The pair's."""
        return self._pair.card

    def scores(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        """The first model's, raw."""
        raw = self._pair.first_scores(windows)
        for window, scores in zip(windows, raw, strict=True):
            frame = self._pair.likeliest(scores[:, self._gunshot])
            own = float(scores[frame, self._gunshot])
            guns = self._pair.guns_about(window, frame) if own >= LEAST else None
            self.said.append(None if guns is None else _Said(frame - self._guard, own, guns))
        return raw


def doubts_of(prepared: Prepared, first: Detector, second: Detector) -> list[Doubt]:
    """Of one recording, a window at most one."""
    ear = _Ear(first, second)
    starts = [window.middle_start_ns for window, _ in judged(prepared.sound, ear, ear.card)]
    said = [
        (start_ns / NS_PER_S + (one.frame + 0.5) * first.card.hop_s, one)
        for start_ns, one in zip(starts, ear.said, strict=True)
        if one is not None and 0 <= start_ns < prepared.sound.end_ns
    ]
    likeliest_s = max(((_both(one), at_s) for at_s, one in said), default=(0.0, 0.0))[1]
    return [
        Doubt(prepared.recording, at_s, one.own, one.guns, _truth(prepared.recording, at_s, at_s == likeliest_s))
        for at_s, one in said
    ]


def gather(
    recordings: Iterable[Recording], first: Callable[[Recording], Detector], second: Detector
) -> tuple[list[Doubt], list[Length]]:
    """Of every recording that can be read, by the first model that answers for it; and how long each is."""
    doubts: list[Doubt] = []
    lengths: list[Length] = []
    for recording in recordings:
        try:
            prepared = prepare(recording)
        except SourceError:
            continue
        doubts += doubts_of(prepared, first(recording), second)
        lengths.append(Length(recording=recording, duration_s=prepared.sound.duration_s))
    return doubts, lengths


def _both(said: _Said) -> float:
    return float(log_odds(np.array([said.own, said.guns])).sum())


def _truth(recording: Recording, at_s: float, likeliest: bool) -> bool | None:
    """Whether a shot was fired there: by listed arrivals in live fire, by the label and the likeliest in a clip."""
    if not recording.is_live_fire:
        return False if recording.is_negative else (True if likeliest and recording.is_gunfire else None)
    after_s = [at_s - one.onset_s for one in recording.arrivals]
    if any(abs(one) <= HIT_S for one in after_s):
        return True
    unknown = not after_s or any(-HIT_S < one < ECHO_S for one in after_s)
    return None if unknown else False
