"""Nouns as rows of the tables and back."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Row

from dhishoom.nouns import Detection, Incident, Review, derived_id
from dhishoom.stores.clips import KeptClip

RowOf = dict[str, Any]


def detection_row(detection: Detection) -> RowOf:
    """One row of `detections`."""
    return {
        "detection_id": detection.detection_id,
        "sensor_id": _storable(detection.sensor_id),
        "onset_ns": detection.onset_ns,
        "sigma_s": float(detection.sigma_s),
        "score": float(detection.score),
        "label": detection.label,
        "classes": {name: float(score) for name, score in detection.classes.items()},
        "snr_db": float(detection.snr_db),
        "model": detection.model,
        "clip": detection.clip,
    }


def detection_of(row: Row[Any]) -> Detection:
    """The inverse of `detection_row`."""
    return Detection(**row._mapping)


def incident_document(incident: Incident) -> str:
    """All of a revision as JSON; floats keep every digit."""
    return msgspec.json.encode(incident).decode()


def incident_of(document: str) -> Incident:
    """The inverse of `incident_document`."""
    return msgspec.json.decode(document, type=Incident)


def incident_row(incident: Incident) -> RowOf:
    """One row of `incidents`."""
    return {**revision_row(incident), "time_ns": incident.time_ns}


def revision_row(incident: Incident) -> RowOf:
    """One row of `incident_revisions`."""
    document = incident_document(incident)
    return {"incident_id": incident.incident_id, "revision": incident.revision, "document": document}


def membership_rows(incident: Incident) -> list[RowOf]:
    """Rows of `incident_detections`: what the incident rests on."""
    names = sorted({name for shot in incident.shots for name in shot.detection_ids})
    return [{"incident_id": incident.incident_id, "detection_id": name} for name in names]


def review_row(review: Review) -> RowOf:
    """One row of `reviews`; its key follows from all it says, so that the same review is kept once."""
    said = (review.subject_id, review.verdict, review.reviewer, review.time_ns, review.note)
    names = ("subject_id", "verdict", "reviewer", "time_ns", "note")
    return {"review_id": derived_id(*said), **dict(zip(names, said, strict=True))}


def clip_row(sensor_id: str, kept: KeptClip) -> RowOf:
    """One row of `clips`."""
    return {"sensor_id": _storable(sensor_id), **kept._asdict()}


def _storable(text: str) -> str:
    """PostgreSQL keeps no NUL in a text."""
    return text.replace("\x00", "\ufffd")
