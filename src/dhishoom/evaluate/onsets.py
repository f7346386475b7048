"""Onsets against the listed arrivals of live fire: `python -m dhishoom.evaluate.onsets DIR`.

The listed arrivals are another picker's and whole milliseconds, most likely cut off: a perfect pick would then be late
by half a millisecond on the mean and as much off in the median. Silence is filled with noise before anything listens.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dhishoom.core.onset import pick
from dhishoom.detectors.catalogue import DEFAULT, open_detector
from dhishoom.evaluate.hearing import Prepared, hear, prepare
from dhishoom.evaluate.matching import match
from dhishoom.evaluate.pittsburgh import live_fire_tests
from dhishoom.evaluate.recordings import live_fire_recordings

if TYPE_CHECKING:
    from dhishoom.seams import Detector

NEAR_S = 0.015
"""How far off the listed arrival the picker alone is pointed: more than a frame of any shipped model."""
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Onset:
    """One listed arrival and what became of it.

    Attributes:
        group: The firing position.
        snr_db: By the picker.
        heard_s: Detected onset after the listed one; None where nothing was detected within 100 ms.
        picked_s: Onset of the picker alone, pointed within 15 ms of the listed one, after the listed one.
    """

    group: str
    snr_db: float
    heard_s: float | None
    picked_s: float


@dataclass(frozen=True, slots=True)
class Errors:
    """How far onsets lie from listed arrivals, in milliseconds; positive: later.

    Attributes:
        bias_ms: Median.
        median_ms, p90_ms, p95_ms: Of absolute values.
    """

    name: str
    count: int
    bias_ms: float
    mean_ms: float
    median_ms: float
    p90_ms: float
    p95_ms: float
    max_ms: float


def onsets_of(prepared: Prepared, detector: Detector, rng: np.random.Generator) -> Iterator[Onset]:
    """Every listed arrival of one recording, heard as the product hears and picked alone."""
    sound, rate = prepared.sound, prepared.sound.sample_rate
    listed = [one.onset_s for one in prepared.recording.arrivals if one.onset_s < sound.duration_s]
    events = hear(prepared, detector, "unknown").alarms(detector.card.possible)
    hits = match(events, listed).hits
    for at_s, hit, snr_db in zip(listed, hits, prepared.snr_db, strict=True):
        picked = pick(sound.samples, rate, (at_s + rng.uniform(-NEAR_S, NEAR_S)) * rate)
        heard_s = None if hit is None else hit.onset_s - at_s
        yield Onset(prepared.recording.group, snr_db, heard_s, picked.sample / rate - at_s)


def errors(name: str, differences_s: Sequence[float]) -> Errors:
    """The figures of some differences; of none, all NaN."""
    off = 1000 * np.array(differences_s or [np.nan], np.float64)
    median, p90, p95, largest = np.percentile(np.abs(off), [50, 90, 95, 100])
    return Errors(name, len(differences_s), float(np.median(off)), float(off.mean()), median, p90, p95, float(largest))


def tables(onsets: Sequence[Onset]) -> list[Errors]:
    """What is heard, all of it and by firing position; then the picker alone."""
    heard = [(one.group, one.heard_s) for one in onsets if one.heard_s is not None]
    groups = sorted({group for group, _ in heard})
    by_group = [errors(f"heard, {name}", [off for group, off in heard if group == name]) for name in groups]
    alone = errors("picker alone", [one.picked_s for one in onsets])
    return [errors("heard", [off for _, off in heard]), *by_group, alone]


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table and, last, one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", default=DEFAULT)
    asked = parser.parse_args(arguments)
    detector, rng = open_detector(asked.model), np.random.default_rng(0)
    recordings = live_fire_recordings(live_fire_tests(asked.folder)).recordings
    found = [onset for one in recordings for onset in onsets_of(prepare(one), detector, rng)]
    print(f"{len(found)} listed arrivals in {len(recordings)} recordings, heard by {detector.card.name}; milliseconds")
    print(f"{'':14}{'n':>5}{'bias':>8}{'mean':>8}{'median':>8}{'p90':>8}{'p95':>8}{'max':>8}")
    told = tables(found)
    for row in told:
        name, count, *figures = asdict(row).values()
        print(f"{name:14}{count:5}" + "".join(f"{figure:8.2f}" for figure in figures))
    print(json.dumps({"model": detector.card.name, "listed": len(found), "rows": [asdict(row) for row in told]}))


if __name__ == "__main__":
    main()
