"""The worst mistakes of a model: what to listen to first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from dhishoom.evaluate.hearing import Answer
from dhishoom.evaluate.live_fire_tables import Heard

SHOWN = 8
Fault = Literal["false alarm", "missed clip", "missed shot", "false event"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """One recording that was judged wrongly.

    Attributes:
        score: Of the clip, of the event, or of the best event near the shot (0: none).
        at_s: Where to look; None: anywhere in the clip.
        heard: What the model took it for beside gunfire.
    """

    fault: Fault
    key: str
    label: str
    standing: str
    score: float
    at_s: float | None
    heard: str


def worst_clips(answers: Sequence[Answer], threshold: float) -> tuple[Mistake, ...]:
    """Other sound with the largest scores, gunfire with the smallest; only what is wrong at the threshold."""
    negatives = [one for one in answers if one.recording.is_negative and one.score >= threshold]
    guns = [one for one in answers if one.recording.is_gunfire and one.score < threshold]
    false = sorted(negatives, key=lambda one: (-one.score, one.recording.key))
    missed = sorted(guns, key=lambda one: (one.score, one.recording.key))
    return (
        *(_of_clip("false alarm", one) for one in _one_a_group(false)),
        *(_of_clip("missed clip", one) for one in _one_a_group(missed)),
    )


def _one_a_group(answers: Sequence[Answer]) -> list[Answer]:
    """The first few, no two of one original recording."""
    first: dict[str, Answer] = {}
    for one in answers:
        first.setdefault(one.recording.block, one)
    return list(first.values())[:SHOWN]


def _of_clip(fault: Fault, answer: Answer) -> Mistake:
    loudest = max(answer.events, key=lambda event: event.score, default=None)
    return Mistake(
        fault=fault,
        key=answer.recording.key,
        label=answer.recording.label,
        standing=answer.standing,
        score=answer.score,
        at_s=loudest.onset_s if loudest and fault == "false alarm" else None,
        heard=answer.heard,
    )


def worst_live_fire(heard: Sequence[Heard], threshold: float) -> tuple[Mistake, ...]:
    """Shots that stand out most and were missed, and false events with the largest scores."""
    missed = [
        (level, one, arrival.onset_s, max(score, 0.0))
        for one in heard
        for level, arrival, score in zip(one.answer.snr_db, one.answer.recording.arrivals, one.scores(), strict=False)
        if score < threshold
    ]
    false = [(event, one) for one in heard for event in one.matched.false if event.score >= threshold]
    missed.sort(key=lambda item: (-item[0], item[1].answer.recording.key))
    false.sort(key=lambda item: (-item[0].score, item[1].answer.recording.key))
    return (
        *(_of_shot("missed shot", one.answer, at_s, score) for _, one, at_s, score in missed[:SHOWN]),
        *(_of_shot("false event", one.answer, event.onset_s, event.score) for event, one in false[:SHOWN]),
    )


def _of_shot(fault: Fault, answer: Answer, at_s: float, score: float) -> Mistake:
    return Mistake(
        fault=fault,
        key=answer.recording.key,
        label=f"live fire {answer.recording.group}",
        standing=answer.standing,
        score=score,
        at_s=at_s,
        heard=answer.heard,
    )
