"""The sensors that can help to locate, as arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dhishoom.core.propagation import Air, Floats, air_of
from dhishoom.nouns import Site

NEIGHBOURS = 10
"""Nearest sensors among which the third of three arrivals looks for the other two."""


@dataclass(frozen=True, slots=True, eq=False)
class SensorArray:
    """Every sensor of a site whose place is known.

    Attributes:
        sensor_ids: [n], in the order of the other arrays.
        index: From id to that order.
        places_m: [n, 3].
        distances_m: [n, n], in the plane.
        neighbours: [n, m], the nearest others of each.
    """

    sensor_ids: tuple[str, ...]
    index: dict[str, int]
    places_m: Floats
    distances_m: Floats
    neighbours: NDArray[np.intp]
    air: Air

    @property
    def width_m(self) -> float:
        """Between the two sensors farthest apart."""
        return float(self.distances_m.max()) if self.count > 1 else 0.0

    @property
    def count(self) -> int:
        """How many."""
        return len(self.sensor_ids)


def array_of(site: Site) -> SensorArray:
    """The located sensors of a site, in the order of their ids."""
    sensors = sorted((one for one in site.sensors.values() if one.position), key=lambda one: one.sensor_id)
    places = np.array([[one.position.x_m, one.position.y_m, one.position.z_m] for one in sensors if one.position])
    places = places.reshape(-1, 3)
    distances = np.linalg.norm(places[:, None, :2] - places[None, :, :2], axis=2)
    neighbours = np.argsort(distances, axis=1, kind="stable")[:, 1 : NEIGHBOURS + 1]
    ids = tuple(one.sensor_id for one in sensors)
    return SensorArray(
        ids, {name: at for at, name in enumerate(ids)}, places, distances, neighbours, air_of(site.weather)
    )
