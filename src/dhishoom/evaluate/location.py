"""How well shots are located and counted on the live-fire set: one row a task, fixed seeds, several draws.

`python -m dhishoom.evaluate.location DIR` prints the table, and one JSON object as its last line.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from dhishoom.detectors.catalogue import DEFAULT, open_detector
from dhishoom.evaluate.false_incidents import false_incident_rows
from dhishoom.evaluate.from_sound import Listener, sound_rows
from dhishoom.evaluate.listed import listed_rows
from dhishoom.evaluate.pittsburgh import live_fire_tests
from dhishoom.evaluate.raw_pulses import raw_rows
from dhishoom.evaluate.row import Row

if TYPE_CHECKING:
    from dhishoom.evaluate.pittsburgh import LiveFireTest

__all__ = ["Row", "location_rows", "street_beside"]


def location_rows(
    tests: Sequence[LiveFireTest], root: Path, listener: Listener, draws: int = 5, seed: int = 0
) -> Iterator[Row]:
    """Every row, in the order of what is given to the locator.

    Args:
        root: The folder of the live-fire set; recordings of a street are looked for beside it.
        listener: Hears the sound for the rows that begin with it.
    """
    street = street_beside(root)
    yield from listed_rows(tests, draws, seed)
    yield from sound_rows(tests, root, street, listener)
    yield from raw_rows(tests, draws, seed)
    yield from false_incident_rows(seed)


def street_beside(root: Path) -> Path | None:
    """The folder `street` beside the live-fire set, if it is there."""
    street = root.resolve().parent / "street"
    return street if street.is_dir() else None


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table and, last, one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--draws", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--model", default=DEFAULT)
    asked = parser.parse_args(arguments)
    tests = live_fire_tests(asked.folder)
    detector = open_detector(asked.model)
    rows = []
    for row in location_rows(tests, asked.folder, lambda _: detector, asked.draws, asked.seed):
        print(f"{row.task}\n    reached  {row.reached}\n    must     {row.must}    aim  {row.aim}", flush=True)
        rows.append(row)
    print(json.dumps({"draws": asked.draws, "seed": asked.seed, "rows": [asdict(row) for row in rows]}))


if __name__ == "__main__":
    main()
