"""`dhishoom init`: a dhishoom.toml to fill in, and a sensors.csv for recordings that carry no metadata."""

from __future__ import annotations

import csv
import io
import json
import os
import re
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Annotated

import typer

from dhishoom.cli import output
from dhishoom.core.timestamps import from_rfc3339, to_rfc3339
from dhishoom.errors import NounError, SettingsError, UsageError
from dhishoom.settings import FILE_NAME, parse_settings
from dhishoom.sources.files import audio_files
from dhishoom.sources.sensors_csv import FILE_NAME as SENSORS_CSV

COLUMNS = ("sensor_id", "file", "start_time", "x", "y", "z", "lat", "lon", "altitude", "clock_sigma_s", "temperature_c")
TEMPLATE = f"{FILE_NAME}.template"
_LISTEN = re.compile(r"# >>> listen\n(.*?)# <<< listen\n", re.DOTALL)
_REPLAY = re.compile(r"# >>> replay\n(.*?)# <<< replay\n", re.DOTALL)
_TIME_IN_NAME = re.compile(
    r"(\d{4})-?(\d\d)-?(\d\d)[T_ -](\d\d)[:-]?(\d\d)[:-]?(\d\d)((?:\.\d{1,9})?)Z?(?!\d)", re.IGNORECASE
)


def init(
    replay: Annotated[
        Path | None, typer.Option(help="Folder of recordings of several sensors: write its sensors.csv too.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite what is there.")] = False,
    config: Annotated[Path, typer.Option(help="The file to write.")] = Path(FILE_NAME),
) -> None:
    """Write a dhishoom.toml that works as it is, with every setting and what it means.

    As written it listens to this computer's microphone. With --replay DIR it plays the recordings in DIR, and
    DIR/sensors.csv lists them, to be filled in: who recorded each, when its first sample was, and where.
    """
    texts = {config: settings_text(replay, config.parent)}
    if replay is not None:
        rows = list(recordings_in(replay))
        texts[replay / SENSORS_CSV] = csv_text(rows)
    _require_absent([] if force else list(texts))
    for path, text in texts.items():
        _write(path, text)
        output.say(f"Wrote {path}.")
    if replay is None:
        output.say("Next: `dhishoom doctor`, then `dhishoom run`. Every setting is explained in the file.")
        return
    unknown = sum(not row["start_time"] for row in rows)
    times = f"start_time of {unknown} of {len(rows)} files, and " if unknown else ""
    places = "x, y (metres) or lat, lon of each sensor"
    output.say(f"Fill in {replay / SENSORS_CSV}: {times}{places}. Then `dhishoom replay {replay}`.")


def settings_text(replay: Path | None, base: Path) -> str:
    """What dhishoom.toml says, for a microphone or for a folder of recordings; always settings that are taken."""
    template = (resources.files("dhishoom.cli") / TEMPLATE).read_text(encoding="utf-8")
    kept, left_out = (_LISTEN, _REPLAY) if replay is None else (_REPLAY, _LISTEN)
    text = kept.sub(r"\1", left_out.sub("", template))
    if replay is not None:
        path = os.path.relpath(replay, base).replace(os.sep, "/")
        text = text.replace('"REPLAY"', json.dumps(path, ensure_ascii=False))
    parse_settings(text)
    return text


def recordings_in(folder: Path) -> Iterator[dict[str, str]]:
    """One row a recording: its sensor and its time as its name tells them, the rest to be filled in."""
    if not folder.is_dir():
        raise UsageError(f"--replay {folder} is no folder; give the one that holds the recordings.")
    for path in audio_files(folder):
        relative = path.relative_to(folder)
        yield {"sensor_id": _sensor_of(relative), "file": relative.as_posix(), "start_time": _time_of(path.name)}


def csv_text(rows: list[dict[str, str]]) -> str:
    """With a header, and an empty cell for whatever is not known."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _sensor_of(relative: Path) -> str:
    """The folder it lies in (`sensor=ID` says it is one), else its name without the time."""
    if len(relative.parts) > 1:
        return relative.parts[0].removeprefix("sensor=")
    return _TIME_IN_NAME.sub("", relative.stem).strip(" _-.") or relative.stem


def _time_of(name: str) -> str:
    """The time that a recorder writes into a name, taken as UTC; empty where there is none."""
    match = _TIME_IN_NAME.search(name)
    if match is None:
        return ""
    year, month, day, hours, minutes, seconds, fraction = match.groups()
    try:
        return to_rfc3339(from_rfc3339(f"{year}-{month}-{day}T{hours}:{minutes}:{seconds}{fraction}Z"))
    except NounError:
        return ""


def _require_absent(paths: list[Path]) -> None:
    there = [str(path) for path in paths if path.exists()]
    if there:
        raise UsageError(f"{' and '.join(there)} is there already; nothing was written. --force overwrites it.")


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise SettingsError(f"cannot write {path}: {error.strerror}. Name another file or folder.") from error
