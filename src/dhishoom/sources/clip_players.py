"""A folder of clips played over and over by simulated sensors, each sending one every few seconds."""

from __future__ import annotations

import csv
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from dhishoom.errors import SourceError
from dhishoom.nouns import NS_PER_S, Chunk, Sensor, Site
from dhishoom.sources.files import audio_files, read_audio

CLIPS_HELD = 256
PATH_COLUMNS = ("path", "file", "filename", "name")
LABEL_COLUMNS = ("label", "category", "class", "class_name")
GUNFIRE = ("gun", "shot", "rifle", "pistol")


def clips_of(folder: Path, manifest: Path | None = None) -> tuple[list[Path], list[Path]]:
    """Clips of gunfire, and all others; without a manifest nobody knows, and all are others.

    Args:
        manifest: A CSV file with a header: a path relative to the folder, and a label.
    Raises:
        SourceError: It cannot be read, or names no clip that is there.
    """
    if manifest is None:
        return [], audio_files(folder)
    kinds: dict[bool, list[Path]] = {True: [], False: []}
    for path, label in _rows(manifest):
        if (folder / path).is_file():
            kinds[any(word in label.lower() for word in GUNFIRE)].append(folder / path)
    if not kinds[True] and not kinds[False]:
        raise SourceError(f"{manifest} names no clip that is in {folder}; its paths must be relative to that folder.")
    return kinds[True], kinds[False]


def _rows(manifest: Path) -> Iterator[tuple[str, str]]:
    try:
        with manifest.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            names = [name.strip().lower() for name in reader.fieldnames or ()]
            path, label = (
                next((one for one in known if one in names), None) for known in (PATH_COLUMNS, LABEL_COLUMNS)
            )
            if path is None or label is None:
                raise SourceError(f"{manifest} has the columns {names}; it needs one named path and one named label.")
            for row in reader:
                lowered = {(key or "").strip().lower(): value for key, value in row.items() if isinstance(value, str)}
                yield lowered.get(path, ""), lowered.get(label, "")
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SourceError(f"cannot read {manifest}: {error}. It must be a CSV file in UTF-8 with a header.") from error


class ClipPlayers:
    """A Source: `Sensor1`, `Sensor2`, ..., each a clip every `every_s`, gunfire and others by turns.

    Args:
        gunfire, others: What is played; where one is empty, the other alone.
        paced: Whether to wait until each clip would have been recorded; else all come at once.
        begin_ns: When the first clip began to be recorded.
    """

    def __init__(
        self,
        gunfire: Sequence[Path],
        others: Sequence[Path],
        *,
        sensors: int,
        every_s: float,
        begin_ns: int,
        seed: int = 0,
        paced: bool = True,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._kinds = [kind for kind in (list(gunfire), list(others)) if kind]
        self._sensors, self._every_ns = sensors, round(every_s * NS_PER_S)
        self._begin_ns, self._paced, self._now_s = begin_ns, paced, now_s
        self._random, self._closed = np.random.default_rng(seed), threading.Event()
        self._read = lru_cache(maxsize=CLIPS_HELD)(read_audio)

    def site(self) -> Site | None:
        """The sensors, which are nowhere."""
        names = [f"Sensor{number}" for number in range(1, self._sensors + 1)]
        return Site(sensors={name: Sensor(sensor_id=name) for name in names})

    def chunks(self) -> Iterator[Chunk]:
        """Clips in the order of their ends, spread evenly over time, until `close`."""
        begun_s, clip = self._now_s(), 0
        while not self._closed.is_set():
            turn, sensor = divmod(clip, self._sensors)
            ends_ns = self._begin_ns + self._every_ns * (turn + 1) + self._every_ns * sensor // self._sensors
            due_s = begun_s + (ends_ns - self._begin_ns - self._every_ns) / NS_PER_S
            if self._paced and self._closed.wait(max(0.0, due_s - self._now_s())):
                return
            yield self._clip(f"Sensor{sensor + 1}", self._kinds[(turn + sensor) % len(self._kinds)], ends_ns)
            clip += 1

    def close(self) -> None:
        """End `chunks`, at once where it waits."""
        self._closed.set()

    def _clip(self, sensor_id: str, kind: Sequence[Path], ends_ns: int) -> Chunk:
        """One of a kind, at most as long as the time between two, ended then."""
        whole = self._read(kind[int(self._random.integers(len(kind)))])
        samples = whole.samples[: self._every_ns * whole.sample_rate // NS_PER_S]
        start_ns = ends_ns - len(samples) * NS_PER_S // whole.sample_rate
        return Chunk(sensor_id=sensor_id, start_ns=start_ns, sample_rate=whole.sample_rate, samples=samples)
