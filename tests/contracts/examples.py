"""Nouns to try implementations with."""

from __future__ import annotations

from typing import Any

import numpy as np

from dhishoom.nouns import NS_PER_S, Alert, Chunk, Detection, Ellipse, Incident, Letter, Position, Review, Shot

NOON_NS = 1_767_268_800 * NS_PER_S + 123_456_789


def a_chunk(sensor_id: str = "s1", *, start_ns: int = NOON_NS, seconds: float = 0.5, seed: int = 0) -> Chunk:
    """Quiet noise."""
    samples = np.random.default_rng(seed).normal(0, 0.1, round(seconds * 8000)).clip(-1, 1).astype(np.float32)
    return Chunk(sensor_id=sensor_id, start_ns=start_ns, sample_rate=8000, samples=samples)


def a_detection(name: str = "d1", **changes: Any) -> Detection:
    """A gunshot at noon."""
    told: dict[str, Any] = {
        "detection_id": name,
        "sensor_id": "s1",
        "onset_ns": NOON_NS,
        "sigma_s": 0.000412345678901,
        "score": 0.971234567,
        "label": "gunshot",
        "classes": {"gunshot": 0.97, "a": 0.5, "Zürich ✓": 0.25},
        "snr_db": 21.52,
        "model": "m1",
        "clip": None,
    }
    return Detection(**(told | changes))


def an_incident(
    name: str = "i1", *, revision: int = 1, time_ns: int = NOON_NS, hears: tuple[str, ...] = ()
) -> Incident:
    """One located shot, heard in the named detections."""
    place, ellipse = Position(x_m=1.25, y_m=-2.5), Ellipse(semi_major_m=6.1, semi_minor_m=3.2, azimuth_deg=41.0)
    shot = Shot(
        time_ns=time_ns,
        position=place,
        ellipse=ellipse,
        residual_ms=1.2,
        sensor_ids=tuple("s1" for _ in hears),
        detection_ids=hears,
    )
    return Incident(
        incident_id=name,
        revision=revision,
        status="located",
        time_ns=time_ns,
        position=place,
        ellipse=ellipse,
        rounds=revision,
        rounds_low=1,
        rounds_high=revision + 1,
        fire="single",
        shots=(shot,),
        score=0.98,
        sensor_ids=("s1",),
        reason="",
    )


def a_review(subject: str = "i1", verdict: Any = "confirmed", *, time_ns: int = NOON_NS) -> Review:
    """What Desk 2 says."""
    return Review(subject_id=subject, verdict=verdict, reviewer="Desk 2", time_ns=time_ns, note="two casings")


def an_alert(incident: Incident | None = None, kind: Any = "new", *, created_ns: int = NOON_NS) -> Alert:
    """What a rule called `all` tells of it, to be delivered within an hour."""
    about = incident or an_incident()
    return Alert(
        alert_id=f"{about.incident_id}.{about.revision}.{kind}",
        kind=kind,
        incident=about,
        text="1 round at x 1 m, y -2 m ± 6 m\n2026-01-01T12:00:00Z, 98% sure",
        created_ns=created_ns,
        expires_ns=created_ns + 3600 * NS_PER_S,
        link="http://127.0.0.1:8765/#/incidents/i1",
        meant="Exercise",
    )


def a_letter(alert: Alert | None = None, *, sink: str = "radio", due_ns: int = NOON_NS, **changes: Any) -> Letter:
    """To the radio, at once."""
    return Letter(sink=sink, rule="all", alert=alert or an_alert(), due_ns=due_ns, **changes)
