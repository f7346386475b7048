"""Cities of sensors, shots and the picks they make, with known truth: the same for the same seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from dhishoom.nouns import GUNSHOT, NS_PER_S, Detection, Position, Sensor, Site, Weather, derived_id

SPEED_M_S = 343.2
"""About that of `WEATHER`; `travel_s` of these tests does not rest on it."""
WEATHER = Weather(temperature_c=20.0, humidity_percent=50.0)
START_NS = 1_700_000_000 * NS_PER_S
SQUARE_MILE_M = 1609.344


def site_of(places: np.ndarray, weather: Weather = WEATHER) -> Site:
    """Sensors s00, s01, ... at [n, 2] or [n, 3]."""
    full = np.column_stack([places, np.zeros(len(places))]) if places.shape[1] == 2 else places
    sensors = {
        f"s{at:02d}": Sensor(sensor_id=f"s{at:02d}", position=Position(x_m=float(x), y_m=float(y), z_m=float(z)))
        for at, (x, y, z) in enumerate(full)
    }
    return Site(sensors=sensors, weather=weather)


def places_of(site: Site) -> np.ndarray:
    """[n, 3], in the order of ids."""
    return np.array([[one.position.x_m, one.position.y_m, one.position.z_m] for one in site.sensors.values()])


def detection(sensor_id: str, onset_s: float, *, sigma_s: float = 0.001, snr_db: float = 20.0) -> Detection:
    """A gunshot heard `onset_s` after `START_NS`."""
    onset_ns = START_NS + round(onset_s * NS_PER_S)
    return Detection(
        detection_id=derived_id(sensor_id, onset_ns),
        sensor_id=sensor_id,
        onset_ns=onset_ns,
        sigma_s=sigma_s,
        score=0.9,
        label=GUNSHOT,
        classes={},
        snr_db=snr_db,
        model="test",
    )


@dataclass(frozen=True)
class Fired:
    """Shots from one place.

    Attributes:
        place: [2].
        times_s: After `START_NS`.
    """

    place: tuple[float, float]
    times_s: tuple[float, ...]


@dataclass(frozen=True)
class Noise:
    """What makes picks differ from truth."""

    sigma_s: float = 0.0
    missing: float = 0.0
    echoes: float = 0.0
    false_share: float = 0.0
    range_m: float = 1e9


@dataclass(frozen=True)
class Heard:
    """Picks, and the site they were made at."""

    site: Site
    picks: list[Detection] = field(default_factory=list)


def grid_city(rng: np.random.Generator, per_square_mile: int = 20, side_m: float = SQUARE_MILE_M) -> Site:
    """Sensors on a jittered grid over a square."""
    count = max(4, round(per_square_mile * (side_m / SQUARE_MILE_M) ** 2))
    across = int(np.ceil(np.sqrt(count)))
    cells = np.array([(x, y) for x in range(across) for y in range(across)])[rng.permutation(across**2)[:count]]
    return site_of((cells + 0.5 + rng.uniform(-0.3, 0.3, cells.shape)) * side_m / across)


def heard(site: Site, shots: Sequence[Fired], speed_m_s: float, rng: np.random.Generator, noise: Noise) -> Heard:
    """The picks of these shots, disturbed."""
    picks = []
    for shot in shots:
        for name, sensor in site.sensors.items():
            distance = np.hypot(sensor.position.x_m - shot.place[0], sensor.position.y_m - shot.place[1])
            if distance > noise.range_m:
                continue
            for fired_s in shot.times_s:
                onset = fired_s + distance / speed_m_s + rng.normal(0.0, noise.sigma_s or 1e-12)
                if rng.uniform() >= noise.missing:
                    picks.append(detection(name, onset, snr_db=40 - distance / 50))
                    if rng.uniform() < noise.echoes:
                        late = onset + rng.uniform(0.05, 0.8)
                        picks.append(detection(name, late, snr_db=30 - distance / 50))
    first, last = min(one.onset_ns for one in picks), max(one.onset_ns for one in picks)
    for _ in range(rng.poisson(noise.false_share * len(picks))):
        name = str(rng.choice(sorted(site.sensors)))
        picks.append(detection(name, (rng.uniform(first - NS_PER_S, last + NS_PER_S) - START_NS) / NS_PER_S))
    return Heard(site, sorted(picks, key=lambda one: (one.onset_ns, one.sensor_id)))
