"""A city in regions, each associated by itself: every sensor is heard by the regions it may hear a shot with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from dhishoom.nouns import Incident, Position, Site

INFINITY = float("inf")


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """West and south included, east and north not; metres."""

    west: float = -INFINITY
    east: float = INFINITY
    south: float = -INFINITY
    north: float = INFINITY

    def holds(self, place: Position) -> bool:
        """Whether it lies within."""
        return self.west <= place.x_m < self.east and self.south <= place.y_m < self.north

    def is_near(self, place: Position, metres: float) -> bool:
        """Whether it lies within, or no farther from it than that."""
        east = max(self.west - place.x_m, 0.0, place.x_m - self.east)
        north = max(self.south - place.y_m, 0.0, place.y_m - self.north)
        return east * east + north * north <= metres * metres


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """One of `count`, numbered from 1.

    Attributes:
        box: What it answers for; the boxes of all regions fill the plane without overlap.
        site: The sensors it listens to: those of its box and those near it.
        places: Of all sensors of the city.
    """

    number: int
    count: int
    box: Box
    site: Site
    places: Mapping[str, Position]

    @property
    def name(self) -> str:
        """As it is asked for: `2/4`."""
        return f"{self.number}/{self.count}"

    def listens_to(self, sensor_id: str) -> bool:
        """A sensor without a place is the first region's."""
        return sensor_id in self.site.sensors or (self.number == 1 and sensor_id not in self.places)

    def owns(self, incident: Incident) -> bool:
        """Whether it is this region that tells it: by its place, else by that of its first sensor."""
        place = incident.position or next(
            (self.places[one] for one in sorted(incident.sensor_ids) if one in self.places), None
        )
        return self.number == 1 if place is None else self.box.holds(place)


def regions(site: Site, count: int, reach_m: float) -> list[Region]:
    """As many regions, each with about as many sensors.

    Args:
        reach_m: How far a shot is heard; sensors this far beyond a border are heard on both sides of it.
    """
    places = {name: sensor.position for name, sensor in site.sensors.items() if sensor.position is not None}
    boxes = _split(Box(), [places[name] for name in sorted(places)], count)
    made = []
    for number, box in enumerate(boxes, 1):
        sensors = {
            name: sensor
            for name, sensor in site.sensors.items()
            if (box.is_near(places[name], reach_m) if name in places else number == 1)
        }
        near = replace(site, sensors=sensors)
        made.append(Region(number=number, count=count, box=box, site=near, places=places))
    return made


def _split(box: Box, places: Sequence[Position], count: int) -> list[Box]:
    """Across the longer side, so that both parts have their share of sensors."""
    if count == 1:
        return [box]
    easts, norths = [one.x_m for one in places] or [0.0], [one.y_m for one in places] or [0.0]
    across = max(easts) - min(easts) >= max(norths) - min(norths)
    values = sorted(easts if across else norths)
    first = count // 2
    at = min(len(values) - 1, len(values) * first // count)
    border = (values[max(0, at - 1)] + values[at]) / 2
    if across:
        low, high = replace(box, east=border), replace(box, west=border)
    else:
        low, high = replace(box, north=border), replace(box, south=border)
    parts = [([one for one in places if part.holds(one)], part, n) for part, n in ((low, first), (high, count - first))]
    return [leaf for inside, part, n in parts for leaf in _split(part, inside, n)]
