"""One located incident and alerts about it."""

from __future__ import annotations

import pytest

from dhishoom.nouns import NS_PER_S, Alert, Ellipse, Incident, Origin, Position, Sensor, Shot, Site, derived_id

NOON_NS = 1_700_000_000 * NS_PER_S


@pytest.fixture
def site() -> Site:
    """Three sensors about an origin at sea."""
    places = {"s1": (0.0, 0.0), "s2": (300.0, 0.0), "s3": (0.0, 300.0)}
    sensors = {name: Sensor(sensor_id=name, position=Position(x_m=x, y_m=y)) for name, (x, y) in places.items()}
    return Site(name="Harbour", sensors=sensors, origin=Origin(lat=10.0, lon=-30.0))


@pytest.fixture
def incident() -> Incident:
    """Three rounds at a place that is known to some metres."""
    place, ellipse = Position(x_m=120.0, y_m=80.0), Ellipse(semi_major_m=9.0, semi_minor_m=4.0, azimuth_deg=30.0)
    shot = Shot(
        time_ns=NOON_NS,
        position=place,
        ellipse=ellipse,
        residual_ms=1.2,
        sensor_ids=("s1", "s2", "s3"),
        detection_ids=("a", "b", "c"),
    )
    return Incident(
        incident_id="00ff00ff00ff00ff",
        revision=1,
        status="located",
        time_ns=NOON_NS,
        position=place,
        ellipse=ellipse,
        rounds=3,
        rounds_low=2,
        rounds_high=4,
        fire="multiple",
        shots=(shot,),
        score=0.97,
        sensor_ids=("s1", "s2", "s3"),
    )


@pytest.fixture
def alerts(incident: Incident) -> dict[str, Alert]:
    """A new alert, its update and its cancellation."""
    return {
        kind: Alert(
            alert_id=derived_id(incident.incident_id, number, kind),
            kind=kind,
            incident=incident,
            text="3 rounds at 10.000723, -29.998906 ± 9 m\n97 % sure <gunfire> & heard by 3 sensors",
            created_ns=NOON_NS + number * NS_PER_S,
            expires_ns=NOON_NS + 3600 * NS_PER_S,
            link="http://127.0.0.1:8080/#/incidents/00ff00ff00ff00ff",
        )
        for number, kind in enumerate(("new", "update", "cancel"))
    }
