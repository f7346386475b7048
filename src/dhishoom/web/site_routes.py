"""The site, its sensors and the service's health."""

from __future__ import annotations

import time

from fastapi import APIRouter, Response

from dhishoom import __version__
from dhishoom.core.timestamps import to_rfc3339
from dhishoom.messages import Json
from dhishoom.nouns import Sensor
from dhishoom.web.examples import answers
from dhishoom.web.resources import JsonAnswer, Resources, Served

router = APIRouter(tags=["site"])


@router.get("/site", summary="The site and where its sensors hang", responses=answers("site"), response_model=None)
def get_site(served: Served) -> Response:
    """Name, kind of places, sensors, streets under the map, and whether what is heard is a simulation."""
    return JsonAnswer(
        {
            "name": served.site.name,
            "kind": "geographic" if served.site.origin else "local",
            "sensors": [_sensor_to_json(sensor, served) for sensor in served.site.sensors.values()],
            "streets": served.streets,
            "simulated": served.simulated,
        }
    )


@router.get("/sensors", summary="State of every sensor now", responses=answers("sensors"), response_model=None)
def get_sensors(served: Served) -> Response:
    """`live`; `late` (its sound lags); `silent` (it sends digital silence); `gone` (it sends nothing)."""
    return JsonAnswer({"items": served.sensors()})


@router.get("/health", summary="Whether the service keeps up", responses=answers("health"), response_model=None)
def get_health(served: Served) -> Response:
    """The server's time, lag in chunks, sensors that speak, chunks taken and lost, version and age."""
    return JsonAnswer({"status": "ok", "time": to_rfc3339(time.time_ns()), "version": __version__, **served.health()})


def _sensor_to_json(sensor: Sensor, served: Resources) -> Json:
    return {
        "id": sensor.sensor_id,
        "name": sensor.name or sensor.sensor_id,
        "position": served.place(sensor.position) if sensor.position else None,
    }
