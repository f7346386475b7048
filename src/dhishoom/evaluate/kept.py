"""Answers kept between runs: a model that has heard a recording need not hear it again."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from dhishoom.errors import UsageError
from dhishoom.evaluate.hearing import Answer, Event

if TYPE_CHECKING:
    from dhishoom.evaluate.hearing import Standing
    from dhishoom.evaluate.recordings import Recording
    from dhishoom.nouns import ModelCard

VERSION = 1
"""Of what is kept; raise it when the fold, the picker or the padding changes what a model is given."""


class _Kept(msgspec.Struct, frozen=True, array_like=True):
    """What an answer says beside its recording and its standing."""

    duration_s: float
    sounding_s: float
    score: float
    heard: str
    events: tuple[tuple[float, float], ...]
    snr_db: tuple[float, ...]


class KeptAnswers:
    """Answers by model and recording in a folder, one file a model; without a folder nothing is kept."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._models: dict[str, dict[str, _Kept]] = {}
        self._new: set[str] = set()

    def get(self, model: str, recording: Recording, standing: Standing, make: Callable[[], Answer]) -> Answer:
        """The kept answer, else the one that `make` gives, which is kept from then on."""
        known = self._known(model)
        name = _name(recording)
        if name not in known:
            answer = make()
            known[name] = _Kept(
                answer.duration_s,
                answer.sounding_s,
                answer.score,
                answer.heard,
                tuple((one.onset_s, one.score) for one in answer.events),
                answer.snr_db,
            )
            self._new.add(model)
        kept = known[name]
        return Answer(
            recording=recording,
            standing=standing,
            duration_s=kept.duration_s,
            sounding_s=kept.sounding_s,
            score=kept.score,
            heard=kept.heard,
            events=tuple(Event(*one) for one in kept.events),
            snr_db=kept.snr_db,
        )

    def save(self) -> None:
        """Write what is new."""
        if self._folder is None:
            return
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            for model in sorted(self._new):
                part = self._folder / f"{model}.part"
                part.write_bytes(msgspec.json.encode(self._models[model]))
                part.replace(self._folder / f"{model}.json")
        except OSError as error:
            raise UsageError(
                f"cannot write {error.filename}: {error.strerror}. Give --cache another folder."
            ) from error
        self._new.clear()

    def _known(self, model: str) -> dict[str, _Kept]:
        if model not in self._models:
            self._models[model] = self._read(model)
        return self._models[model]

    def _read(self, model: str) -> dict[str, _Kept]:
        file = self._folder / f"{model}.json" if self._folder else None
        if file is None or not file.is_file():
            return {}
        try:
            return msgspec.json.decode(file.read_bytes(), type=dict[str, _Kept])
        except (OSError, msgspec.MsgspecError):
            return {}  # kept by another version or cut short: hear again


def identity(card: ModelCard, file: Path) -> str:
    """Of a model: its file and what of its card decides a score. A change of either makes it another."""
    rest = dict(card.card or {})
    names: tuple[str, ...] = ("first", "second", "second_look")
    deciding = {name: rest[name] for name in names if "second" in rest and name in rest}
    digest = hashlib.blake2b(f"{VERSION}\n".encode(), digest_size=10)
    digest.update(msgspec.json.encode(replace(card, alert=1.0, possible=0.0, card=deciding)))
    if file.is_file():
        digest.update(file.read_bytes())
    return f"{card.name}-{digest.hexdigest()}"


def _name(recording: Recording) -> str:
    about = recording.path.stat() if recording.path.is_file() else None
    size, changed = (about.st_size, about.st_mtime_ns) if about else (0, 0)
    onsets = ",".join(f"{one.onset_s:.6f}" for one in recording.arrivals)
    return f"{recording.key}|{size}|{changed}|{onsets}"
