"""The sensors that can help to locate, as arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dhishoom.core.propagation import Air, Floats, air_of, travel_s
from dhishoom.nouns import Site

NEIGHBOURS = 10
"""Nearest sensors among which the last of three arrivals looks for the other two."""


@dataclass(frozen=True, slots=True, eq=False)
class SensorArray:
    """Every sensor of a site whose place is known.

    Attributes:
        sensor_ids: n of them, in the order of the other arrays.
        index: From id to that order.
        places_m: [n, 3].
        height_m: Their mean height.
        passes_s: [n, n], how long sound takes from one to the other.
        is_neighbour: [n, n], whether the second is among the nearest others of the first.
    """

    sensor_ids: tuple[str, ...]
    index: dict[str, int]
    places_m: Floats
    height_m: float
    passes_s: Floats
    is_neighbour: NDArray[np.bool_]
    air: Air

    @property
    def count(self) -> int:
        """How many."""
        return len(self.sensor_ids)

    def travel_s(self, sources_m: Floats) -> Floats:
        """From places [k, 2 or more] at the sensors' mean height to each sensor, [k, n]."""
        return travel_s(sources_m, self.height_m, self.places_m, self.air)

    def distances_m(self, sensor_id: str) -> Floats:
        """From one sensor to every one, [n]."""
        distances: Floats = self.passes_s[self.index[sensor_id]] * self.air.speed_m_s
        return distances


def array_of(site: Site) -> SensorArray:
    """The located sensors of a site, in the order of their ids."""
    placed = {name: one.position for name, one in sorted(site.sensors.items()) if one.position}
    places = np.array([[one.x_m, one.y_m, one.z_m] for one in placed.values()]).reshape(-1, 3)
    distances = np.linalg.norm(places[:, None, :2] - places[None, :, :2], axis=2)
    air = air_of(site.weather)
    return SensorArray(
        sensor_ids=tuple(placed),
        index={name: at for at, name in enumerate(placed)},
        places_m=places,
        height_m=float(places[:, 2].mean()) if len(places) else 0.0,
        passes_s=distances / air.speed_m_s,
        is_neighbour=_nearest(distances),
        air=air,
    )


def _nearest(distances: Floats) -> NDArray[np.bool_]:
    nearest = np.zeros(distances.shape, bool)
    order = np.argsort(distances, axis=1, kind="stable")
    for sensor, others in enumerate(order):
        nearest[sensor, [other for other in others if other != sensor][:NEIGHBOURS]] = True
    return nearest
