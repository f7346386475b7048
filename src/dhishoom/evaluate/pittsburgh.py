"""The live-fire set of ShotSpotter Tech Note 098 (arXiv 2108.07377), as the scorer reads it.

Survey and listed pulses are truth: nothing outside this room may see them. Known traps: pulses told twice under other
ids, a sensor twice in one listed set, listed ids that are missing, a sensor's place measured anew for each pulse.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dhishoom.core.fitting import Arrivals
from dhishoom.core.propagation import Floats, air_of, travel_s
from dhishoom.core.timestamps import from_rfc3339
from dhishoom.errors import UsageError
from dhishoom.nouns import NS_PER_S, Detection, Site
from dhishoom.sources.picks import read_picks


@dataclass(frozen=True, slots=True)
class ListedShot:
    """One shot as its publishers matched it: the sensors that heard it, and when.

    Attributes:
        sensor_ids: Each sensor once.
        places_m: [n, 3].
        onsets_ns: In the order of `sensor_ids`.
        fired_ns: Emission, from the survey and the median arrival.
    """

    sensor_ids: tuple[str, ...]
    places_m: Floats
    onsets_ns: tuple[int, ...]
    fired_ns: int

    def arrivals(self) -> Arrivals:
        """As the locator wants them; times from the first arrival, no pick of known sigma."""
        first = min(self.onsets_ns)
        times = np.array([(onset - first) / NS_PER_S for onset in self.onsets_ns])
        return Arrivals(self.places_m, times, np.zeros(len(times)))


@dataclass(frozen=True, slots=True)
class LiveFireTest:
    """One test: one or three rounds from one place.

    Attributes:
        folder: `FP1/test_001` and its path.
        survey_m: [2], where the shooter stood, by GPS, to about 2.5 m.
        site, pulses: Every sensor's raw pulses; nothing given.
        shots: Truth.
    """

    name: str
    folder: Path
    position: str
    survey_m: Floats
    site: Site
    pulses: tuple[Detection, ...]
    shots: tuple[ListedShot, ...]


def live_fire_tests(folder: Path) -> list[LiveFireTest]:
    """Every test below `folder`, in the order of their names. Raises UsageError if there is none."""
    found = [_test(path, folder) for path in sorted(folder.glob("**/*.nlos-tuples.json"))]
    if not found:
        raise UsageError(f"No *.nlos-tuples.json below {folder}: give the folder of the live-fire set.")
    return found


def _test(listed: Path, root: Path) -> LiveFireTest:
    stem = listed.name.removesuffix(".nlos-tuples.json")
    survey = _json(listed.with_name(f"{stem}.survey.json"))
    pulses_path = listed.with_name(f"{stem}.allpulses.json")
    picks = read_picks(pulses_path)
    place = survey["survey_location"]
    where = np.array([place["x"], place["y"], place["z"]])
    by_id = {pulse["pulse_uuid"]: pulse for pulse in _json(pulses_path)}
    shots = tuple(_shot(tuple(_known(shot, by_id)), where, picks.site) for shot in _json(listed))
    name = str(listed.parent.relative_to(root))
    return LiveFireTest(name, listed.parent, survey["firing_position"], where[:2], picks.site, picks.detections, shots)


def _known(shot: dict[str, Any], by_id: dict[str, dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Listed pulses that exist, the first of each sensor."""
    seen = set()
    for pulse in (by_id[one] for one in shot["pulse_uuids"] if one in by_id):
        if pulse["serial_number"] not in seen:
            seen.add(pulse["serial_number"])
            yield pulse


def _shot(pulses: tuple[dict[str, Any], ...], survey_m: Floats, site: Site) -> ListedShot:
    places = np.array([[pulse["location"][axis] for axis in "xyz"] for pulse in pulses])
    onsets = tuple(from_rfc3339(pulse["arrival_time_utc"]) for pulse in pulses)
    travel = travel_s(survey_m[None, :2], float(survey_m[2]), places, air_of(site.weather))
    fired = np.median([onset - one * NS_PER_S for onset, one in zip(onsets, travel[0], strict=True)])
    return ListedShot(tuple(pulse["serial_number"] for pulse in pulses), places, onsets, int(fired))


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise UsageError(f"Cannot read {path}: {error}. Give the folder of the live-fire set, whole.") from error
