"""Plain recordings with a table beside them: `sensors.csv`, one row a file (docs/formats.md)."""

from __future__ import annotations

import csv
import difflib
import math
from collections.abc import Iterator, Mapping
from pathlib import Path

from dhishoom.core.timestamps import from_rfc3339
from dhishoom.errors import DhishoomError, SourceError
from dhishoom.nouns import Position, Weather
from dhishoom.sources.scenes import GeographicPlace, Recording

FILE_NAME = "sensors.csv"
BYTES_MAX = 16 << 20
ROWS_MAX = 100_000
NEEDED = ("sensor_id", "file", "start_time")
METRES = ("x", "y", "z")
DEGREES = ("lat", "lon", "altitude")
OPTIONAL = ("clock_sigma_s", "temperature_c", "name")
KNOWN = (*NEEDED, *METRES, *DEGREES, *OPTIONAL)

Row = Mapping[str, str]


def read_sensors_csv(folder: Path, problems: list[str]) -> list[Recording]:
    """Every row of the folder's `sensors.csv`, nothing where there is none; a bad row is told and left out."""
    path = folder / FILE_NAME
    if not path.is_file():
        return []
    found: list[Recording] = []
    for line, row in _rows(path):
        try:
            found.append(_recording(folder, row))
        except DhishoomError as error:
            problems.append(f"{path}, line {line}, is left out: {error}")
    return found


def _rows(path: Path) -> Iterator[tuple[int, Row]]:
    try:
        if path.stat().st_size > BYTES_MAX:
            raise SourceError(f"cannot read {path}: more than {BYTES_MAX >> 20} MiB. Split the folder.")
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, restkey="", restval="", strict=True)
            _require_columns(path, tuple(reader.fieldnames or ()))
            for count, row in enumerate(reader, 1):
                if count > ROWS_MAX:
                    raise SourceError(f"{path} has more than {ROWS_MAX} rows. Split the folder.")
                yield reader.line_num, {name: text.strip() for name, text in row.items() if name}
    except OSError as error:
        raise SourceError(f"cannot read {path}: {error.strerror}. Check its permissions.") from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise SourceError(f"cannot understand {path}: {error}. Save it as CSV in UTF-8 with commas.") from error


def _require_columns(path: Path, columns: tuple[str, ...]) -> None:
    for name in columns:
        if name not in KNOWN:
            nearest = difflib.get_close_matches(name, KNOWN, n=1)
            fix = f"Did you mean {nearest[0]}?" if nearest else f"Known are {', '.join(KNOWN)}."
            raise SourceError(f"{path} has an unknown column {name!r}. {fix}")
    missing = [name for name in NEEDED if name not in columns]
    if missing:
        raise SourceError(
            f"{path} lacks the column {missing[0]!r}. The first line names them: {','.join(NEEDED)},x,y,z"
        )


def _recording(folder: Path, row: Row) -> Recording:
    temperature_c = _number(row, "temperature_c")
    return Recording(
        sensor_id=row["sensor_id"],
        path=_file(folder, row["file"]),
        start_ns=from_rfc3339(row["start_time"]),
        place=_place(row),
        clock_sigma_s=_clock_sigma_s(row),
        weather=None if temperature_c is None else Weather(temperature_c=temperature_c),
        name=row.get("name", ""),
    )


def _file(folder: Path, name: str) -> Path:
    path = folder / name
    try:
        inside = bool(name) and path.resolve().is_relative_to(folder.resolve())
        there = inside and path.is_file()
    except (OSError, ValueError) as error:  # too long, or with a zero byte
        raise SourceError(f"file {name[:80]!r} cannot be: {error}. Mend the name.") from error
    if not inside:
        raise SourceError(f"file {name!r} does not lie in the folder. Give a name relative to {FILE_NAME}.")
    if not there:
        raise SourceError(f"file {name!r} is not there. Mend the name or copy the file.")
    return path


def _clock_sigma_s(row: Row) -> float | None:
    sigma_s = _number(row, "clock_sigma_s")
    if sigma_s is not None and not 0 <= sigma_s <= 60:
        raise SourceError(f"clock_sigma_s is {sigma_s:g}; give seconds from 0 to 60.")
    return sigma_s


def _place(row: Row) -> Position | GeographicPlace | None:
    x, y, lat, lon = (_number(row, name) for name in ("x", "y", "lat", "lon"))
    if x is not None and y is not None:
        return Position(x_m=x, y_m=y, z_m=_number(row, "z") or 0.0)
    if lat is not None and lon is not None:
        return GeographicPlace(lat=lat, lon=lon, altitude_m=_number(row, "altitude") or 0.0)
    if any(value is not None for value in (x, y, lat, lon)):
        raise SourceError("its place is half given. Give x and y, or lat and lon, or neither.")
    return None


def _number(row: Row, name: str) -> float | None:
    text = row.get(name, "")
    if not text:
        return None
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise SourceError(f"{name} is {text[:80]!r}. Give a number such as 12.5.")
    return number
