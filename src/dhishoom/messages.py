"""Nouns as the JSON that others read: on standard output, in the API and in the topics."""

from __future__ import annotations

from typing import Any, SupportsFloat

import msgspec

from dhishoom.core.geometry import Place, local_place
from dhishoom.core.timestamps import from_rfc3339, to_rfc3339
from dhishoom.nouns import Detection, Ellipse, Heard, Incident, Shot

__all__ = [
    "Json",
    "Place",
    "detection_from_json",
    "detection_to_json",
    "encode_json",
    "event_headers",
    "heard_from_json",
    "heard_to_json",
    "incident_to_json",
    "local_place",
]

Json = dict[str, Any]
JSON_TYPE = "application/json"


def _plain(value: object) -> float:
    """NumPy's scalars pass as floats everywhere but in an encoder."""
    if isinstance(value, SupportsFloat):
        return float(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


encode_json = msgspec.json.Encoder(enc_hook=_plain).encode
"""Plain dicts, lists, text and numbers as bytes."""


def event_headers(kind: str, source: str, event_id: str) -> dict[str, str]:
    """Headers of a JSON message of ours on a bus: CloudEvents 1.0 in Kafka's binary form (docs/formats.md)."""
    return {
        "content-type": JSON_TYPE,
        "ce_specversion": "1.0",
        "ce_id": event_id,
        "ce_source": source,
        "ce_type": f"dhishoom.{kind}.v1",
    }


def detection_to_json(detection: Detection) -> Json:
    """One `detection` line; floats are rounded to what they are known to."""
    return {
        "type": "detection",
        "id": detection.detection_id,
        "sensor_id": detection.sensor_id,
        "time": to_rfc3339(detection.onset_ns),
        "sigma_s": round(detection.sigma_s, 6),
        "score": round(detection.score, 4),
        "label": detection.label,
        "classes": {name: round(score, 4) for name, score in detection.classes.items()},
        "snr_db": round(detection.snr_db, 1),
        "model": detection.model,
        "clip": detection.clip,
    }


def candidate_to_json(candidate: Detection) -> Json:
    """One `candidate` line: a detection but for its type."""
    return {**detection_to_json(candidate), "type": "candidate"}


def detection_from_json(message: Json) -> Detection:
    """The inverse of `detection_to_json` and `candidate_to_json`, to the microsecond."""
    return Detection(
        detection_id=message["id"],
        sensor_id=message["sensor_id"],
        onset_ns=from_rfc3339(message["time"]),
        sigma_s=message["sigma_s"],
        score=message["score"],
        label=message["label"],
        classes=message["classes"],
        snr_db=message["snr_db"],
        model=message["model"],
        clip=message.get("clip"),
    )


def heard_to_json(heard: Heard) -> Json:
    """One `heard` line: every detection of the sensor before `until` has been told."""
    return {"type": "heard", "sensor_id": heard.sensor_id, "until": to_rfc3339(heard.until_ns)}


def heard_from_json(message: Json) -> Heard:
    """The inverse of `heard_to_json`, to the microsecond."""
    return Heard(sensor_id=message["sensor_id"], until_ns=from_rfc3339(message["until"]))


def incident_to_json(incident: Incident, place: Place = local_place, **extra: Any) -> Json:
    """One `incident` line; `extra` (such as `folder`) follows the revision."""
    return {
        "type": "incident",
        "id": incident.incident_id,
        "revision": incident.revision,
        **extra,
        "status": incident.status,
        "time": to_rfc3339(incident.time_ns),
        "position": place(incident.position) if incident.position else None,
        "alternative": place(incident.alternative) if incident.alternative else None,
        "ellipse": _ellipse_to_json(incident.ellipse),
        "rounds": incident.rounds,
        "rounds_interval": [incident.rounds_low, incident.rounds_high],
        "fire": incident.fire,
        "shots": [_shot_to_json(shot, place) for shot in incident.shots],
        "score": round(incident.score, 4),
        "sensors": list(incident.sensor_ids),
        "reason": incident.reason,
    }


def _shot_to_json(shot: Shot, place: Place) -> Json:
    return {
        "time": to_rfc3339(shot.time_ns),
        "position": place(shot.position) if shot.position else None,
        "ellipse": _ellipse_to_json(shot.ellipse),
        "residual_ms": round(shot.residual_ms, 2),
        "sensors": list(shot.sensor_ids),
        "detections": list(shot.detection_ids),
    }


def _ellipse_to_json(ellipse: Ellipse | None) -> Json | None:
    if ellipse is None:
        return None
    return {
        "semi_major_m": round(ellipse.semi_major_m, 1),
        "semi_minor_m": round(ellipse.semi_minor_m, 1),
        "azimuth_deg": round(ellipse.azimuth_deg, 1),
        "confidence": ellipse.confidence,
    }
