"""Removing old clips, so that the disk never fills: by age, by their bytes together, and by what is free."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from dhishoom.nouns import NS_PER_S

CLIPS_AT_ONCE = 200
DAY_NS = 24 * 3600 * NS_PER_S


class RemovableClip(Protocol):
    """A clip that may be removed."""

    @property
    def clip(self) -> str:
        """Its name in the store."""

    @property
    def start_ns(self) -> int:
        """When its sound begins."""

    @property
    def bytes(self) -> int:
        """What removing it frees."""


class ClipKeeper(Protocol):
    """The store's part that retention needs."""

    def adopt_clips(self) -> int:
        """Enter files that have no row, as a crash leaves them; return how many there were."""

    def clip_bytes(self) -> int:
        """Of all clips together."""

    def free_bytes(self) -> int:
        """Free on the disk beyond what is never used; below zero where that is used already."""

    def removable_clips(self, *, limit: int) -> Sequence[RemovableClip]:
        """Clips of no confirmed incident: those nobody has reviewed first, each kind oldest first."""

    def remove_clip(self, clip: str) -> None:
        """Delete the file; detections stay, without their clip."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """What is kept of clips; None: no limit of this kind."""

    days: float | None = 30.0
    bytes_max: int | None = 10 << 30


def retain(keeper: ClipKeeper, retention: Retention, *, now_ns: int) -> int:
    """Remove what exceeds the limits; return how many clips went. Clips of confirmed incidents always stay."""
    removed = 0
    while batch := _exceeding(keeper, retention, now_ns):
        for one in batch:
            keeper.remove_clip(one.clip)
        removed += len(batch)
    return removed


def _exceeding(keeper: ClipKeeper, retention: Retention, now_ns: int) -> list[RemovableClip]:
    """The next clips that must go."""
    too_many = 0 if retention.bytes_max is None else keeper.clip_bytes() - retention.bytes_max
    wanted = max(too_many, -keeper.free_bytes())
    before_ns = 0 if retention.days is None else now_ns - round(retention.days * DAY_NS)
    chosen = []
    for one in keeper.removable_clips(limit=CLIPS_AT_ONCE):
        if wanted <= 0 and one.start_ns >= before_ns:
            continue
        chosen.append(one)
        wanted -= one.bytes
    return chosen
