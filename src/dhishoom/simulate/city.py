"""Places that do not exist: streets, sensors on their lamp posts, and what stands between them and a sound."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dhishoom.core.geometry import to_geographic
from dhishoom.nouns import Origin, Position, Sensor, Site, Weather
from dhishoom.simulate.background import Surroundings
from dhishoom.simulate.chance import draw
from dhishoom.simulate.ground import COHERENT_HZ, SCATTERED_HZ, Ground
from dhishoom.simulate.propagation import Path, travel_s
from dhishoom.simulate.reverberation import Street

Floats = NDArray[np.float64]
Line = tuple[tuple[float, float], ...]

BLOCK_EAST_M, BLOCK_NORTH_M = 128.0, 112.0
SENSOR_BLOCKS = 3
TURN_RAD = math.radians(11.0)
ROOF_DETOUR_M = 0.3
"""Median of what the way over the roofs is longer than the straight one."""
CORNERS_M = 5.0
"""Mean of how much longer the way round the corners of houses is than over their roofs."""
VIEW_M = 40.0
"""As far as one in three sensors still has a free view."""
CLOCK_SIGMA_S = 0.001
FARM_LAND = Origin(lat=39.8283, lon=-98.5795, altitude_m=560.0)
"""The middle of the contiguous United States: fields, where no street can be mistaken for a real one."""
EVENING = Weather(temperature_c=9.0, humidity_percent=64.0, pressure_kpa=100.6, wind_east_m_s=2.4, wind_north_m_s=-1.3)
NAMES = (
    "Library Mill Depot School Harbour Chapel Market Foundry Orchard Station Museum Bakery "
    "Garden Theatre Brewery Tower Bridge Hospital Park Fountain Arcade Cannery Quarry Observatory"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ear:
    """One sensor as it truly is; its site knows only what `Sensor` says.

    Attributes:
        place_m: [3].
        gain_db: Of its microphone, over what it should be.
        clock_s: By how much its clock is ahead.
        around: What it hears while nothing happens.
    """

    sensor_id: str
    place_m: tuple[float, float, float]
    gain_db: float
    clock_s: float
    around: Surroundings


@dataclass(frozen=True, slots=True, kw_only=True)
class City:
    """A site with its truth.

    Attributes:
        ears: In the order of the site's sensors.
        streets: Lines in metres, each `major` or `minor`.
        half_east_m, half_north_m: From the middle to the outermost sensors, along the streets.
    """

    site: Site
    ears: tuple[Ear, ...]
    streets: tuple[tuple[str, Line], ...]
    half_east_m: float
    half_north_m: float


def city(columns: int = 6, rows: int = 4, *, seed: int = 7) -> City:
    """Sensors at every third crossing of a street grid, 384 by 336 m apart: about 20 a square mile, as cities have."""
    sensors, ears = {}, []
    for number, (row, column) in enumerate(itertools.product(range(rows), range(columns))):
        chance = draw(seed, "ear", number)
        sensor_id = f"k{number + 1:02d}"
        east = (column - (columns - 1) / 2) * SENSOR_BLOCKS * BLOCK_EAST_M + float(chance.normal(0.0, 18.0))
        north = (row - (rows - 1) / 2) * SENSOR_BLOCKS * BLOCK_NORTH_M + float(chance.normal(0.0, 18.0))
        x_m, y_m = turned(east, north)
        place = Position(x_m=x_m, y_m=y_m, z_m=float(chance.uniform(8.0, 14.0)))
        name = NAMES.split()[number] if number < 24 else f"Post {number + 1}"
        sensors[sensor_id] = Sensor(sensor_id=sensor_id, position=place, clock_sigma_s=CLOCK_SIGMA_S, name=name)
        ears.append(_ear(chance, sensor_id, place))
    half_east = (columns - 1) / 2 * SENSOR_BLOCKS * BLOCK_EAST_M
    half_north = (rows - 1) / 2 * SENSOR_BLOCKS * BLOCK_NORTH_M
    site = Site(name="Simulated city", sensors=sensors, origin=FARM_LAND, weather=EVENING)
    return City(
        site=site,
        ears=tuple(ears),
        streets=_streets(half_east + 200, half_north + 190),
        half_east_m=half_east,
        half_north_m=half_north,
    )


def turned(east: float, north: float) -> tuple[float, float]:
    """From metres along the streets to metres of the site: the grid does not point north."""
    cosine, sine = math.cos(TURN_RAD), math.sin(TURN_RAD)
    return east * cosine - north * sine, east * sine + north * cosine


def _ear(chance: np.random.Generator, sensor_id: str, place: Position) -> Ear:
    return Ear(
        sensor_id=sensor_id,
        place_m=(place.x_m, place.y_m, place.z_m),
        gain_db=float(chance.normal(0.0, 1.5)),
        clock_s=float(chance.normal(0.0, CLOCK_SIGMA_S / 2)),
        around=Surroundings(
            key=sensor_id,
            level_db=float(chance.normal(66.0, 2.5)),
            wind_db=float(chance.normal(58.0, 4.0)),
            busy=float(chance.uniform(0.1, 0.7)),
        ),
    )


def _streets(half_east: float, half_north: float) -> tuple[tuple[str, Line], ...]:
    """A grid whose every fourth street is a main one, and one avenue across."""
    lines: list[tuple[str, Line]] = []
    for number, east in _grid(half_east, BLOCK_EAST_M):
        lines.append(("major" if number % 4 == 1 else "minor", ((east, -half_north), (east, half_north))))
    for number, north in _grid(half_north, BLOCK_NORTH_M):
        lines.append(("major" if number % 4 == 0 else "minor", ((-half_east, north), (half_east, north))))
    avenue = ((-half_east, 0.55 * half_north), (-0.2 * half_east, 0.1 * half_north), (half_east, -0.7 * half_north))
    lines.append(("major", avenue))
    return tuple((kind, tuple(turned(*point) for point in line)) for kind, line in lines)


def _grid(half_m: float, pitch_m: float) -> list[tuple[int, float]]:
    count = int(half_m // pitch_m)
    return [(number, number * pitch_m) for number in range(-count, count + 1)]


def streets_geojson(place: City) -> dict[str, Any]:
    """The streets as GeoJSON (RFC 7946): lines in degrees, with `kind` `major` or `minor`."""
    features = [
        {
            "type": "Feature",
            "properties": {"kind": kind},
            "geometry": {"type": "LineString", "coordinates": [_degrees(point) for point in line]},
        }
        for kind, line in place.streets
    ]
    return {"type": "FeatureCollection", "features": features}


def _degrees(point: tuple[float, float]) -> list[float]:
    lat, lon, _ = to_geographic(FARM_LAND, Position(x_m=point[0], y_m=point[1]))
    return [round(lon, 7), round(lat, 7)]


def way(source_m: tuple[float, float, float], ear: Ear, weather: Weather, seed: int, key: str) -> Path:
    """How sound goes from a place to an ear: free or over roofs, with the street's answer; drawn by seed and key.

    The farther, the likelier something stands between; what it hides, the street's answer is not hidden by. The figures
    give spectra, tails and levels as the published live-fire recordings have them (docs/simulation.md).
    """
    source, sensor = np.array(source_m), np.array(ear.place_m)
    chance = draw(seed, "way", key, ear.sensor_id)
    distance = float(np.linalg.norm(sensor - source))
    high = source_m[2] > 20.0
    free = high or bool(chance.random() < math.exp(-distance / VIEW_M))
    detour = 0.0 if free else ROOF_DETOUR_M * float(chance.lognormal(0.0, 1.2))
    corners = 0.0 if free else float(chance.exponential(CORNERS_M))
    return Path(
        delay_s=travel_s(source, sensor, weather) + (detour + corners) / 340.0 + ear.clock_s,
        distance_m=distance,
        ground=Ground(
            distance_m=float(np.hypot(*(sensor - source)[:2])),
            source_m=source_m[2],
            sensor_m=ear.place_m[2],
            coherent_hz=COHERENT_HZ if free else SCATTERED_HZ,
        ),
        detour_m=detour,
        gain_db=float(chance.normal(0.0, 2.0)),
        street=street_at(chance),
    )


def street_at(chance: np.random.Generator) -> Street:
    """Some street's echoes and tail."""
    return Street(
        seed=int(chance.integers(2**31)),
        decay_s=float(chance.uniform(2.0, 4.0)),
        tail_db=-5.0 + float(chance.normal(0.0, 3.0)),
        early_db=-10.0 + float(chance.normal(0.0, 3.0)),
        echoes=int(chance.integers(3, 9)),
        echo_db=-15.0,
    )
