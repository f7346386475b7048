"""What every route answers from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request, Response

from dhishoom.messages import Json, Place, encode_json
from dhishoom.nouns import Site
from dhishoom.seams import Store
from dhishoom.web.live import Live


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """The store, the site and the running service as the routes see them.

    Attributes:
        place: How this site writes a position.
        sensors: State of every sensor now, as `GET /api/v1/sensors` lists it.
        health: Figures of the service now, as `GET /api/v1/health` tells them.
        streets: GeoJSON drawn under the map (longitude and latitude; metres in a local site), or None.
        simulated: Whether what is heard is a simulation; the page says so.
    """

    store: Store
    site: Site
    place: Place
    live: Live
    sensors: Callable[[], list[Json]]
    health: Callable[[], Json]
    streets: Json | None
    simulated: bool


def _resources_of(request: Request) -> Resources:
    resources: Resources = request.app.state.resources
    return resources


Served = Annotated[Resources, Depends(_resources_of)]
"""A route's parameter: what it answers from."""


class JsonAnswer(Response):
    """A body of plain dicts, lists, text and numbers, written by msgspec."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """Encode `content`."""
        return encode_json(content)
