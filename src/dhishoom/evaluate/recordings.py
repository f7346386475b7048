"""What is scored: rows of a manifest of clips, and the recordings of the live-fire set with their listed arrivals."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dhishoom.core.timestamps import from_rfc3339
from dhishoom.errors import SourceError, UsageError
from dhishoom.evaluate.pittsburgh import LiveFireTest
from dhishoom.nouns import NS_PER_S

LIVE_FIRE = "live_fire"
GUNFIRE = frozenset({"gunshot", "machine_gun"})
EXPLOSION, FIREWORK = "explosion", "firework"
NEEDED = ("path", "source", "group", "label")
LIVE_FIRE_S_MAX = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A shot that is known to arrive in a recording.

    Attributes:
        onset_s: From the first sample.
        distance_m: From the shooter to the microphone; None where nobody measured it.
    """

    onset_s: float
    distance_m: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """One file and what is known of it.

    Attributes:
        key: Its path in the set, with `/`.
        group: The original recording (of live fire the firing position): never split, resampled as one.
        label: The set's own word; `gunshot` and `machine_gun` are gunfire.
        train_ok: What its licence allows: `yes`, `nc`, `validate`; empty where nobody says.
        distance_m: From the gun, where stated.
        arrivals: Empty where only the whole clip is labelled.
        test: Of live fire: the test it belongs to.
    """

    key: str
    path: Path
    source: str
    group: str
    label: str
    train_ok: str = ""
    distance_m: float | None = None
    arrivals: tuple[Arrival, ...] = ()
    test: str = ""

    @property
    def is_gunfire(self) -> bool:
        """Whether a gun is heard in it."""
        return self.label in GUNFIRE

    @property
    def is_negative(self) -> bool:
        """Whether it counts as other sound; explosions count as neither."""
        return not self.is_gunfire and self.label != EXPLOSION

    @property
    def is_live_fire(self) -> bool:
        """Whether it belongs to the live-fire set."""
        return self.source == LIVE_FIRE

    @property
    def block(self) -> str:
        """What is resampled as one: source and group."""
        return f"{self.source}/{self.group}"


@dataclass(frozen=True, slots=True)
class Manifest:
    """Rows whose files are there, and paths of those whose are not."""

    recordings: tuple[Recording, ...]
    missing: tuple[str, ...]


def read_manifest(path: Path) -> Manifest:
    """Clips in the order of their rows; raises UsageError where columns lack, SourceError where it cannot be read."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            _require_columns(path, reader.fieldnames or ())
            rows = [_clip(row, path) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise SourceError(f"cannot read {path}: {why}. Name the manifest.csv that lists the clips.") from error
    if not rows:
        raise UsageError(f"{path} lists no clips: there is nothing to score. Add a row for each recording.")
    there = tuple(one for one in rows if one.path.is_file())
    return Manifest(there, tuple(one.key for one in rows if not one.path.is_file()))


def _require_columns(path: Path, columns: Sequence[str]) -> None:
    lacking = [name for name in NEEDED if name not in columns]
    if not lacking:
        return
    reasons = {
        "path": "where the sound is, below the manifest's folder",
        "source": "results are told by source",
        "group": "the original recording, resampled as one for intervals",
        "label": "gunshot, machine_gun, or what else it is",
    }
    why = "; ".join(f"{name}: {reasons[name]}" for name in lacking)
    raise UsageError(f"{path} lacks {', '.join(lacking)} ({why}). Its first line has to name {', '.join(NEEDED)}.")


def _clip(row: dict[str, Any], manifest: Path) -> Recording:
    distance_m = _number(row.get("distance_m"), "distance_m", row["path"])
    onsets = [_number(text, "onsets", row["path"]) for text in re.findall(r"[^\s,;\[\]]+", row.get("onsets") or "")]
    return Recording(
        key=row["path"],
        path=manifest.parent / row["path"],
        source=row["source"],
        group=row["group"],
        label=row["label"],
        train_ok=row.get("train_ok") or "",
        distance_m=distance_m,
        arrivals=tuple(
            Arrival(onset_s=onset, distance_m=distance_m) for onset in sorted(one for one in onsets if one is not None)
        ),
    )


def _number(text: str | None, column: str, path: str) -> float | None:
    if not text:
        return None
    try:
        return float(text)
    except ValueError as error:
        raise UsageError(
            f"the row of {path} has {column} {text!r}, which is no number; write seconds or metres, or nothing."
        ) from error


def live_fire_recordings(tests: Sequence[LiveFireTest]) -> Manifest:
    """Every recording of the tests with the listed arrivals that fall into it."""
    found = [one for test in tests for one in _of_test(test)]
    there = tuple(one for one in found if one.path.is_file())
    return Manifest(there, tuple(one.key for one in found if not one.path.is_file()))


def _of_test(test: LiveFireTest) -> list[Recording]:
    recordings = []
    for sidecar in sorted(test.folder.glob("*.audio.*.json")):
        about = _json(sidecar)
        start_ns = from_rfc3339(about["timestamp"])
        audio = _audio_beside(sidecar)
        recordings.append(
            Recording(
                key=f"{test.name}/{audio.name}",
                path=audio,
                source=LIVE_FIRE,
                group=test.position,
                label="gunshot",
                train_ok="yes",
                arrivals=_arrivals(test, about["serial_number"], start_ns),
                test=test.name,
            )
        )
    return recordings


def _arrivals(test: LiveFireTest, sensor_id: str, start_ns: int) -> tuple[Arrival, ...]:
    heard = {}
    for shot in test.shots:
        for index, name in enumerate(shot.sensor_ids):
            onset_s = (shot.onsets_ns[index] - start_ns) / NS_PER_S
            if name == sensor_id and 0 <= onset_s < LIVE_FIRE_S_MAX:
                east_m, north_m = shot.places_m[index][:2] - test.survey_m
                distance_m = float((east_m**2 + north_m**2) ** 0.5)
                heard[onset_s] = Arrival(onset_s=onset_s, distance_m=distance_m)
    return tuple(heard[onset_s] for onset_s in sorted(heard))


def _audio_beside(sidecar: Path) -> Path:
    """The FLAC or, as published, the WAV of a sidecar."""
    flac = sidecar.with_suffix(".flac")
    return flac if flac.is_file() else sidecar.with_suffix(".wav")


def _json(path: Path) -> dict[str, Any]:
    try:
        about: dict[str, Any] = json.loads(path.read_bytes())
        return {"serial_number": about["serial_number"], "timestamp": about["timestamp"]}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SourceError(f"cannot read {path}: {error}. Give the folder of the live-fire set, whole.") from error


def thinned(recordings: Sequence[Recording], limit: int | None) -> tuple[Recording, ...]:
    """At most `limit` of them, evenly spread, so that every part of the set is still there."""
    if limit is None or limit >= len(recordings):
        return tuple(recordings)
    return tuple(recordings[index * len(recordings) // limit] for index in range(limit))
