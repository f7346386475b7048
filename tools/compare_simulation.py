"""Holds the simulation against real shots, and tells what the shipped model makes of it: docs/simulation.md's tables.

Real: single rounds of the live-fire set (data/pittsburgh of DHISHOOM_SHARED, default ../shared), from half a second
before each listed arrival. Simulated: pistols in the demo's city at the same distances. Energies are decibels over that
of the first 5 ms; bands are decibels over 250-500 Hz, of the first 4 ms and of 0.1 to 0.3 s.
"""

from __future__ import annotations

import argparse
import itertools
import math
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dhishoom.core.propagation import air_of, rays
from dhishoom.detectors.catalogue import open_detector
from dhishoom.evaluate.pittsburgh import LiveFireTest, live_fire_tests
from dhishoom.evaluate.recordings import live_fire_recordings
from dhishoom.nouns import NS_PER_S, Detection, Incident
from dhishoom.service.pipeline import Listening, Pipeline
from dhishoom.simulate.city import city, way
from dhishoom.simulate.propagation import travel_s
from dhishoom.simulate.scenario import Act, Happening, Scenario
from dhishoom.simulate.source import SAMPLE_RATE, SimulatedCity
from dhishoom.sources.files import read_audio
from dhishoom.stores.memory import MemoryStore

RINGS_M = (0, 150, 300, 450)
BEFORE_S, AFTER_S = 0.5, 1.0
SPANS_S = ((0.0, 0.005), (0.005, 0.02), (0.02, 0.05), (0.05, 0.1), (0.1, 0.2), (0.2, 0.4), (0.4, 0.8))
BANDS_HZ = ((125, 250), (250, 500), (500, 1000), (1000, 2000), (2000, 4000))
SHAPE_COLUMNS = (
    ["SNR"] + [f"{a * 1000:g}-{b * 1000:g} ms" for a, b in SPANS_S[1:]] + [f"{a}-{b} Hz" for a, b in BANDS_HZ]
)
LATE_COLUMNS = [f"{a}-{b} Hz, late" for a, b in BANDS_HZ]
ROUND_S = 12.0
KINDS = ("gunshot", "firework", "firecrackers", "backfire", "hammer", "door", "thunder")
Samples = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Cut:
    """Sound about one arrival, which is half a second after its beginning."""

    distance_m: float
    sound: Samples


def real_cuts(tests: Sequence[LiveFireTest]) -> Iterator[Cut]:
    """Arrivals of single rounds that stand alone in their recordings."""
    single = [test for test in tests if len(test.shots) == 1]
    for recording in live_fire_recordings(single).recordings:
        sound = read_audio(recording.path)
        for arrival in recording.arrivals:
            cut = cut_at(sound.samples, arrival.onset_s, sound.sample_rate)
            if cut is not None and arrival.distance_m is not None:
                yield Cut(arrival.distance_m, cut)


def cut_at(sound: Samples, onset_s: float, sample_rate: int) -> Samples | None:
    """Half a second before to a second after; None where the recording does not reach so far."""
    first, last = round((onset_s - BEFORE_S) * sample_rate), round((onset_s + AFTER_S) * sample_rate)
    return sound[first:last] if first >= 0 and last <= len(sound) else None


def simulated_cuts(count: int) -> Iterator[Cut]:
    """Arrivals of pistol shots in the demo's city; when they come is known, detours included."""
    scenario = Scenario(acts=(Act(kind="gunshot", at_s=2.0, weapon="pistol"),), round_s=8.0)
    place = city()
    source = SimulatedCity(scenario, seed=1, place=place, realtime=False)
    for shot in source.truth(8.0 * count):
        for ear in place.ears:
            path = way(shot.place_m, ear, place.site.weather, 1, shot.name)
            onset_s = shot.times_s[0] + path.delay_s
            if path.distance_m < RINGS_M[-1]:
                first = int(onset_s) - 1
                sound = np.concatenate([source.second(ear, first + at) for at in range(4)])
                cut = cut_at(sound, onset_s - first, SAMPLE_RATE)
                assert cut is not None
                yield Cut(path.distance_m, cut)


def shape_of(cut: Samples) -> list[float]:
    """The figures of one arrival, in the order of the columns."""
    sound, rate = cut.astype(np.float64), SAMPLE_RATE
    at = round(BEFORE_S * rate)
    quiet = sound[at - round(0.4 * rate) : at - round(0.05 * rate)]
    quiet = quiet[quiet != 0]
    noise = float(quiet.var()) if len(quiet) else 0.0
    sound -= float(quiet.mean()) if len(quiet) else 0.0
    energies = [
        max(float(np.square(sound[at + round(a * rate) : at + round(b * rate)]).sum()) - noise * (b - a) * rate, 1e-12)
        for a, b in SPANS_S
    ]
    peak = float(np.abs(sound[at : at + round(0.05 * rate)]).max())
    over = [10 * math.log10(energy / energies[0]) for energy in energies[1:]]
    early = bands(sound[at - 6 : at + round(0.004 * rate)])
    late = bands(sound[at + round(0.1 * rate) : at + round(0.3 * rate)])
    return [10 * math.log10(peak**2 / (noise + 1e-12)), *over, *early, *late]


def bands(piece: NDArray[np.float64]) -> list[float]:
    """Level of each band over that of 250-500 Hz."""
    fade = np.hanning(2 * len(piece))[len(piece) :]
    power = np.square(np.abs(np.fft.rfft(piece * fade, 4096)))
    frequencies = np.fft.rfftfreq(4096, 1 / SAMPLE_RATE)
    levels = [10 * math.log10(power[(frequencies >= a) & (frequencies < b)].mean() + 1e-20) for a, b in BANDS_HZ]
    return [level - levels[1] for level in levels]


def shape_table(cuts: dict[str, list[Cut]]) -> Iterator[str]:
    """Medians by distance, real beside simulated."""
    yield "| m | | n | " + " | ".join([*SHAPE_COLUMNS, *LATE_COLUMNS]) + " |"
    yield "|---|---|---|" + "---|" * len([*SHAPE_COLUMNS, *LATE_COLUMNS])
    for low, high in itertools.pairwise(RINGS_M):
        for name, every in cuts.items():
            shapes = [shape_of(cut.sound) for cut in every if low <= cut.distance_m < high]
            if shapes:
                cells = " | ".join(f"{value:.0f}" for value in np.median(shapes, axis=0))
                yield f"| {low}-{high} | {name} | {len(shapes)} | {cells} |"


def lateness_ms(tests: Sequence[LiveFireTest]) -> list[float]:
    """By how much each real arrival lags the least late one of its shot, straight lines taken off."""
    late: list[float] = []
    for test in tests:
        for shot in test.shots:
            height = float(shot.places_m[:, 2].min())
            straight, _ = rays(test.survey_m[None], height, shot.places_m, air_of(test.site.weather))
            found = np.array(shot.onsets_ns) / NS_PER_S - straight[0]
            late += (1000 * (found - found.min())).tolist()
    return late


def simulated_lateness_ms(count: int) -> list[float]:
    """The same of simulated shots, as the nearest six hear them."""
    place, late = city(), list[float]()
    for number in range(count):
        chance = np.random.default_rng(number)
        here = (float(chance.uniform(-600, 600)), float(chance.uniform(-350, 350)), 1.5)
        ears = sorted(place.ears, key=lambda ear: math.dist(ear.place_m[:2], here[:2]))[:6]
        weather = place.site.weather
        ways = [
            way(here, ear, weather, 1, str(number)).delay_s - travel_s(np.array(here), np.array(ear.place_m), weather)
            for ear in ears
        ]
        late += [1000 * (one - min(ways)) for one in ways]
    return late


def heard(kind: str, count: int, rounds: int) -> tuple[SimulatedCity, list[Happening], list[Incident], list[Detection]]:
    """The demo's chain on one kind of happening, `count` times."""
    act = Act(kind=kind, at_s=2.0, rounds=rounds, interval_s=0.6)  # type: ignore[arg-type]
    source = SimulatedCity(Scenario(acts=(act,), round_s=ROUND_S, seconds=ROUND_S * count), seed=1, realtime=False)
    store = MemoryStore()
    pipeline = Pipeline(source.site(), open_detector(), store, listening=Listening(keep="none"))
    for chunk in source.chunks():
        pipeline.take([chunk])
    pipeline.finish()
    truth = list(source.truth(ROUND_S * count))
    return source, truth, list(store.incidents(limit=10_000)), list(store.detections(limit=100_000))


def verdict_row(kind: str, count: int, rounds: int) -> str:
    """What became of them: incidents, rounds, errors, labels."""
    source, truth, incidents, detections = heard(kind, count, rounds)
    raised = kept = right = inside = 0
    errors: list[float] = []
    for one in truth:
        begin = source.start_ns + round((one.times_s[0] - 1) * NS_PER_S)
        mine = [it for it in incidents if begin <= it.time_ns < begin + round((ROUND_S - 1) * NS_PER_S)]
        raised += bool(mine)
        kept += any(it.position is not None for it in mine)
        if kind == "gunshot" and mine and mine[0].position and mine[0].ellipse:
            right += len(mine) == 1 and mine[0].rounds == rounds
            east, north = mine[0].position.x_m - one.position.x_m, mine[0].position.y_m - one.position.y_m
            errors.append(math.hypot(east, north))
            turn = math.radians(mine[0].ellipse.azimuth_deg)
            along, across = (
                east * math.sin(turn) + north * math.cos(turn),
                east * math.cos(turn) - north * math.sin(turn),
            )
            inside += math.hypot(along / mine[0].ellipse.semi_major_m, across / mine[0].ellipse.semi_minor_m) <= 1
    labels = Counter(it.label for it in detections)
    told = ", ".join(f"{label} {100 * n / labels.total():.0f} %" for label, n in labels.most_common(4))
    name = f"{kind}, {rounds} rounds" if rounds > 1 else kind
    where = f"{np.median(errors):.1f} / {np.quantile(errors, 0.9):.1f} m, {inside} in their ellipse" if errors else ""
    exact = f"{right}" if kind == "gunshot" else ""
    return f"| {name} | {count} | {raised} | {kept} | {exact} | {where} | {labels.total() / count:.1f} | {told} |"


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=40, help="happenings of each kind")
    count = parser.parse_args().count
    folder = Path(os.environ.get("DHISHOOM_SHARED", "../shared")) / "data" / "pittsburgh"
    cuts = {"simulated": list(simulated_cuts(count))}
    if folder.is_dir():
        tests = live_fire_tests(folder)
        cuts = {"real": list(real_cuts(tests)), **cuts}
        for name, late in (("real", lateness_ms(tests)), ("simulated", simulated_lateness_ms(5 * count))):
            quarters = ", ".join(f"{value:.0f}" for value in np.quantile(late, (0.1, 0.25, 0.5, 0.75, 0.9)))
            print(f"{name} arrivals lag the least late by (10, 25, 50, 75, 90 %): {quarters} ms; n = {len(late)}")
    else:
        print(f"No recordings at {folder}: nothing real to compare with.")
    print("\n".join(shape_table(cuts)))
    print(f"\n{open_detector().card.name}, seed 1")
    columns = ("what", "n", "raised an incident", "kept its place", "one, with its rounds", "error, median / 90 %",
               "detections each", "labels")  # fmt: skip
    print(f"| {' | '.join(columns)} |\n{'|---' * len(columns)}|")
    print(verdict_row("gunshot", count, 3))
    for kind in KINDS:
        print(verdict_row(kind, count, 1))


if __name__ == "__main__":
    main()
