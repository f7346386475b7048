"""What happens in a simulated city, when and where: the truth that everything heard is held against."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from dhishoom.nouns import Position
from dhishoom.simulate.chance import draw
from dhishoom.simulate.city import City, turned

Kind = Literal["gunshot", "firework", "firecrackers", "backfire", "door", "hammer", "thunder"]
STREET_WEAPONS = ("pistol", "pistol", "revolver", "shotgun")
SHELL_M = 70.0
THUNDER_M = 2200.0
BESIDE_M = (6.0, 16.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One thing that happens once in every round of a scenario.

    Attributes:
        at_s: After the beginning of the round.
        rounds, interval_s: Of gunfire; the hand that fires is uneven by a tenth.
        weapon: Of gunfire; drawn from those of the street if none is named.
    """

    kind: Kind
    at_s: float
    rounds: int = 1
    interval_s: float = 0.0
    weapon: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A round of acts that is played again and again, each time at new places.

    Attributes:
        round_s: From one round to the next.
        seconds: How long all of it lasts; None: for ever.
    """

    acts: tuple[Act, ...]
    round_s: float
    seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """What truly happened: the answer that incidents and rejections are held against.

    Attributes:
        name: Unique; chance follows from it.
        times_s: After the beginning, of each round; one time for what is no gunfire.
        position: Of the source.
        azimuth_rad: Where a gun points, clockwise from north.
    """

    name: str
    kind: Kind
    times_s: tuple[float, ...]
    position: Position
    azimuth_rad: float
    weapon: str

    @property
    def rounds(self) -> int:
        """Rounds of gunfire; 0 for what is none."""
        return len(self.times_s) if self.kind == "gunshot" else 0

    @property
    def place_m(self) -> tuple[float, float, float]:
        """Metres east, north, up."""
        return self.position.x_m, self.position.y_m, self.position.z_m


def demo_scenario(*, seconds: float | None = None) -> Scenario:
    """What `dhishoom demo` plays: a shot, a burst of three, then fireworks and other sounds that are no gunfire."""
    acts = (
        Act(kind="gunshot", at_s=4.0),
        Act(kind="gunshot", at_s=12.0, rounds=3, interval_s=0.6),
        Act(kind="firework", at_s=19.5),
        Act(kind="hammer", at_s=27.5),
        Act(kind="thunder", at_s=28.5),
        Act(kind="door", at_s=31.5),
        Act(kind="backfire", at_s=33.0),
    )
    return Scenario(acts=acts, round_s=42.0, seconds=seconds)


def happenings(scenario: Scenario, place: City, seed: int, number: int) -> tuple[Happening, ...]:
    """All that happens in one round, in order of time."""
    return tuple(
        _happening(act, place, draw(seed, "act", number, at), f"{number}/{at}", number * scenario.round_s)
        for at, act in enumerate(scenario.acts)
    )


def _happening(act: Act, place: City, chance: np.random.Generator, name: str, begin_s: float) -> Happening:
    position = _place(act.kind, place, chance)
    gaps = act.interval_s * chance.normal(1.0, 0.1, act.rounds)
    times = begin_s + act.at_s + np.concatenate(([0.0], np.cumsum(gaps)[: act.rounds - 1]))
    return Happening(
        name=name,
        kind=act.kind,
        times_s=tuple(float(at) for at in times),
        position=position,
        azimuth_rad=float(chance.uniform(0, 2 * math.pi)),
        weapon=act.weapon or STREET_WEAPONS[int(chance.integers(len(STREET_WEAPONS)))],
    )


def _place(kind: Kind, place: City, chance: np.random.Generator) -> Position:
    """Guns and shells within the sensors, doors and hammers beside one, thunder far away."""
    if kind == "thunder":
        turn = float(chance.uniform(0, 2 * math.pi))
        return Position(x_m=THUNDER_M * math.sin(turn), y_m=THUNDER_M * math.cos(turn), z_m=300.0)
    if kind in ("door", "hammer", "backfire", "firecrackers"):
        ear = place.ears[int(chance.integers(len(place.ears)))]
        turn, away = float(chance.uniform(0, 2 * math.pi)), float(chance.uniform(*BESIDE_M))
        return Position(x_m=ear.place_m[0] + away * math.sin(turn), y_m=ear.place_m[1] + away * math.cos(turn), z_m=1.2)
    east = 0.86 * place.half_east_m * float(chance.uniform(-1, 1))
    north = 0.86 * place.half_north_m * float(chance.uniform(-1, 1))
    x_m, y_m = turned(east, north)
    return Position(x_m=x_m, y_m=y_m, z_m=SHELL_M if kind == "firework" else 1.5)
