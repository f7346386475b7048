"""Sounds that are detections only if an incident rests on them: held in memory until one does, or forgotten."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from dhishoom.nouns import NS_PER_S, Detection, Incident
from dhishoom.service.hearing import Candidate

HELD_MAX = 300
"""The oldest are forgotten beyond it; at 16 kHz some forty megabytes."""
HELD_NS = 30 * NS_PER_S
"""Longer than sound needs to pass a city, and than sensors lag that are waited for."""


class Candidates:
    """What association was told of and may come back for. One thread at a time."""

    def __init__(self) -> None:
        self._held: dict[str, Candidate] = {}
        self._sound_comes: set[str] = set()
        self._claimed: set[str] = set()

    def awaits(self, detection_id: str) -> bool:
        """Whether an incident rests on it and its sound is still to come."""
        return detection_id in self._claimed

    def expect(self, detections: Iterable[Detection]) -> None:
        """Association is told of these; their sound is not whole yet."""
        for one in detections:
            self._held[one.detection_id] = Candidate(detection=one, sound=None)
            self._sound_comes.add(one.detection_id)
            self._forget(one.onset_ns - HELD_NS)

    def take(self, candidates: Iterable[Candidate]) -> Iterator[Candidate]:
        """Hold these with their sound; those that an incident rests on already are detections now."""
        for one in candidates:
            name = one.detection.detection_id
            self._sound_comes.discard(name)
            if name in self._claimed:
                self._claimed.remove(name)
                yield one
            elif name in self._held:
                self._held[name] = one

    def claim(self, incidents: Iterable[Incident]) -> Iterator[Candidate]:
        """What these incidents rest on is a detection now, or as soon as its sound is whole."""
        named = (name for incident in incidents for shot in incident.shots for name in shot.detection_ids)
        for name in named:
            candidate = self._held.pop(name, None)
            if candidate is not None and name in self._sound_comes:
                self._claimed.add(name)
            elif candidate is not None:
                yield candidate

    def _forget(self, before_ns: int) -> None:
        """The oldest first, as they came."""
        while self._held:
            name, oldest = next(iter(self._held.items()))
            if len(self._held) <= HELD_MAX and oldest.detection.onset_ns >= before_ns:
                return
            del self._held[name]
            self._sound_comes.discard(name)
