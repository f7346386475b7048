"""AudioSet's lists of segments: which ten seconds of which video hold which classes."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from dhishoom.errors import SourceError

VIDEO = re.compile(r"[-_A-Za-z0-9]{11}")
_PROMISED = re.compile(r"num_segs=(\d+)")
SECONDS_MAX = 86_400.0
BROKEN_TOLD = 5


@dataclass(frozen=True, slots=True, order=True)
class Segment:
    """A stretch of a video with its labels.

    Attributes:
        labels: Machine ids, as listed.
        listing: Name of the list it comes from, without `_segments.csv`.
    """

    video: str
    start_s: float
    end_s: float
    labels: tuple[str, ...]
    listing: str

    @property
    def key(self) -> str:
        """`VIDEO_STARTMS`, as AudioSet's strong labels write it."""
        return f"{self.video}_{round(self.start_s * 1000)}"


@dataclass(frozen=True, slots=True)
class Listing:
    """One list as it was read.

    Attributes:
        broken: What is wrong with the lines that were left out: `line 17: ...`.
        promised: Segments that its header promises; None without one.
    """

    name: str
    segments: tuple[Segment, ...]
    broken: tuple[str, ...]
    promised: int | None


def read_listing(path: Path) -> Listing:
    """Every line that can be understood; raises SourceError where none can or the file cannot be read."""
    name = path.name.removesuffix(".csv").removesuffix("_subset").removesuffix("_segments")
    segments: list[Segment] = []
    broken: list[str] = []
    promised: int | None = None
    try:
        with path.open(encoding="utf-8", errors="replace", newline="") as file:
            for number, line in enumerate(file, 1):
                if line.startswith("#"):
                    found = _PROMISED.search(line)
                    promised = int(found[1]) if found else promised
                    continue
                try:
                    segments.append(_segment(line, name))
                except ValueError as error:
                    broken.append(f"line {number}: {error}")
    except OSError as error:
        raise SourceError(f"cannot read {path}: {error.strerror}. Name one of AudioSet's segment lists.") from error
    if not segments:
        why = broken[0] if broken else "it has no lines"
        raise SourceError(
            f'{path} holds no segments ({why}). A line looks like: --PJHxphWEs, 30.000, 40.000, "/m/09x0r,/t/dd00088"'
        )
    return Listing(name, tuple(segments), tuple(broken), promised)


def _segment(line: str, listing: str) -> Segment:
    """One line; raises ValueError with what is wrong with it."""
    try:
        cells = next(csv.reader([line], skipinitialspace=True, strict=True), [])
    except csv.Error as error:
        raise ValueError(str(error)) from error
    if len(cells) != 4:
        raise ValueError(f"{len(cells)} columns instead of 4")
    video, start, end, labels = cells[0], float(cells[1]), float(cells[2]), cells[3].strip()
    if not VIDEO.fullmatch(video):
        raise ValueError(f"{video[:20]!r} is no video id")
    if not 0 <= start < end <= SECONDS_MAX:
        raise ValueError(f"{start} to {end} s is no stretch of a video")
    mids = tuple(one for one in labels.split(",") if one)
    if not mids or not all(mid.startswith("/") for mid in mids):
        raise ValueError(f"{labels[:40]!r} are no labels")
    return Segment(video, start, end, mids, listing)


def problems(listing: Listing) -> Iterator[str]:
    """What is wrong with a list that can be used all the same, in words."""
    if listing.broken:
        more = f" and {len(listing.broken) - BROKEN_TOLD} more" if len(listing.broken) > BROKEN_TOLD else ""
        yield f"{listing.name}: {len(listing.broken)} lines left out: {'; '.join(listing.broken[:BROKEN_TOLD])}{more}"
    found = len(listing.segments) + len(listing.broken)
    if listing.promised is not None and listing.promised != found:
        yield f"{listing.name}: its header promises {listing.promised} segments, it has {found}; is the file whole?"


def label_counts(segments: Iterable[Segment]) -> Counter[str]:
    """How many segments hold each label."""
    counts: Counter[str] = Counter()
    for segment in segments:
        counts.update(set(segment.labels))
    return counts
