"""What there is to learn from: rows of the clips' manifest and the live-fire set, with what is known of each."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from dhishoom.core.timestamps import from_rfc3339
from dhishoom.errors import SourceError
from dhishoom.nouns import GUNSHOT, NS_PER_S

Use = Literal["yes", "nc", "validate"]
LIVE_FIRE = "live_fire"
_ECHO_S = 1.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """One file and what is known of its sound.

    Attributes:
        group: The original recording; never split between learning and measuring.
        label: The collection's own word for it.
        use: What its licence allows: `yes`, `nc` (then the weights are CC BY-NC) or `validate` (never learnt from).
        onsets_s: Arrivals of muzzle blasts known to the millisecond; empty where only the whole clip is labelled.
        unsure_s: Stretches (begin, end) that are neither shot nor no shot.
    """

    key: str
    path: Path
    source: str
    group: str
    label: str
    use: Use
    onsets_s: tuple[float, ...] = ()
    unsure_s: tuple[tuple[float, float], ...] = ()

    @property
    def is_gunfire(self) -> bool:
        """Whether a gun is heard in it."""
        return self.label in {GUNSHOT, "machine_gun"}


def read_manifest(manifest: Path) -> list[Recording]:
    """Every row of a clips' manifest whose file is there, in its order."""
    try:
        with manifest.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except OSError as error:
        raise SourceError(f"Cannot read {manifest}: {error.strerror}. Name the manifest.csv of the clips.") from error
    return [_clip(row, manifest.parent) for row in rows if (manifest.parent / row["path"]).is_file()]


def _clip(row: dict[str, str], folder: Path) -> Recording:
    return Recording(
        key=row["path"],
        path=folder / row["path"],
        source=row["source"],
        group=row["group"],
        label=row["label"],
        use=_use(row["train_ok"], row["path"]),
    )


def _use(text: str, path: str) -> Use:
    for use in get_args(Use):
        if text == use:
            return use  # type: ignore[no-any-return]
    raise SourceError(f"{path}: train_ok is {text!r}; write yes, nc or validate.")


def read_live_fire(folder: Path) -> list[Recording]:
    """Every recording of the live-fire set that heard a listed shot; its group is the firing position.

    A recording without a listed arrival may hold a shot that nobody listed, so it teaches nothing and is left out.
    """
    tests = sorted(path for path in folder.glob("FP*/test_*") if path.is_dir())
    if not tests:
        raise SourceError(f"No FP*/test_* below {folder}; name the live-fire folder.")
    found = [recording for test in tests for recording in _live_fire_test(test)]
    return [recording for recording in found if recording.onsets_s]


def _live_fire_test(test: Path) -> Iterable[Recording]:
    pulses = _read_json(next(test.glob("*.allpulses.json")))
    sets = _read_json(next(test.glob("*.nlos-tuples.json")))
    listed = {pulse for shot in sets for pulse in shot["pulse_uuids"]}
    for sidecar in sorted(test.glob("*.audio.*.json")):
        about = _read_json(sidecar)
        start_ns = from_rfc3339(about["timestamp"])
        own = [pulse for pulse in pulses if pulse["serial_number"] == about["serial_number"]]
        onsets = _arrivals_s((pulse for pulse in own if pulse["pulse_uuid"] in listed), start_ns)
        others = _arrivals_s(own, start_ns)
        yield Recording(
            key=f"{test.parent.name}/{sidecar.stem}",
            path=sidecar.with_suffix(".flac"),
            source=LIVE_FIRE,
            group=test.parent.name,
            label=GUNSHOT,
            use="yes",
            onsets_s=onsets,
            unsure_s=tuple((at - 0.1, at + 0.3) for at in others if _is_stray(at, onsets)),
        )


def _arrivals_s(pulses: Iterable[dict[str, str]], start_ns: int) -> tuple[float, ...]:
    times = {(from_rfc3339(pulse["arrival_time_utc"]) - start_ns) / NS_PER_S for pulse in pulses}
    return tuple(sorted(times))


def _is_stray(at_s: float, onsets_s: Sequence[float]) -> bool:
    """A pulse that is neither a listed arrival nor the echo of one."""
    return not any(-0.1 <= at_s - onset <= _ECHO_S for onset in onsets_s)


def _read_json(path: Path) -> Any:  # the live-fire set's own files: lists or one object
    with path.open(encoding="utf-8") as file:
        return json.load(file)
