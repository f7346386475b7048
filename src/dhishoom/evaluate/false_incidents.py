"""What false detections cost a site: simulated, each sensor deceived by itself, at the rates that thresholds allow.

A simulation, since nobody has recorded months of a site without gunfire: it shows what association makes of errors that
have nothing to do with each other. What deceives several sensors at once, such as a firework, is no part of it.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dhishoom.core.association import AssociationLimits, associate_all
from dhishoom.core.decision import CANDIDATE_MIN
from dhishoom.evaluate.intervals import poisson_rate
from dhishoom.evaluate.row import Row
from dhishoom.nouns import GUNSHOT, NS_PER_S, Detection, Position, Sensor, Site, derived_id

SENSORS = 6
RADIUS_M = 300.0
HOURS_A_DAY = 24
DAY_S = 86_400
SIGMA_S = 0.001
BEGIN_NS = 1_767_225_600 * NS_PER_S
CASES = ((1.0, 0.0, 100), (10.0, 0.0, 40), (1.0, 30.0, 5))
"""False detections of one sensor an hour, at most so many at `alert` and at `possible`; candidates an hour; days."""
SURE, POSSIBLE = 0.95, 0.8


def false_incident_rows(seed: int) -> list[Row]:
    """One row a rate: incidents a day that no shot made."""
    return [_row(per_hour, candidates_per_hour, days, seed) for per_hour, candidates_per_hour, days in CASES]


def false_incidents(per_hour: float, candidates_per_hour: float, days: int, seed: int) -> tuple[int, int]:
    """(located, told without a place) of a ring of six sensors in so many days."""
    rng, site = np.random.default_rng(seed), _ring()
    located = unlocated = 0
    for day in range(days):
        begin_ns = BEGIN_NS + day * DAY_S * NS_PER_S
        told = _a_day(site, per_hour, begin_ns, rng)
        told += [
            replace(one, detection_id=f"{one.detection_id}c", score=float(rng.uniform(CANDIDATE_MIN, POSSIBLE)))
            for one in _a_day(site, candidates_per_hour, begin_ns, rng)
        ]
        incidents = associate_all(site, told, AssociationLimits(alone_min=POSSIBLE))
        placed = sum(one.position is not None for one in incidents)
        located, unlocated = located + placed, unlocated + len(incidents) - placed
    return located, unlocated


def _row(per_hour: float, candidates_per_hour: float, days: int, seed: int) -> Row:
    located, unlocated = false_incidents(per_hour, candidates_per_hour, days, seed)
    rate = poisson_rate(located, days)
    told = f"{rate.value:.2f} [{rate.low:.2f}, {rate.high:.2f}] a day located, {unlocated / days:.2f} without a place"
    figures = {"located_a_day": located / days, "unlocated_a_day": unlocated / days, "days": float(days)}
    also = f" and in doubt {candidates_per_hour:g} times" if candidates_per_hour else ""
    task = f"six sensors, each deceived {per_hour:g} times an hour by itself{also}, {days} days simulated"
    return Row(task, told, "≤ 1 a day", "≤ 0.1", figures)


def _ring() -> Site:
    """Six sensors evenly on a circle."""
    angles = 2 * np.pi * np.arange(SENSORS) / SENSORS
    sensors = {
        f"s{at}": Sensor(sensor_id=f"s{at}", position=Position(x_m=RADIUS_M * np.cos(one), y_m=RADIUS_M * np.sin(one)))
        for at, one in enumerate(angles)
    }
    return Site(sensors=sensors)


def _a_day(site: Site, per_hour: float, begin_ns: int, rng: np.random.Generator) -> list[Detection]:
    return [
        Detection(
            detection_id=derived_id("false", name, begin_ns + int(second * NS_PER_S)),
            sensor_id=name,
            onset_ns=begin_ns + int(second * NS_PER_S),
            sigma_s=SIGMA_S,
            score=SURE,
            label=GUNSHOT,
            classes={GUNSHOT: 1.0},
            snr_db=20.0,
            model="false",
        )
        for name in sorted(site.sensors)
        for second in rng.uniform(0, DAY_S, rng.poisson(per_hour * HOURS_A_DAY))
    ]
