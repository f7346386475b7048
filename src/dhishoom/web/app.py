"""The web application: HTTP API, server-sent events and the page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from fastapi import FastAPI

from dhishoom import __version__
from dhishoom.core.geometry import place_of
from dhishoom.messages import Json
from dhishoom.nouns import Site
from dhishoom.seams import Store
from dhishoom.web import alerts as alert_routes
from dhishoom.web import detections, incidents, page, site_routes, sse
from dhishoom.web.alerts import AlertStore
from dhishoom.web.guard import Guard
from dhishoom.web.live import Live
from dhishoom.web.refusals import answer_errors_as_json
from dhishoom.web.resources import Resources

PAGE_FOLDER = Path(__file__).parent / "page"
DESCRIPTION = """What was heard, where it was fired, and what people said of it.

Times are RFC 3339 in UTC. Places are `{"lat", "lon"}` where the site is geographic and `{"x", "y", "z"}` metres east,
north and up of its origin where it is local. Scores are calibrated probabilities. Errors are
`{"error": "what, why, how to fix"}`."""


def _no_health() -> Json:
    return {}


def create_app(
    store: Store,
    site: Site,
    live: Live,
    sensors: Callable[[], list[Json]],
    *,
    health: Callable[[], Json] = _no_health,
    streets: Json | None = None,
    simulated: bool = False,
    hosts: Sequence[str] = (),
    alerts: AlertStore | None = None,
    page_folder: Path = PAGE_FOLDER,
) -> FastAPI:
    """Build the application that uvicorn serves.

    Args:
        store: Where incidents, detections, clips and reviews are read and reviews written.
        site: Whose sensors are drawn.
        live: The hub whose events are streamed.
        sensors: State of every sensor now, items of `GET /api/v1/sensors`.
        health: Figures of the service now: `lag`, `sensors_live`, `chunks_total`, `chunks_lost`, `uptime_s`.
        streets: GeoJSON drawn under the map, or None.
        simulated: Whether what is heard is a simulation; the page says so.
        hosts: Host names the server answers to besides those of the loopback; a guard against DNS rebinding.
        alerts: Where alerts are read and acknowledged; None: there are none.
        page_folder: Where the built page lies.
    """
    app = FastAPI(
        title="dhishoom",
        version=__version__,
        summary="Open-source, real-time gunshot detection",
        description=DESCRIPTION,
        openapi_url="/api/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
    )
    app.state.resources = Resources(
        store=store,
        site=site,
        place=place_of(site),
        live=live,
        sensors=sensors,
        health=health,
        streets=streets,
        simulated=simulated,
    )
    answer_errors_as_json(app)
    for routes in (site_routes, incidents, detections, sse):
        app.include_router(routes.router, prefix="/api/v1")
    if alerts is not None:
        app.state.alerts = alerts
        app.include_router(alert_routes.router, prefix="/api/v1")
    app.include_router(page.router_for(page_folder))
    app.add_middleware(Guard, hosts=tuple(hosts))
    return app
