"""Sounds that are detections only if an incident rests on them: held in memory until one does, or forgotten."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from dhishoom.nouns import Detection, Incident
from dhishoom.service.hearing import Candidate

HELD_MAX = 500
"""The oldest are forgotten beyond it; half a minute of a loud city, some tens of megabytes."""


class Candidates:
    """What association was told of and may come back for. One thread at a time."""

    def __init__(self) -> None:
        self._held: dict[str, Candidate | None] = {}
        self._claimed: set[str] = set()

    def awaits(self, detection_id: str) -> bool:
        """Whether an incident rests on it and its sound is still to come."""
        return detection_id in self._claimed

    def expect(self, detections: Iterable[Detection]) -> None:
        """Association is told of these; their sound is not whole yet."""
        self._held |= dict.fromkeys(one.detection_id for one in detections)
        while len(self._held) > HELD_MAX:
            self._held.pop(next(iter(self._held)))

    def take(self, candidates: Iterable[Candidate]) -> Iterator[Candidate]:
        """Hold these with their sound; those that an incident rests on already are detections now."""
        for one in candidates:
            name = one.detection.detection_id
            if name in self._claimed:
                self._claimed.remove(name)
                yield one
            elif name in self._held:
                self._held[name] = one

    def claim(self, incidents: Iterable[Incident]) -> Iterator[Candidate]:
        """What these incidents rest on is a detection now, or as soon as its sound is whole."""
        for incident in incidents:
            for name in (name for shot in incident.shots for name in shot.detection_ids if name in self._held):
                candidate = self._held.pop(name)
                if candidate is None:
                    self._claimed.add(name)
                else:
                    yield candidate
