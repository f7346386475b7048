"""How well shots are located from their listed arrivals: all of them, a few, with errors added."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from dhishoom.core.fitting import Arrivals
from dhishoom.core.location import Fix, ellipse_of, holds, locate
from dhishoom.core.propagation import Floats, air_of
from dhishoom.evaluate.intervals import resampled, with_interval
from dhishoom.evaluate.pittsburgh import LiveFireTest
from dhishoom.evaluate.plain import robust_least_squares
from dhishoom.evaluate.row import Row, share

NEAR_M = 15.0
SURVEY_SIGMA_M = 2.5
FALSE_S = 1.0
Change = Callable[[Floats, np.random.Generator], Floats]


@dataclass(frozen=True, slots=True)
class Located:
    """What the locator said of many shots.

    Attributes:
        errors_m: From the surveyed place, infinite where nothing was told.
        statuses: As the fixes say.
        held: Whether the ellipse, or one of two told places, holds the surveyed place.
        semi_majors_m: Of the ellipses.
        plain_errors_m: Of robust least squares on the same arrivals.
        tests: Names of the tests that the shots belong to.
    """

    errors_m: Floats
    statuses: np.ndarray
    held: np.ndarray
    semi_majors_m: Floats
    plain_errors_m: Floats
    tests: tuple[str, ...]

    def figures(self) -> dict[str, float]:
        """Shares of all shots, and of those located without reserve; the first with the bootstrap over tests."""
        sure = self.statuses == "located"
        near = self.errors_m <= NEAR_M
        weights = resampled(self.tests, [""] * len(self.tests), 0)
        within = with_interval(
            lambda some: some @ near / some.sum(axis=-1), weights, count=len(near), groups=len(set(self.tests))
        )
        return {
            "shots": len(self.errors_m),
            "within_15_m": within.value,
            "within_15_m_low": within.low,
            "within_15_m_high": within.high,
            "plain_within_15_m": float((self.plain_errors_m <= NEAR_M).mean()),
            "plain_median_m": float(np.median(self.plain_errors_m)),
            "median_m": float(np.median(self.errors_m)),
            "p95_m": float(np.quantile(self.errors_m, 0.95, method="higher")),
            "ambiguous": float((self.statuses == "ambiguous").mean()),
            "unlocated": float((self.statuses == "unlocated").mean()),
            "within_15_m_of_answered": float(near[sure].mean()) if sure.any() else 0.0,
            "held": float(self.held[sure].mean()) if sure.any() else 0.0,
            "wrong_unsaid": float((sure & ~near & ~self.held).mean()),
            "median_semi_major_m": float(np.median(self.semi_majors_m[sure])) if sure.any() else float("inf"),
        }


def located(
    tests: Sequence[LiveFireTest],
    sensors: int | None,
    change: Change | None,
    draws: int,
    seed: int,
    stated_s: float = 0.0,
) -> Located:
    """Locate every listed shot from `sensors` of its listed arrivals (None: all), changed as `change` does.

    Args:
        stated_s: What the sensors say of the error of their clocks.
    """
    rng = np.random.default_rng(seed)
    heard = [
        (_some(shot.arrivals(), sensors, change, rng, stated_s), test)
        for _ in range(draws)
        for test in tests
        for shot in test.shots
        if sensors is None or len(shot.sensor_ids) >= sensors
    ]
    airs = {test.name: air_of(test.site.weather) for test in tests}
    fixes = [(locate(arrivals, airs[test.name]), test.survey_m) for arrivals, test in heard]
    plain = [robust_least_squares(arrivals, airs[test.name]) - test.survey_m for arrivals, test in heard]
    errors = [np.inf if fix.source is None else float(np.hypot(*(fix.source[:2] - where))) for fix, where in fixes]
    return Located(
        np.array(errors),
        np.array([fix.status for fix, _ in fixes]),
        np.array([_holds(fix, where) for fix, where in fixes]),
        np.array([ellipse_of(fix).semi_major_m if fix.source is not None else np.inf for fix, _ in fixes]),
        np.hypot(*np.array(plain).T),
        tuple(test.name for _, test in heard),
    )


def _some(
    arrivals: Arrivals, sensors: int | None, change: Change | None, rng: np.random.Generator, stated_s: float
) -> Arrivals:
    if sensors is not None:
        kept = rng.choice(len(arrivals.times_s), sensors, replace=False)
        arrivals = Arrivals(arrivals.places_m[kept], arrivals.times_s[kept], arrivals.sigmas_s[kept])
    if change is not None:
        arrivals = replace(arrivals, times_s=change(arrivals.times_s, rng))
    return replace(arrivals, sigmas_s=np.hypot(arrivals.sigmas_s, stated_s))


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


def _row(task: str, told: Located, must: str, aim: str) -> Row:
    figures = told.figures()
    reached = (
        f"{share(figures['within_15_m'])} [{100 * figures['within_15_m_low']:.1f}, "
        f"{100 * figures['within_15_m_high']:.1f}] ≤ 15 m, "
        f"median {figures['median_m']:.1f}, p95 {figures['p95_m']:.1f} m; "
        f"ambiguous {share(figures['ambiguous'])}, of answered {share(figures['within_15_m_of_answered'])}; "
        f"wrong and unsaid {share(figures['wrong_unsaid'])}; ellipse holds {share(figures['held'])}, "
        f"semi-major {figures['median_semi_major_m']:.1f} m; plain least squares "
        f"{share(figures['plain_within_15_m'])}, median {figures['plain_median_m']:.1f} m"
    )
    return Row(task, reached, must, aim, figures)


def listed_rows(tests: Sequence[LiveFireTest], draws: int, seed: int) -> list[Row]:
    """Every row that locates listed arrivals."""
    at = partial(located, tests, draws=draws, seed=seed)
    still, loose = (partial(jittered, sigma_s=sigma_s) for sigma_s in (0.010, 0.050))
    every = located(tests, None, None, 1, seed)
    return [
        _row("listed sets, all sensors", every, "median 4.3 m, p95 7.1 m, 100 %", "same"),
        _row("95 % ellipse of the same", every, "holds ≥ 93 %, semi-major ≤ 6 m", "95 %"),
        _row("six at random", at(6, None), "≥ 99 %, p95 ≤ 10 m", "99.9 %"),
        _row("four at random", at(4, None), "92 %, wrong ones said", ""),
        _row("three at random", at(3, None), "66 %, wrong ones said", ""),
        _row("six, one false by up to 1 s", at(6, one_false), "≥ 96 %, or ≥ 99 % of answered, ≤ 7 % amb.", "98 %"),
        _row("six, clocks off by 10 ms", at(6, still), "≥ 98 %", ""),
        _row("six, clocks off by 50 ms", at(6, loose), "median ≤ 15 m, ellipse honest", ""),
        _row("the same, stated as their sigma", at(6, loose, stated_s=0.050), "median ≤ 15 m, ellipse honest", ""),
    ]
