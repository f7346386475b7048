"""The store of one process's memory: the oracle of the contract, and what a replay without a database writes to."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace

from dhishoom.nouns import Chunk, Detection, Incident, Letter, Review
from dhishoom.stores.clips import KeptClip, clip_name, encode_flac, gone
from dhishoom.stores.memory_outbox import MemoryOutbox

END_OF_TIME_NS = 2**63 - 1


class MemoryStore(MemoryOutbox):
    """Everything in dicts, gone when the process ends; safe from several threads."""

    def __init__(self) -> None:
        super().__init__()
        self._clips: dict[str, tuple[int, bytes]] = {}
        self._detections: dict[str, Detection] = {}
        self._revisions: dict[str, dict[int, Incident]] = {}

    def keep_clip(self, chunk: Chunk) -> str:
        """Encode and keep."""
        clip = clip_name(chunk.sensor_id, chunk.start_ns)
        body = encode_flac(chunk)
        with self._lock:
            self._clips.setdefault(clip, (chunk.start_ns, body))
        return clip

    def put_detections(self, detections: Sequence[Detection]) -> int:
        """Insert those not yet there."""
        with self._lock:
            before = len(self._detections)
            for detection in detections:
                self._detections.setdefault(detection.detection_id, detection)
            return len(self._detections) - before

    def put_incidents(self, incidents: Sequence[Incident], letters: Sequence[Letter] = ()) -> None:
        """Keep every revision once, and the letters about them."""
        with self._lock:
            self.put_letters(letters)
            for incident in incidents:
                self._revisions.setdefault(incident.incident_id, {}).setdefault(incident.revision, incident)

    def put_review(self, review: Review) -> None:
        """Keep it; the same review again changes nothing."""
        with self._lock:
            self._reviews[review] = None

    def detections(
        self,
        *,
        since_ns: int = 0,
        until_ns: int | None = None,
        sensor_id: str | None = None,
        labels: Sequence[str] | None = None,
        limit: int = 1000,
    ) -> Sequence[Detection]:
        """Newest first; `until_ns` itself excluded."""
        with self._lock:
            found = [
                one
                for one in self._detections.values()
                if since_ns <= one.onset_ns < (until_ns or END_OF_TIME_NS)
                and sensor_id in (None, one.sensor_id)
                and (labels is None or one.label in labels)
            ]
        return sorted(found, key=_when_heard, reverse=True)[:limit]

    def detections_by_id(self, detection_ids: Sequence[str]) -> Sequence[Detection]:
        """Those that exist, in order of onset."""
        with self._lock:
            found = [self._detections[name] for name in set(detection_ids) if name in self._detections]
        return sorted(found, key=_when_heard)

    def incidents(self, *, since_ns: int = 0, until_ns: int | None = None, limit: int = 100) -> Sequence[Incident]:
        """In their last revision, newest first; `until_ns` itself excluded."""
        with self._lock:
            last = [revisions[max(revisions)] for revisions in self._revisions.values()]
        found = [one for one in last if since_ns <= one.time_ns < (until_ns or END_OF_TIME_NS)]
        return sorted(found, key=lambda one: (one.time_ns, one.incident_id), reverse=True)[:limit]

    def incident(self, incident_id: str) -> Incident | None:
        """Its last revision."""
        history = self.incident_history(incident_id)
        return history[-1] if history else None

    def incident_history(self, incident_id: str) -> Sequence[Incident]:
        """Every revision, the first first."""
        with self._lock:
            revisions = self._revisions.get(incident_id, {})
            return [revisions[number] for number in sorted(revisions)]

    def reviews(self, subject_id: str | None = None) -> Sequence[Review]:
        """Oldest first."""
        with self._lock:
            found = [one for one in self._reviews if subject_id in (None, one.subject_id)]
        return sorted(found, key=lambda one: one.time_ns)

    def read_clip(self, clip: str) -> bytes:
        """A kept clip as FLAC."""
        with self._lock:
            if clip not in self._clips:
                raise gone(clip)
            return self._clips[clip][1]

    def close(self) -> None:
        """Nothing to free."""

    def adopt_clips(self) -> int:
        """No clip is ever without its row."""
        return 0

    def clip_bytes(self) -> int:
        """Of all clips together."""
        with self._lock:
            return sum(len(body) for _, body in self._clips.values())

    def free_bytes(self) -> int:
        """Memory is not watched."""
        return sys.maxsize

    def removable_clips(self, *, limit: int) -> Sequence[KeptClip]:
        """Clips of no confirmed incident: those nobody has reviewed first, each kind oldest first."""
        with self._lock:
            verdicts = {one.subject_id: one.verdict for one in self.reviews()}
            protected = self._clips_of({subject for subject, verdict in verdicts.items() if verdict == "confirmed"})
            reviewed = self._clips_of(set(verdicts))
            found = [KeptClip(clip, start_ns, len(body)) for clip, (start_ns, body) in self._clips.items()]
        found = [kept for kept in found if kept.clip not in protected]
        return sorted(found, key=lambda kept: (kept.clip in reviewed, kept.start_ns, kept.clip))[:limit]

    def remove_clip(self, clip: str) -> None:
        """Detections lose their clip with it."""
        with self._lock:
            self._clips.pop(clip, None)
            for name, detection in self._detections.items():
                if detection.clip == clip:
                    self._detections[name] = replace(detection, clip=None)

    def _clips_of(self, subjects: set[str]) -> set[str | None]:
        """Clips of detections that are subjects themselves or belong to an incident that is."""
        members = {
            name
            for subject in subjects
            for incident in self._revisions.get(subject, {}).values()
            for shot in incident.shots
            for name in shot.detection_ids
        }
        return {self._detections[name].clip for name in members | subjects if name in self._detections}


def _when_heard(detection: Detection) -> tuple[int, str]:
    return detection.onset_ns, detection.detection_id
