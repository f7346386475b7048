"""Places on the earth and in the site's own metres, through PROJ."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from dhishoom.errors import GeometryError
from dhishoom.nouns import Origin, Position, Site

Coordinates = dict[str, float | None]
Place = Callable[[Position], Coordinates]
"""How a site writes a place: `local_place` or `geographic_place(origin)`."""

REACH_M = 200_000.0


@lru_cache(maxsize=64)
def _plane(origin: Origin) -> Any:
    """Topocentric east, north, up about the origin, on the WGS84 ellipsoid (EPSG method 9837)."""
    from pyproj import Transformer  # slow to import, and sites in local metres never need it

    return Transformer.from_pipeline(
        "+proj=pipeline +step +proj=unitconvert +xy_in=deg +xy_out=rad +step +proj=cart +ellps=WGS84 "
        f"+step +proj=topocentric +ellps=WGS84 +lat_0={origin.lat!r} +lon_0={origin.lon!r} +h_0={origin.altitude_m!r}"
    )


def to_local(origin: Origin, lat: float, lon: float, altitude_m: float = 0.0) -> Position:
    """Metres east, north and up of the origin. Raises GeometryError for no place on earth or one too far off."""
    if not (-90 <= lat <= 90 and -180 <= lon <= 180):
        raise GeometryError(f"Latitude {lat}, longitude {lon} is no place on earth; are they swapped or in metres?")
    east, north, up = _plane(origin).transform(lon, lat, altitude_m)
    if not abs(east) + abs(north) < REACH_M:
        raise GeometryError(f"{lat}, {lon} is more than {REACH_M / 1000:.0f} km from the site's origin; check both.")
    return Position(x_m=float(east), y_m=float(north), z_m=float(up))


def to_geographic(origin: Origin, position: Position) -> tuple[float, float, float]:
    """Latitude and longitude in degrees, altitude in metres."""
    lon, lat, altitude_m = _plane(origin).transform(position.x_m, position.y_m, position.z_m, direction="INVERSE")
    return float(lat), float(lon), float(altitude_m)


def local_place(position: Position) -> Coordinates:
    """Metres east, north and up of the site's origin; up is null where nobody knows it."""
    z = None if position.z_assumed else round(position.z_m, 3)
    return {"x": round(position.x_m, 3), "y": round(position.y_m, 3), "z": z}


def geographic_place(origin: Origin) -> Place:
    """How a geographic site writes a place: to seven decimals, a centimetre."""

    def place(position: Position) -> Coordinates:
        lat, lon, _ = to_geographic(origin, position)
        return {"lat": round(lat, 7), "lon": round(lon, 7)}

    return place


def place_of(site: Site) -> Place:
    """How this site writes a place."""
    return geographic_place(site.origin) if site.origin else local_place
