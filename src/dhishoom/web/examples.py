"""Answers as the API's description shows them."""

from __future__ import annotations

from typing import Any

from dhishoom.messages import Json

TIME = "2026-11-24T21:14:03.512345Z"
POSITION = {"lat": 41.881832, "lon": -87.623177, "altitude_m": 181.0}
ELLIPSE = {"semi_major_m": 6.1, "semi_minor_m": 3.2, "azimuth_deg": 41.0, "confidence": 0.95}
REVIEW = {"verdict": "confirmed", "reviewer": "Desk 2", "time": TIME, "note": "Two casings found."}
SENSOR = {"id": "k07", "name": "K07 School roof", "position": POSITION}
DETECTION: Json = {
    "type": "detection",
    "id": "4be1a7c09d3e52f6",
    "sensor_id": "k07",
    "time": TIME,
    "sigma_s": 0.0004,
    "score": 0.97,
    "label": "gunshot",
    "classes": {"gunshot": 0.97, "fireworks": 0.02},
    "snr_db": 21.5,
    "model": "dhishoom-small-1",
    "clip": "sensor=k07/date=2026-11-24/20261124T211402.512345Z.flac",
    "clip_url": "/api/v1/detections/4be1a7c09d3e52f6/clip",
}
INCIDENT: Json = {
    "type": "incident",
    "id": "9f3c5a1be0d24477",
    "revision": 2,
    "status": "located",
    "time": TIME,
    "position": POSITION,
    "alternative": None,
    "ellipse": ELLIPSE,
    "rounds": 1,
    "rounds_interval": [1, 2],
    "fire": "single",
    "shots": [
        {
            "time": TIME,
            "position": POSITION,
            "ellipse": ELLIPSE,
            "residual_ms": 1.2,
            "sensors": ["k07"],
            "detections": [DETECTION["id"]],
        }
    ],
    "score": 0.98,
    "sensors": ["k07", "k08", "k12"],
    "reason": "",
    "review": "confirmed",
    "reviews": [REVIEW],
}
ALERT: Json = {
    "type": "alert",
    "id": "c01d3a77be5f2094",
    "incident_id": INCIDENT["id"],
    "revision": 1,
    "kind": "new",
    "status": "Actual",
    "rule": "night",
    "time": TIME,
    "text": "1 round at 41.88183, -87.62318 ± 6 m\n2026-11-24T21:14:03Z, 98% sure, single shot, heard by 3 sensors",
    "link": f"https://shots.example.org/#/live/{INCIDENT['id']}",
    "deliveries": [
        {
            "sink": "desk",
            "state": "delivered",
            "attempts": 1,
            "escalation": False,
            "due": TIME,
            "expires": "2026-11-24T22:14:03.512345Z",
            "changed": TIME,
            "why": "200 OK",
        }
    ],
}
STATE = {
    "state": "live",
    "last_heard": TIME,
    "level_dbfs": -48.2,
    "notices": {"gap": 1},
    "clock": {"offset_s": 0.412, "sigma_s": 0.01, "shots": 7},
}
ACKNOWLEDGED = [{"incident_id": INCIDENT["id"], "by": "Desk 2", "time": TIME}]
EXAMPLES: dict[str, tuple[str, Json]] = {
    "site": (
        "The site.",
        {"name": "Riverside", "kind": "geographic", "sensors": [SENSOR], "streets": None, "simulated": False},
    ),
    "sensors": (
        "Every sensor of the site.",
        {"items": [{**SENSOR, **STATE}]},
    ),
    "health": (
        "The service's figures.",
        {
            "status": "ok",
            "time": TIME,
            "version": "0.1.0",
            "lag": 0,
            "sensors_live": 24,
            "chunks_total": 86400,
            "chunks_lost": 0,
            "uptime_s": 3600.0,
        },
    ),
    "incidents": ("A page of incidents.", {"items": [INCIDENT], "next": f"1795554843512345000.{INCIDENT['id']}"}),
    "incident": ("The incident.", {**INCIDENT, "history": [], "detections": [DETECTION]}),
    "review": ("Kept.", {"id": INCIDENT["id"], "review": "confirmed", "reviews": [REVIEW]}),
    "detections": ("What was heard.", {"items": [DETECTION]}),
    "alerts": ("What was told.", {"items": [ALERT], "acknowledged": ACKNOWLEDGED}),
    "incident_alerts": (
        "What was told of it.",
        {"incident_id": INCIDENT["id"], "items": [ALERT], "acknowledged": ACKNOWLEDGED},
    ),
}


def answers(name: str, *, status: int = 200, missing: str = "") -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route: an example of the answer, and of each error that it gives."""
    description, example = EXAMPLES[name]
    told: dict[int | str, dict[str, Any]] = {
        status: _answer(description, example),
        422: _answer("Not understood.", {"error": "`limit`: ..."}),
    }
    if missing:
        told[404] = _answer(f"No such {missing}.", {"error": f"There is no {missing} 'x' here; ..."})
    return told


def _answer(description: str, example: Json) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"example": example}}}
