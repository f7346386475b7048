"""Recordings with JSON beside them: `TEST.audio.SENSOR.json` next to `.flac` or `.wav`, and `TEST.weather.json`.

The form of the live-fire set of ShotSpotter Tech Note 098 (arXiv 2108.07377): places in metres from a common origin.
"""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import msgspec

from dhishoom.core.timestamps import from_rfc3339
from dhishoom.errors import DhishoomError, SourceError
from dhishoom.nouns import Position, Weather
from dhishoom.sources.files import is_audio_name
from dhishoom.sources.scenes import Recording

JSON_BYTES_MAX = 1 << 20


class _Location(msgspec.Struct):
    x: float
    y: float
    z: float = 0.0


class _Sidecar(msgspec.Struct):
    serial_number: str
    timestamp: str
    location: _Location | None = None


class _Weather(msgspec.Struct):
    temperature: float | None = None


T = TypeVar("T")


def read_sidecars(folder: Path, problems: list[str]) -> list[Recording]:
    """Every recording of one folder that has a sidecar; what does not fit is told in `problems`."""
    found: list[Recording] = []
    for sidecar in sorted(folder.glob("*.audio.*.json")):
        try:
            found.append(_recording(sidecar))
        except DhishoomError as error:
            problems.append(f"{sidecar} is left out: {error}")
    return found


def _recording(sidecar: Path) -> Recording:
    facts = _read_json(sidecar, _Sidecar)
    place = facts.location
    return Recording(
        sensor_id=facts.serial_number,
        path=_audio_beside(sidecar),
        start_ns=from_rfc3339(facts.timestamp),
        place=None if place is None else Position(x_m=place.x, y_m=place.y, z_m=place.z),
        weather=_weather(sidecar),
    )


def _read_json(path: Path, kind: type[T]) -> T:
    try:
        with path.open("rb") as file:
            text = file.read(JSON_BYTES_MAX + 1)
        if len(text) > JSON_BYTES_MAX:
            raise SourceError(f"cannot read {path}: more than {JSON_BYTES_MAX} bytes. It is no sidecar; move it away.")
        return msgspec.json.decode(text, type=kind)
    except OSError as error:
        raise SourceError(f"cannot read {path}: {error.strerror}. Check its permissions.") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise SourceError(f"cannot understand {path}: {error}. docs/formats.md shows what it holds.") from error


def _audio_beside(sidecar: Path) -> Path:
    stem = sidecar.name.removesuffix(".json")
    beside = sorted(filter(is_audio_name, sidecar.parent.glob(f"{_literal(stem)}.*")))
    if not beside:
        raise SourceError(f"its recording {stem}.flac or {stem}.wav is not there. Copy it beside.")
    return beside[0]


def _literal(name: str) -> str:
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in name)


def _weather(sidecar: Path) -> Weather | None:
    path = sidecar.with_name(sidecar.name.partition(".audio.")[0] + ".weather.json")
    if not path.exists():
        return None
    temperature_c = _read_json(path, _Weather).temperature
    return None if temperature_c is None else Weather(temperature_c=temperature_c)
