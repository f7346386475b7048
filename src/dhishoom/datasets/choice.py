"""Which segments are chosen: evenly over the classes, the same ones for the same seed, no video on two sides."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from dhishoom.datasets.classes import NEGATIVE, POSITIVE, AudioSetClass
from dhishoom.datasets.segments import Segment
from dhishoom.errors import UsageError

Side = Literal["train", "validate", "test"]
EVALUATION = "eval"
VALIDATE_SHARE, TEST_SHARE = 0.1, 0.1


@dataclass(frozen=True, slots=True)
class Chosen:
    """A segment, the class it was chosen for, and its side of the split."""

    segment: Segment
    wanted: AudioSetClass
    side: Side


@dataclass(frozen=True, slots=True)
class Tally:
    """How one class came out.

    Attributes:
        pool: Segments that hold it and may be chosen for it.
        fair: What an even share would be.
    """

    wanted: AudioSetClass
    pool: int
    fair: int
    chosen: int

    @property
    def short(self) -> int:
        """How many it stays below an even share."""
        return max(0, self.fair - self.chosen)


@dataclass(frozen=True, slots=True)
class Choice:
    """What was chosen, in the order of the manifest, and how each class came out."""

    chosen: tuple[Chosen, ...]
    tallies: tuple[Tally, ...]


def choose(
    segments: Sequence[Segment], *, guns: frozenset[str], positives: int = 2000, negatives: int = 2000, seed: int = 0
) -> Choice:
    """Choose segments of the ancestor's classes.

    A segment with any label of gunfire is never a negative; a segment listed twice is one; a video lies on one side.
    Evenly: the class with the smallest pool chooses first, and what it cannot give is shared by those after it.

    Args:
        guns: Machine ids that mean gunfire, the positive classes and everything below them.
    Raises:
        UsageError: No segment holds a class of one side.
    """
    every = list({(one.video, one.start_s): one for one in sorted(segments, reverse=True)}.values())
    every.sort(key=lambda one: _draw(seed, one.key))
    others = [one for one in every if guns.isdisjoint(one.labels)]
    sides = _sides(segments, seed)
    chosen: list[Chosen] = []
    tallies: list[Tally] = []
    for classes, pool, count, what in (
        (POSITIVE, every, positives, "positive"),
        (NEGATIVE, others, negatives, "negative"),
    ):
        picked = _evenly(classes, pool, count)
        if count and not any(found for found, _ in picked.values()):
            names = ", ".join(one.name for one in classes)
            raise UsageError(f"no segment holds a {what} class ({names}). Name AudioSet's own lists with --segments.")
        for one, (found, pool_size) in picked.items():
            chosen += [Chosen(segment, one, sides[segment.video]) for segment in found]
            tallies.append(Tally(one, pool_size, count // len(classes), len(found)))
    return Choice(tuple(chosen), tuple(tallies))


def _evenly(
    classes: Sequence[AudioSetClass], pool: Sequence[Segment], count: int
) -> Mapping[AudioSetClass, tuple[list[Segment], int]]:
    """For each class, what was chosen and how many there were."""
    pools = {one: [segment for segment in pool if one.mid in segment.labels] for one in classes}
    found: dict[AudioSetClass, list[Segment]] = {}
    taken: set[str] = set()
    left = count
    for index, one in enumerate(sorted(classes, key=lambda one: (len(pools[one]), one.mid))):
        share = -(-left // (len(classes) - index))
        free = [segment for segment in pools[one] if segment.key not in taken]
        found[one] = free[:share]
        taken.update(segment.key for segment in found[one])
        left -= len(found[one])
    return {one: (found[one], len(pools[one])) for one in classes}


def _sides(segments: Sequence[Segment], seed: int) -> Mapping[str, Side]:
    """A side for every video: the evaluation list is for testing, the rest is drawn."""
    evaluation = {one.video for one in segments if one.listing == EVALUATION}
    return {one.video: "test" if one.video in evaluation else _side(seed, one.video) for one in segments}


def _side(seed: int, video: str) -> Side:
    share = _draw(seed, f"side {video}") / 2**64
    if share < TEST_SHARE:
        return "test"
    return "validate" if share < TEST_SHARE + VALIDATE_SHARE else "train"


def _draw(seed: int, text: str) -> int:
    """A number that looks drawn and is derived: 0 to 2**64 - 1."""
    return int.from_bytes(hashlib.blake2b(f"{seed} {text}".encode(), digest_size=8).digest(), "big")
