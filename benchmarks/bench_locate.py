"""Where and when, and what it costs: `make bench-locate`

First, location: the same arrivals of simulated shots (20 sensors a square mile, noise, one in ten false) to our locator
and to SciPy's robust least squares (soft L1), beside the Cramér-Rao bound. Then association: the same stream of picks
(several shooters and bursts, echoes, 20 % missing, 10 % false) to fold 2 and, with --pyocto, to PyOcto (a public
associator of seismic arrivals; Münchmeyer 2024, Seismica 3), each judged alike. CPU time, on one thread.
The last line is one JSON object.
"""

# ruff: noqa: E402 (threads are counted when NumPy is first imported)

from __future__ import annotations

import argparse
import json
import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import platform
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dhishoom.core.association import associate, begin, finish
from dhishoom.core.fitting import Arrivals
from dhishoom.core.location import locate
from dhishoom.core.propagation import air_of
from dhishoom.evaluate.plain import robust_least_squares
from dhishoom.nouns import GUNSHOT, NS_PER_S, Detection, Heard, Incident, Position, Sensor, Site, derived_id

START_NS = 1_700_000_000 * NS_PER_S
SQUARE_MILE_M = 1609.344
SENSORS_PER_SQUARE_MILE = 20
NOISE_S, MISSING, ECHOES, FALSE, RANGE_M = 0.009, 0.2, 0.4, 0.1, 900.0
HIT_M, HIT_S = 25.0, 0.1
INCIDENT_MS_BUDGET, PICK_MS_BUDGET = 10.0, 1.0
SITE = Site()
AIR = air_of(SITE.weather)
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Fired:
    """One true shot: east, north, and seconds after the start."""

    place: Floats
    time_s: float


def city(chance: np.random.Generator, side_m: float) -> Floats:
    """Places [n, 3] on a jittered grid."""
    count = max(5, round(SENSORS_PER_SQUARE_MILE * (side_m / SQUARE_MILE_M) ** 2))
    across = int(np.ceil(np.sqrt(count)))
    cells = np.array([(x, y) for x in range(across) for y in range(across)], float)[
        chance.permutation(across**2)[:count]
    ]
    flat = (cells + 0.5 + chance.uniform(-0.3, 0.3, cells.shape)) * side_m / across
    return np.column_stack([flat, chance.uniform(5, 12, count)])


def travel_s(places: Floats, source: Floats) -> Floats:
    """Along the ground: the simulation knows no more than that."""
    level: Floats = np.hypot(*(places[:, :2] - source).T) / AIR.speed_m_s
    return level


# Location


def bound_m(places: Floats, source: Floats) -> float:
    """Median error of the best unbiased estimator: 0.83 times the root of the trace of the least covariance."""
    toward = source - places[:, :2]
    unit = toward / np.hypot(*toward.T)[:, None]
    jacobian = np.column_stack([unit / AIR.speed_m_s, np.ones(len(places))]) / NOISE_S
    return 0.83 * float(np.sqrt(np.trace(np.linalg.inv(jacobian.T @ jacobian)[:2, :2])))


def location(shots: int, chance: np.random.Generator) -> dict[str, dict[str, float]]:
    """Both solvers on the same arrivals."""
    places = city(chance, SQUARE_MILE_M)
    ours, theirs, bounds = list[tuple[float, float]](), list[tuple[float, float]](), list[float]()
    while len(ours) < shots:
        source = chance.uniform(0.2, 0.8, 2) * SQUARE_MILE_M
        near = (np.hypot(*(places[:, :2] - source).T) < RANGE_M) & (chance.uniform(size=len(places)) > MISSING)
        if near.sum() < 5:
            continue
        true = travel_s(places[near], source) + chance.normal(0, NOISE_S, near.sum())
        false = chance.uniform(size=near.sum()) < FALSE
        times = np.where(false, true + chance.uniform(0.1, 0.8, near.sum()), true)
        arrivals = Arrivals(places[near], times, np.full(near.sum(), 0.001))
        ours.append(timed(_ours_off_m, arrivals, source))
        theirs.append(timed(_twin_off_m, arrivals, source))
        bounds.append(bound_m(places[near][~false], source))
    best = float(np.median(bounds))
    return {"dhishoom": _located(ours, best), "scipy soft L1": _located(theirs, best)}


def _ours_off_m(arrivals: Arrivals, source: Floats) -> float:
    found = locate(arrivals, AIR).source
    return float("inf") if found is None else float(np.hypot(*(found[:2] - source)))


def _twin_off_m(arrivals: Arrivals, source: Floats) -> float:
    return float(np.hypot(*(robust_least_squares(arrivals, AIR) - source)))


def timed(work: Callable[[Arrivals, Floats], float], arrivals: Arrivals, source: Floats) -> tuple[float, float]:
    """What it returns, and its milliseconds of CPU."""
    begun = time.process_time()
    return work(arrivals, source), 1000 * (time.process_time() - begun)


def _located(told: Sequence[tuple[float, float]], bound: float) -> dict[str, float]:
    errors, times = np.array(told).T
    return {
        "median_m": float(np.median(errors)),
        "p95_m": float(np.quantile(errors, 0.95, method="higher")),
        "within_15_m": float((errors <= 15).mean()),
        "over_bound": float(np.median(errors)) / bound,
        "ms": float(np.median(times)),
    }


# Association


@dataclass(frozen=True)
class Stream:
    """Picks of a while, the shots they are of, and the sensors."""

    places: Floats
    picks: tuple[Detection, ...]
    fired: tuple[Fired, ...]
    duration_s: float


def stream(bursts: int, chance: np.random.Generator) -> Stream:
    """A burst of one to four rounds every twelve seconds, anywhere in two square miles."""
    side_m = 2**0.5 * SQUARE_MILE_M
    places = city(chance, side_m)
    fired = [shot for at in range(bursts) for shot in _burst(12.0 * at + 5, side_m, chance)]
    picks = [pick for shot in fired for pick in _picks(shot, places, chance)]
    duration_s = 12.0 * bursts + 10
    picks += [
        _detection(int(chance.integers(len(places))), float(chance.uniform(0, duration_s)), 18.0)
        for _ in range(chance.poisson(FALSE * len(picks)))
    ]
    return Stream(places, tuple(sorted(picks, key=lambda one: (one.onset_ns, one.sensor_id))), tuple(fired), duration_s)


def _burst(at_s: float, side_m: float, chance: np.random.Generator) -> list[Fired]:
    place = chance.uniform(0.2, 0.8, 2) * side_m
    times = at_s + np.cumsum(chance.uniform(0.1, 0.9, chance.integers(1, 5)))
    return [Fired(place, float(each)) for each in times]


def _picks(shot: Fired, places: Floats, chance: np.random.Generator) -> list[Detection]:
    found = []
    distances = np.hypot(*(places[:, :2] - shot.place).T)
    for at in np.flatnonzero((distances < RANGE_M) & (chance.uniform(size=len(places)) > MISSING)):
        onset = shot.time_s + float(distances[at]) / AIR.speed_m_s + chance.normal(0, NOISE_S)
        level_db = 42 - 20 * float(np.log10(max(distances[at], 30) / 30))
        found.append(_detection(int(at), onset, level_db))
        if chance.uniform() < ECHOES:
            found.append(_detection(int(at), onset + float(chance.uniform(0.06, 0.6)), level_db - 8))
    return found


def _detection(sensor: int, onset_s: float, snr_db: float) -> Detection:
    onset_ns = START_NS + round(onset_s * NS_PER_S)
    return Detection(
        detection_id=derived_id(sensor, onset_ns),
        sensor_id=f"s{sensor:03d}",
        onset_ns=onset_ns,
        sigma_s=0.001,
        score=0.9,
        label=GUNSHOT,
        classes={},
        snr_db=snr_db,
        model="simulated",
    )


Told = list[tuple[float, float, float]]
"""East, north and seconds after the start, of every shot that was told."""


def ours(asked: Stream) -> Told:
    """Fold 2, a promise of every sensor each second, as a live service turns it."""
    sensors = {
        f"s{at:03d}": Sensor(sensor_id=f"s{at:03d}", position=Position(x_m=x, y_m=y, z_m=z))
        for at, (x, y, z) in enumerate(asked.places.tolist())
    }
    state, last = begin(Site(sensors=sensors)), dict[str, Incident]()
    picks = list(asked.picks)
    for second in range(1, int(asked.duration_s) + 12):
        until_ns, told = START_NS + second * NS_PER_S, list[Incident]()
        while picks and picks[0].onset_ns < until_ns:
            state, fresh = associate(state, picks.pop(0))
            told += fresh
        for sensor_id in sensors:
            state, fresh = associate(state, Heard(sensor_id=sensor_id, until_ns=until_ns))
            told += fresh
        last |= {one.incident_id: one for one in told}
    last |= {one.incident_id: one for one in finish(state)[1]}
    return [
        (shot.position.x_m, shot.position.y_m, (shot.time_ns - START_NS) / NS_PER_S)
        for one in last.values()
        for shot in one.shots
        if shot.position is not None
    ]


def pyocto_told(asked: Stream, interpreter: str) -> tuple[Told, float]:
    """PyOcto's shots and its milliseconds of CPU, in an interpreter that has it (it needs an older NumPy)."""
    question = {
        "places_km": (asked.places[:, :2] / 1000).tolist(),
        "picks": [(one.sensor_id, (one.onset_ns - START_NS) / NS_PER_S) for one in asked.picks],
        "speed_km_s": AIR.speed_m_s / 1000,
        "range_km": RANGE_M / 1000,
        "tolerance_s": 4 * NOISE_S,
    }
    script = Path(__file__).with_name("pyocto_told.py")
    done = subprocess.run(
        [interpreter, str(script)], input=json.dumps(question), text=True, capture_output=True, check=False
    )
    if done.returncode:
        sys.exit(f"{interpreter} {script.name} failed: {done.stderr.strip()[-300:]}")
    answer = json.loads(done.stdout)
    return [(1000 * x, 1000 * y, at) for x, y, at in answer["events"]], float(answer["cpu_ms"])


def judge(told: Told, asked: Stream) -> dict[str, float]:
    """Every true shot takes the nearest told one within `HIT_S`; those that no shot takes are spurious."""
    left, errors = list(told), list[float]()
    for shot in asked.fired:
        near = [one for one in left if abs(one[2] - shot.time_s) <= HIT_S]
        best = min(near, key=lambda one: float(np.hypot(*(np.array(one[:2]) - shot.place))), default=None)
        if best is not None and np.hypot(*(np.array(best[:2]) - shot.place)) <= HIT_M:
            errors.append(float(np.hypot(*(np.array(best[:2]) - shot.place))))
            left.remove(best)
    return {
        "found": len(errors) / len(asked.fired),
        "spurious": float(len(left)),
        "median_m": float(np.median(errors)) if errors else float("inf"),
    }


def association(
    bursts: int, chance: np.random.Generator, interpreter: str | None
) -> tuple[Stream, dict[str, dict[str, float]]]:
    """Fold 2 and, if an interpreter that has it is given, PyOcto on the same stream."""
    asked = stream(bursts, chance)
    begun = time.process_time()
    told = ours(asked)
    rows = {"dhishoom": _associated(told, 1000 * (time.process_time() - begun), asked)}
    if interpreter is not None:
        rows["PyOcto"] = _associated(*pyocto_told(asked, interpreter), asked)
    return asked, rows


def _associated(told: Told, spent_ms: float, asked: Stream) -> dict[str, float]:
    return {**judge(told, asked), "ms_per_pick": spent_ms / len(asked.picks)}


def main() -> None:
    """Print both tables and, last, one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shots", type=int, default=200, help="for the locators")
    parser.add_argument("--bursts", type=int, default=8, help="for the associators")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--pyocto", metavar="PYTHON", help="an interpreter in which PyOcto is installed")
    asked = parser.parse_args()
    chance = np.random.default_rng(asked.seed)
    located = location(asked.shots, chance)
    heard, associated = association(asked.bursts, chance, asked.pyocto)
    machine = f"{platform.machine()}, {os.cpu_count()} CPUs, Python {platform.python_version()}, one thread"
    print(f"{machine}\n\n{asked.shots} shots, 10 % of arrivals false; the bound is Cramér and Rao's")
    print(f"{'':16}{'median m':>10}{'p95 m':>10}{'≤ 15 m':>10}{'× bound':>10}{'ms each':>10}")
    for who, row in located.items():
        figures = (row["median_m"], row["p95_m"], 100 * row["within_15_m"], row["over_bound"], row["ms"])
        print(f"{who:16}" + "".join(f"{figure:10.2f}" for figure in figures))
    print(
        f"\n{len(heard.fired)} shots, {len(heard.picks)} picks, {len(heard.places)} sensors, {heard.duration_s:.0f} s"
    )
    print(f"{'':16}{'found %':>10}{'spurious':>10}{'median m':>10}{'ms a pick':>10}")
    for who, row in associated.items():
        figures = (100 * row["found"], row["spurious"], row["median_m"], row["ms_per_pick"])
        print(f"{who:16}" + "".join(f"{figure:10.2f}" for figure in figures))
    if "PyOcto" not in associated:
        print("PyOcto is left out; name an interpreter that has it with --pyocto.")
    budget = {"ms_per_incident": INCIDENT_MS_BUDGET, "ms_per_pick": PICK_MS_BUDGET}
    print(json.dumps({"machine": machine, "location": located, "association": associated, "budget": budget}))


if __name__ == "__main__":
    main()
