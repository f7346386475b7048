"""The operator's addresses, from a table: the nearest one names the place of a shot."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy.spatial import cKDTree

from dhishoom.core.geometry import to_local
from dhishoom.errors import GeometryError, NounError, SettingsError
from dhishoom.nouns import Origin, Position

ROWS_MAX = 2_000_000
BESIDE_M = 15.0
"""Farther from its address than this, a place is said to be so far from it."""


class AddressTable:
    """Addresses with their places in the site's frame.

    Args:
        reach_m: An address farther away names nothing.
    """

    def __init__(self, addresses: Sequence[tuple[str, Position]], reach_m: float) -> None:
        self._names, self._reach_m = [name for name, _ in addresses], reach_m
        self._tree = cKDTree(np.array([(place.x_m, place.y_m) for _, place in addresses]).reshape(-1, 2))

    def address(self, position: Position) -> str | None:
        """The nearest, with its distance unless it is beside; None where none is within reach."""
        away_m, at = self._tree.query((position.x_m, position.y_m), distance_upper_bound=self._reach_m)
        if not math.isfinite(away_m):
            return None
        name = self._names[int(at)]
        return name + (f" ({away_m:.0f} m away)" if away_m > BESIDE_M else "")


def read_gazetteer(path: Path, origin: Origin | None, reach_m: float) -> AddressTable:
    """A CSV file with the columns `address` and `lat`, `lon`, or in a site of local metres `x`, `y`.

    Addresses too far from a geographic site to be in its frame are left out. Raises SettingsError where the file cannot
    be read, with the line to mend.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            found = _read(csv.DictReader(lines), path, origin)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SettingsError(f"alerts.gazetteer: {path} cannot be read: {error}. Give a CSV file in UTF-8.") from error
    if not found:
        raise SettingsError(f"alerts.gazetteer: {path} has no address near the site. Are lat and lon swapped?")
    return AddressTable(found, reach_m)


def _read(rows: csv.DictReader[str], path: Path, origin: Origin | None) -> list[tuple[str, Position]]:
    wanted = ("address", "x", "y") if origin is None else ("address", "lat", "lon")
    missing = [name for name in wanted if name not in (rows.fieldnames or ())]
    if missing:
        raise SettingsError(
            f"alerts.gazetteer: {path} has no column {missing[0]!r}. Its first line must name {', '.join(wanted)}, for "
            f"the site is in {'local metres' if origin is None else 'degrees'}."
        )
    found: list[tuple[str, Position]] = []
    for row in rows:
        try:
            first, second = (float(row[name] or "") for name in wanted[1:])
            found.append((row["address"], _place(first, second, origin)))
        except (ValueError, NounError) as error:
            raise SettingsError(f"alerts.gazetteer: {path}, line {rows.line_num}: {error}. Mend the line.") from error
        except GeometryError:
            continue  # beyond the site's frame
        if len(found) > ROWS_MAX:
            raise SettingsError(f"alerts.gazetteer: {path} has more than {ROWS_MAX:,} addresses; cut it to the site.")
    return found


def _place(first: float, second: float, origin: Origin | None) -> Position:
    return Position(x_m=first, y_m=second) if origin is None else to_local(origin, first, second)
