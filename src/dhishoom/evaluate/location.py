"""How well shots are located and counted on the live-fire set: one row a task, fixed seeds, several draws.

`python -m dhishoom.evaluate.location DIR` prints the table, and one JSON object as its last line.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from dhishoom.core.association import associate_all
from dhishoom.core.fitting import Arrivals
from dhishoom.core.location import Fix, ellipse_of, holds, locate
from dhishoom.core.propagation import Floats, air_of
from dhishoom.evaluate.pittsburgh import ListedShot, LiveFireTest, live_fire_tests
from dhishoom.nouns import NS_PER_S, Detection, Incident, Shot, Site, derived_id

NEAR_M = 15.0
HIT_M = 25.0
SAME_SHOT_S = 0.1
SURVEY_SIGMA_M = 2.5
FALSE_S = 1.0
CLOCKS_OFF = 3
Change = Callable[[Floats, np.random.Generator], Floats]


@dataclass(frozen=True, slots=True)
class Row:
    """One task: what it asks, what was reached."""

    task: str
    reached: str
    must: str
    aim: str
    figures: dict[str, float]


@dataclass(frozen=True, slots=True)
class Located:
    """What the locator said of many shots.

    Attributes:
        errors_m: From the surveyed place, infinite where nothing was told.
        statuses: As the fixes say.
        held: Whether the ellipse, or one of two told places, holds the surveyed place.
        semi_majors_m: Of the ellipses.
    """

    errors_m: Floats
    statuses: np.ndarray
    held: np.ndarray
    semi_majors_m: Floats

    def figures(self) -> dict[str, float]:
        """Shares of all shots, and of those located without reserve."""
        sure = self.statuses == "located"
        near = self.errors_m <= NEAR_M
        return {
            "shots": len(self.errors_m),
            "within_15_m": float(near.mean()),
            "median_m": float(np.median(self.errors_m)),
            "p95_m": float(np.percentile(self.errors_m, 95)),
            "ambiguous": float((self.statuses == "ambiguous").mean()),
            "unlocated": float((self.statuses == "unlocated").mean()),
            "within_15_m_of_answered": float(near[sure].mean()) if sure.any() else 0.0,
            "held": float(self.held[sure].mean()) if sure.any() else 0.0,
            "wrong_unsaid": float((sure & ~near & ~self.held).mean()),
            "median_semi_major_m": float(np.median(self.semi_majors_m[sure])) if sure.any() else float("inf"),
        }


def located(
    tests: Sequence[LiveFireTest], sensors: int | None, change: Change | None, draws: int, seed: int
) -> Located:
    """Locate every listed shot from `sensors` of its listed arrivals (None: all), changed as `change` does."""
    rng = np.random.default_rng(seed)
    fixes = [
        (_fix(test, shot, sensors, change, rng), test.survey_m)
        for _ in range(draws)
        for test in tests
        for shot in test.shots
        if sensors is None or len(shot.sensor_ids) >= sensors
    ]
    errors = [np.inf if fix.source is None else float(np.hypot(*(fix.source[:2] - where))) for fix, where in fixes]
    return Located(
        np.array(errors),
        np.array([fix.status for fix, _ in fixes]),
        np.array([_holds(fix, where) for fix, where in fixes]),
        np.array([ellipse_of(fix).semi_major_m if fix.source is not None else np.inf for fix, _ in fixes]),
    )


def _fix(
    test: LiveFireTest, shot: ListedShot, sensors: int | None, change: Change | None, rng: np.random.Generator
) -> Fix:
    arrivals = shot.arrivals()
    if sensors is not None:
        kept = rng.choice(len(arrivals.times_s), sensors, replace=False)
        arrivals = Arrivals(arrivals.places_m[kept], arrivals.times_s[kept], arrivals.sigmas_s[kept])
    if change is not None:
        arrivals = replace(arrivals, times_s=change(arrivals.times_s, rng))
    return locate(arrivals, air_of(test.site.weather))


def _holds(fix: Fix, where: Floats) -> bool:
    """Whether the surveyed place, its own error added, lies in what was told."""
    if fix.source is None:
        return True
    sides = [fix.source] if fix.alternative is None else [fix.source, fix.alternative]
    return any(holds(replace(fix, source=side), where, SURVEY_SIGMA_M) for side in sides)


def one_false(times_s: Floats, rng: np.random.Generator) -> Floats:
    """One arrival is off by up to a second."""
    changed = times_s.copy()
    changed[rng.integers(len(changed))] += rng.uniform(-FALSE_S, FALSE_S)
    return changed


def jittered(times_s: Floats, rng: np.random.Generator, sigma_s: float) -> Floats:
    """Every clock is off by its own normal error."""
    shifted: Floats = times_s + rng.normal(0.0, sigma_s, len(times_s))
    return shifted


@dataclass(frozen=True, slots=True)
class Associated:
    """What association made of many tests.

    Attributes:
        shots, hits: Listed rounds, and those told within `HIT_M` of the survey at their time.
        tests, counted: Tests, and those told as one incident with the right number of rounds.
        spurious: Incidents with a place that is not the surveyed one.
        unlocated: Incidents without one.
    """

    shots: int = 0
    hits: int = 0
    tests: int = 0
    counted: int = 0
    spurious: int = 0
    unlocated: int = 0
    errors_m: tuple[float, ...] = ()

    def plus(self, other: Associated) -> Associated:
        """Both together."""
        return Associated(
            self.shots + other.shots,
            self.hits + other.hits,
            self.tests + other.tests,
            self.counted + other.counted,
            self.spurious + other.spurious,
            self.unlocated + other.unlocated,
            (*self.errors_m, *other.errors_m),
        )

    def figures(self) -> dict[str, float]:
        """Shares of rounds and tests; counts of the rest."""
        return {
            "shots": self.shots,
            "within_25_m": self.hits / max(self.shots, 1),
            "rounds_right": self.counted / max(self.tests, 1),
            "spurious": self.spurious,
            "unlocated": self.unlocated,
            "median_m": float(np.median(self.errors_m)) if self.errors_m else float("inf"),
        }


def judged(test: LiveFireTest, incidents: Iterable[Incident]) -> Associated:
    """Compare what was told of one test with what was fired."""
    placed = [one for one in incidents if one.position is not None]
    true = [one for one in placed if _error_m(one, test) <= HIT_M]
    shots = [shot for incident in placed for shot in incident.shots if _error_m(shot, test) <= HIT_M]
    errors = tuple(error for one in test.shots if (error := _told_error_m(one, shots, test)) is not None)
    return Associated(
        shots=len(test.shots),
        hits=len(errors),
        tests=1,
        counted=int(len(true) == 1 and true[0].rounds == len(test.shots)),
        spurious=len(placed) - len(true),
        unlocated=len(tuple(incidents)) - len(placed),
        errors_m=errors,
    )


def _told_error_m(listed: ListedShot, told: Sequence[Shot], test: LiveFireTest) -> float | None:
    near = [one for one in told if abs(one.time_ns - listed.fired_ns) <= SAME_SHOT_S * NS_PER_S]
    return min((_error_m(one, test) for one in near), default=None)


def _error_m(told: Incident | Shot, test: LiveFireTest) -> float:
    if told.position is None:
        return float("inf")
    return float(np.hypot(told.position.x_m - test.survey_m[0], told.position.y_m - test.survey_m[1]))


Scene = tuple[Site, tuple[Detection, ...]]
Disturb = Callable[[LiveFireTest, np.random.Generator], Scene]


def associated(tests: Sequence[LiveFireTest], disturb: Disturb, draws: int, seed: int) -> Associated:
    """Associate every test's raw pulses, disturbed, and judge what is told."""
    rng = np.random.default_rng(seed)
    total = Associated()
    for _ in range(draws):
        for test in tests:
            site, detections = disturb(test, rng)
            total = total.plus(judged(test, associate_all(site, detections)))
    return total


def as_published(test: LiveFireTest, _rng: np.random.Generator) -> Scene:
    """Every pulse of every sensor."""
    return test.site, test.pulses


def few_sensors(test: LiveFireTest, rng: np.random.Generator, count: int = 8) -> Scene:
    """Only so many sensors, drawn by chance."""
    names = rng.choice(sorted(test.site.sensors), min(count, len(test.site.sensors)), replace=False)
    kept = {name: test.site.sensors[name] for name in names}
    return replace(test.site, sensors=kept), tuple(one for one in test.pulses if one.sensor_id in kept)


def with_false_pulses(test: LiveFireTest, rng: np.random.Generator, rate_hz: float = 1.0) -> Scene:
    """So many false pulses a second more, on every sensor, by chance, as loud as true ones."""
    first, last = test.pulses[0].onset_ns, max(one.onset_ns for one in test.pulses)
    false = [
        replace(
            test.pulses[rng.integers(len(test.pulses))],
            detection_id=derived_id("false", name, int(onset)),
            sensor_id=name,
            onset_ns=int(onset),
        )
        for name in sorted(test.site.sensors)
        for onset in rng.uniform(first, last, rng.poisson(rate_hz * (last - first) / NS_PER_S))
    ]
    return test.site, (*test.pulses, *false)


def with_clocks_off(test: LiveFireTest, rng: np.random.Generator) -> Scene:
    """Three clocks are off by 0.1 to 1 s, either way."""
    names = rng.choice(sorted(test.site.sensors), CLOCKS_OFF, replace=False)
    off = {name: round(rng.choice([-1, 1]) * rng.uniform(0.1, 1.0) * NS_PER_S) for name in names}
    return test.site, tuple(replace(one, onset_ns=one.onset_ns + off.get(one.sensor_id, 0)) for one in test.pulses)


def _share(value: float) -> str:
    return f"{100 * value:.1f} %"


def _located_row(task: str, told: Located, must: str, aim: str) -> Row:
    figures = told.figures()
    reached = (
        f"{_share(figures['within_15_m'])} ≤ 15 m, median {figures['median_m']:.1f}, p95 {figures['p95_m']:.1f} m; "
        f"ambiguous {_share(figures['ambiguous'])}, of answered {_share(figures['within_15_m_of_answered'])}; "
        f"wrong and unsaid {_share(figures['wrong_unsaid'])}; ellipse holds {_share(figures['held'])}, "
        f"semi-major {figures['median_semi_major_m']:.1f} m"
    )
    return Row(task, reached, must, aim, figures)


def _associated_row(task: str, told: Associated, must: str, aim: str) -> Row:
    figures = told.figures()
    reached = (
        f"{_share(figures['within_25_m'])} ≤ 25 m, {told.spurious} spurious, rounds right "
        f"{_share(figures['rounds_right'])}, median {figures['median_m']:.1f} m, {told.unlocated} unlocated"
    )
    return Row(task, reached, must, aim, figures)


def location_rows(tests: Sequence[LiveFireTest], draws: int = 5, seed: int = 0) -> list[Row]:
    """Every row that needs no sound."""
    at = partial(located, tests, draws=draws, seed=seed)
    made = partial(associated, tests, seed=seed)
    still = partial(jittered, sigma_s=0.010)
    loose = partial(jittered, sigma_s=0.050)
    every = located(tests, None, None, 1, seed)
    return [
        _located_row("listed sets, all sensors", every, "median 4.3 m, p95 7.1 m, 100 %", "same"),
        _located_row("six at random", at(6, None), "≥ 99 %, p95 ≤ 10 m", "99.9 %"),
        _located_row("four at random", at(4, None), "92 %, wrong ones said", ""),
        _located_row("three at random", at(3, None), "66 %, wrong ones said", ""),
        _located_row(
            "six, one false by up to 1 s", at(6, one_false), "≥ 96 %, or ≥ 99 % of answered, ≤ 7 % amb.", "98 %"
        ),
        _located_row("six, clocks off by 10 ms", at(6, still), "≥ 98 %", ""),
        _located_row("six, clocks off by 50 ms", at(6, loose), "median ≤ 15 m, ellipse honest", ""),
        _associated_row("raw pulses", made(as_published, draws=1), "≥ 99 %, ≤ 1, rounds ≥ 97 %", "100 %, 0"),
        _associated_row("eight sensors at random", made(few_sensors, draws=draws), "≥ 88 %, ≤ 5 a draw", "93 %, 0"),
        _associated_row("one false pulse a second more", made(with_false_pulses, draws=1), "≥ 98 %, ≤ 5", "100 %, 0"),
        _associated_row("three clocks off", made(with_clocks_off, draws=1), "≥ 98 %, 0", "clocks named"),
    ]


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table and, last, one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--draws", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args(arguments)
    rows = location_rows(live_fire_tests(asked.folder), asked.draws, asked.seed)
    for row in rows:
        print(f"{row.task}\n    reached  {row.reached}\n    must     {row.must}    aim  {row.aim}")
    print(json.dumps({"draws": asked.draws, "seed": asked.seed, "rows": [asdict(row) for row in rows]}))


if __name__ == "__main__":
    main()
