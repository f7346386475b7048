"""From recordings and models to one report: hear everything once, then make every table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from dhishoom import __version__
from dhishoom.errors import SourceError, UsageError
from dhishoom.evaluate.clip_tables import ClipTables, clip_tables, thresholds_of
from dhishoom.evaluate.contestants import Contestant
from dhishoom.evaluate.hearing import Answer, Prepared, Standing, hear, prepare
from dhishoom.evaluate.kept import KeptAnswers
from dhishoom.evaluate.live_fire_tables import LiveFireTables, live_fire_tables, matched_all
from dhishoom.evaluate.location import Row as LocationRow
from dhishoom.evaluate.mistakes import Mistake, worst_clips, worst_live_fire
from dhishoom.evaluate.recordings import Recording

if TYPE_CHECKING:
    from dhishoom.seams import Detector

T = TypeVar("T")
SAVED_EVERY = 200
"""Recordings after which answers are saved, so that a run that is stopped goes on where it was."""
Track = Callable[[Iterable[Recording], str, int], Iterator[Recording]]
"""Gives the recordings back one by one while it shows how far it is: (recordings, what is done, how many)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What to score.

    Attributes:
        manifest, pittsburgh: As named on the command line, for the report.
        missing: Recordings that are listed but not there.
        seed: Of the bootstrap.
    """

    manifest: str
    pittsburgh: str
    clips: tuple[Recording, ...]
    live_fire: tuple[Recording, ...]
    missing: tuple[str, ...]
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelReport:
    """One model's tables; None where its set was not given.

    Attributes:
        out_of_fold: How many networks of its recipe answered for what they had left out.
    """

    name: str
    peer: bool
    summary: str
    licence: str
    size_bytes: int
    alert: float
    possible: float
    out_of_fold: int
    clips: ClipTables | None
    live_fire: LiveFireTables | None
    mistakes: tuple[Mistake, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything that is told; `report.json` is this."""

    version: str
    seed: int
    manifest: str
    pittsburgh: str
    clips: int
    clip_groups: int
    clip_hours: float
    live_fire_recordings: int
    live_fire_arrivals: int
    live_fire_hours: float
    missing: tuple[str, ...]
    unreadable: tuple[str, ...]
    models: tuple[ModelReport, ...]
    location: tuple[LocationRow, ...]


@dataclass(frozen=True, slots=True)
class Heard:
    """What every model said, kept for curves and pictures."""

    contestant: Contestant
    clips: tuple[Answer, ...]
    live_fire: tuple[Answer, ...]


def hear_all(
    contestants: Sequence[Contestant], asked: Asked, track: Track, kept: KeptAnswers | None = None
) -> tuple[list[Heard], tuple[str, ...]]:
    """Every recording by every model, and why some could not be read. Raises UsageError if none could."""
    kept = kept or KeptAnswers(None)
    unreadable: list[str] = []
    together = (*asked.clips, *asked.live_fire)
    answers: list[tuple[Answer, ...]] = []
    for recording in track(together, "scoring", len(together)):
        try:
            answers.append(_by_all(recording, contestants, kept))
        except SourceError as error:
            unreadable.append(str(error))
        if len(answers) % SAVED_EVERY == 0:
            kept.save()
    kept.save()
    if not answers:
        why = unreadable[0] if unreadable else "no recording is where the manifest says"
        raise UsageError(f"nothing could be scored: {why}. Check the paths in the manifest.")
    return [_heard(one, index, answers) for index, one in enumerate(contestants)], tuple(unreadable)


def _by_all(recording: Recording, contestants: Sequence[Contestant], kept: KeptAnswers) -> tuple[Answer, ...]:
    """What every model says of one recording; it is decoded only if one has not yet heard it."""
    ready = cache(lambda: prepare(recording))
    answers = []
    for contestant in contestants:
        detector, standing = contestant.listener(recording)
        make = partial(_hear, ready, detector, standing)
        answers.append(kept.get(contestant.identity_of(detector), recording, standing, make))
    return tuple(answers)


def _hear(ready: Callable[[], Prepared], detector: Detector, standing: Standing) -> Answer:
    return hear(ready(), detector, standing)


def _heard(contestant: Contestant, index: int, answers: Sequence[tuple[Answer, ...]]) -> Heard:
    own = [several[index] for several in answers]
    clips = tuple(one for one in own if not one.recording.is_live_fire)
    return Heard(contestant, clips, tuple(one for one in own if one.recording.is_live_fire))


def report_of(
    heard: Sequence[Heard], unreadable: tuple[str, ...], location: tuple[LocationRow, ...], asked: Asked
) -> Report:
    """Every table of every model."""
    clips, shots = heard[0].clips, heard[0].live_fire
    return Report(
        version=__version__,
        seed=asked.seed,
        manifest=asked.manifest,
        pittsburgh=asked.pittsburgh,
        clips=len(clips),
        clip_groups=len({one.recording.block for one in clips}),
        clip_hours=sum(one.duration_s for one in clips) / 3600,
        live_fire_recordings=len(shots),
        live_fire_arrivals=sum(len(one.recording.arrivals) for one in shots),
        live_fire_hours=sum(one.duration_s for one in shots) / 3600,
        missing=asked.missing,
        unreadable=unreadable,
        models=tuple(_model_report(one, asked.seed) for one in heard),
        location=location,
    )


def _model_report(heard: Heard, seed: int) -> ModelReport:
    card = heard.contestant.card
    thresholds = thresholds_of([one for one in heard.clips if one.recording.is_negative], card)
    live_fire = live_fire_tables(heard.live_fire, thresholds, seed) if heard.live_fire else None
    about: dict[str, Any] = dict(card.card or {})
    return ModelReport(
        name=heard.contestant.name,
        peer=heard.contestant.peer,
        summary=str(about.get("summary") or about.get("description") or ""),
        licence=card.licence,
        size_bytes=heard.contestant.size_bytes,
        alert=card.alert,
        possible=card.possible,
        out_of_fold=len(heard.contestant.folds),
        clips=clip_tables(heard.clips, card, seed) if heard.clips else None,
        live_fire=live_fire,
        mistakes=worst_clips(heard.clips, card.alert) + worst_live_fire(matched_all(heard.live_fire), card.alert),
    )


def write_json(report: Report, path: Path) -> None:
    """Indented; what is not known is null."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")
