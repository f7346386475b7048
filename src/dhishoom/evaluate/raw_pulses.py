"""How well raw pulses are associated, located and counted: nothing says which of them belong together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from dhishoom.core.association import associate_all
from dhishoom.core.clocks import clock_offsets
from dhishoom.evaluate.pittsburgh import ListedShot, LiveFireTest
from dhishoom.evaluate.row import Row, share
from dhishoom.nouns import NS_PER_S, Detection, Incident, Shot, Site, derived_id

HIT_M = 25.0
SAME_SHOT_S = 0.1
CLOCKS_OFF = 3
CLOCK_NEAR_S = 0.05


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


def clocks_off(test: LiveFireTest, rng: np.random.Generator) -> dict[str, float]:
    """Three sensors, and by how much their clocks are off: 0.1 to 1 s, either way."""
    names = rng.choice(sorted(test.site.sensors), CLOCKS_OFF, replace=False)
    return {str(name): float(rng.choice([-1, 1]) * rng.uniform(0.1, 1.0)) for name in names}


def with_clocks_off(test: LiveFireTest, off: dict[str, float]) -> tuple[Detection, ...]:
    """The pulses by those clocks."""
    return tuple(
        replace(one, onset_ns=one.onset_ns + round(off.get(one.sensor_id, 0.0) * NS_PER_S)) for one in test.pulses
    )


def associated_row(task: str, told: Associated, must: str, aim: str) -> Row:
    """The figures as one line."""
    figures = told.figures()
    reached = (
        f"{share(figures['within_25_m'])} ≤ 25 m, {told.spurious} spurious, rounds right "
        f"{share(figures['rounds_right'])}, median {figures['median_m']:.1f} m, {told.unlocated} unlocated"
    )
    return Row(task, reached, must, aim, figures)


def _clock_rows(tests: Sequence[LiveFireTest], seed: int) -> list[Row]:
    """Three clocks off; and which of them are named, of those that heard two rounds or more."""
    rng, total = np.random.default_rng(seed), Associated()
    could, named, false = 0, 0, 0
    for test in tests:
        off = clocks_off(test, rng)
        pulses = with_clocks_off(test, off)
        incidents = associate_all(test.site, pulses)
        total = total.plus(judged(test, incidents))
        found = clock_offsets(incidents, pulses, test.site)
        heard = [name for name in off if sum(name in shot.sensor_ids for shot in test.shots) > 1]
        could += len(heard)
        named += sum(name in found and abs(found[name].offset_s - off[name]) < CLOCK_NEAR_S for name in heard)
        false += sum(name not in off for name in found)
    reached = f"{named} of {could} that heard two rounds; {false} named that only heard echoes"
    figures = {"could": float(could), "named": float(named), "false": float(false)}
    return [
        associated_row("three clocks off", total, "≥ 98 %, 0", ""),
        Row("the clocks that are off, named", reached, "", "named", figures),
    ]


def raw_rows(tests: Sequence[LiveFireTest], draws: int, seed: int) -> list[Row]:
    """Every row that associates raw pulses."""
    made = partial(associated, tests, seed=seed)
    eight = made(few_sensors, draws=draws)
    return [
        associated_row("raw pulses", made(as_published, draws=1), "≥ 99 %, ≤ 1, rounds ≥ 97 %", "100 %, 0"),
        associated_row(f"eight sensors at random, {draws} draws", eight, "≥ 88 %, ≤ 5 a draw", "93 %, 0"),
        associated_row("one false pulse a second more", made(with_false_pulses, draws=1), "≥ 98 %, ≤ 5", "100 %, 0"),
        *_clock_rows(tests, seed),
    ]
