"""How soon after a shot does its alert arrive? `make bench-alert SECONDS_ALERT=300`

The whole live service (bus, network, association, store, rules, outbox, signed webhook) hears a simulated city of 100
sensors in real time, a shot every few seconds at places drawn with a fixed seed. The city's sound is made beforehand,
so that only the service is measured; it comes in chunks of a quarter of a second, as from a sensor. What counts is the
time from the last arrival that the alert rests on (by the simulation's clock, which is the computer's) to its receipt
by the web server; beside it, from the arrival at the third sensor, before which nobody could have placed the shot. The
budget is 1.5 s in 99 of 100. With --real-time the system is asked to let nothing else on this machine go first, for
machines that have other work to do. The last line is one JSON object.
"""

# ruff: noqa: E402 (threads are counted when NumPy is first imported)

from __future__ import annotations

import argparse
import json
import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import math
import platform
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dhishoom.alert_settings import SinkSettings
from dhishoom.cli.serving import assemble
from dhishoom.core.timestamps import from_rfc3339
from dhishoom.nouns import NS_PER_S, Chunk, Site
from dhishoom.service.intake import Feed
from dhishoom.settings import ModelSettings, Settings, StoreSettings
from dhishoom.simulate.city import City, city
from dhishoom.simulate.scenario import Act, Happening, Scenario
from dhishoom.simulate.source import SAMPLE_RATE, SimulatedCity
from dhishoom.stores.sql import SqlStore
from dhishoom.wiring import open_store

BUDGET_S = 1.5
CHUNK_S = 0.25
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # noqa: S105  of nothing but this benchmark
SPEED_M_S = 340.0
AFTER_S = 12.0
"""Heard on after the last shot, so that its sound passes and its alert arrives."""
MATCH_S = 4.0
Samples = NDArray[np.int16]


class Played:
    """The city's sound, made beforehand, at the pace of the clock."""

    def __init__(self, place: City, simulated: SimulatedCity, seconds: int) -> None:
        self._site, self._closed = place.site, threading.Event()
        self._sound: dict[str, Samples] = {ear.sensor_id: _sound(simulated, ear, seconds) for ear in place.ears}
        self.start_ns = 0

    def begin(self) -> None:
        """The first sample is of the next whole second."""
        self.start_ns = (time.time_ns() // NS_PER_S + 2) * NS_PER_S

    def site(self) -> Site:
        """The city's."""
        return self._site

    def chunks(self) -> Iterator[Chunk]:
        """Every sensor's next piece as soon as its last sample has been heard."""
        length = round(CHUNK_S * SAMPLE_RATE)
        begun_s = time.monotonic() + (self.start_ns - time.time_ns()) / NS_PER_S
        for at in range(0, len(next(iter(self._sound.values()))), length):
            self._closed.wait(max(0.0, begun_s + (at + length) / SAMPLE_RATE - time.monotonic()))
            for sensor_id, sound in self._sound.items():
                if self._closed.is_set():
                    return
                yield self._chunk(sensor_id, at, sound[at : at + length])

    def close(self) -> None:
        """End `chunks`."""
        self._closed.set()

    def _chunk(self, sensor_id: str, at: int, digits: Samples) -> Chunk:
        return Chunk(
            sensor_id=sensor_id,
            start_ns=self.start_ns + at * NS_PER_S // SAMPLE_RATE,
            sample_rate=SAMPLE_RATE,
            samples=digits.astype(np.float32) / 32768,
        )


def _sound(simulated: SimulatedCity, ear: Any, seconds: int) -> Samples:
    pieces = [simulated.second(ear, second) for second in range(seconds)]
    return np.round(np.concatenate(pieces) * 32767).astype(np.int16)


class Desk(ThreadingHTTPServer):
    """The dispatcher's web server: when each alert was first received."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Receipt)
        self.received: list[tuple[int, dict[str, Any]]] = []


class _Receipt(BaseHTTPRequestHandler):
    server: Desk

    def do_POST(self) -> None:
        """Note the time before anything else."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        received_ns = time.time_ns()
        self.send_response(204)
        self.end_headers()
        self.server.received.append((received_ns, json.loads(body)["data"]))

    def log_message(self, *_: object) -> None:
        """Quiet."""


@dataclass(frozen=True, slots=True)
class Delay:
    """Seconds from the last arrival that an alert rests on, and from the one at the third sensor, to its receipt."""

    last_s: float
    third_s: float


def scenario(seconds: float, every_s: float) -> Scenario:
    """Single shots, at times that fall anywhere within a second."""
    chance = np.random.default_rng(20260131)
    count = int((seconds - AFTER_S) / every_s)
    acts = [Act(kind="gunshot", at_s=3.0 + every_s * n + float(chance.uniform(0, 1))) for n in range(count)]
    return Scenario(acts=tuple(acts), round_s=seconds + 60, seconds=seconds)


def hear(played: Played, desk: Desk, folder: Path, model: str, seconds: float) -> SqlStore:
    """The service, from the first sample to the last; what it stored."""
    url = f"http://127.0.0.1:{desk.server_port}/"
    sink = SinkSettings(name="desk", kind="webhook", url=url, secret=SECRET, allow_private=True)
    settings = Settings(
        sink=(sink,), model=ModelSettings(name=model), store=StoreSettings(folder=str(folder), days=3650.0)
    )
    store = open_store(settings.store)
    running = assemble(settings, played.site(), [Feed(name="city", source=played, patient=False)], store)
    played.begin()
    running.service.start()
    running.service.wait(seconds + 60)
    return store


def delays(desk: Desk, truth: list[Happening], played: Played, place: City, store: SqlStore) -> list[Delay]:
    """Of every shot that was told; the first alert about it counts."""
    first: dict[str, Delay] = {}
    for received_ns, data in sorted(desk.received, key=lambda one: one[0]):
        if data["kind"] == "new" and (shot := _shot_of(data, truth, played)) is not None:
            names = [name for one in data["incident"]["shots"] for name in one["detections"]]
            last_ns = max(one.onset_ns for one in store.detections_by_id(names))
            third_ns = played.start_ns + round(_third_arrival_s(shot, place) * NS_PER_S)
            delay = Delay((received_ns - last_ns) / NS_PER_S, (received_ns - third_ns) / NS_PER_S)
            first.setdefault(shot.name, delay)
    return list(first.values())


def _shot_of(data: dict[str, Any], truth: list[Happening], played: Played) -> Happening | None:
    at_s = (from_rfc3339(data["incident"]["time"]) - played.start_ns) / NS_PER_S
    near = min(truth, key=lambda shot: abs(shot.times_s[0] - at_s))
    return near if abs(near.times_s[0] - at_s) < MATCH_S else None


def _third_arrival_s(shot: Happening, place: City) -> float:
    away = sorted(math.dist(shot.place_m, ear.place_m) for ear in place.ears)
    return shot.times_s[0] + away[2] / SPEED_M_S


def quantiles(values: list[float]) -> dict[str, float]:
    """p50, p90, p99 and the largest, seconds."""
    told = {"p50": 50, "p90": 90, "p99": 99, "max": 100}
    return {name: round(float(np.percentile(values, share)), 3) for name, share in told.items()}


def report(
    found: list[Delay], shots: int, sensors: int, seconds: float, *, model: str, cpu_s: float, scheduling: str
) -> None:
    """The table, and the same as JSON."""
    measures = {
        "after the last arrival it rests on": quantiles([one.last_s for one in found]),
        "after the third sensor's arrival": quantiles([one.third_s for one in found]),
    }
    print(f"\n{'seconds to the webhook':<38}{'p50':>8}{'p90':>8}{'p99':>8}{'max':>8}")
    for name, figures in measures.items():
        print(f"{name:<38}" + "".join(f"{value:>8.3f}" for value in figures.values()))
    print(f"{len(found)} of {shots} shots told, {sensors} sensors, {seconds:.0f} s, model {model}")
    print(f"budget: p99 {BUDGET_S} s; the service used {cpu_s:.1f} s of CPU")
    print(f"{platform.platform()}, {os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}, {scheduling} scheduling")
    last = measures["after the last arrival it rests on"]
    row = {
        "benchmark": "alert",
        "sensors": sensors,
        "shots": shots,
        "told": len(found),
        "chunk_s": CHUNK_S,
        "delay_s": last,
        "third_arrival_s": measures["after the third sensor's arrival"],
        "budget_p99_s": BUDGET_S,
        "within": last["p99"] <= BUDGET_S,
        "model": model,
        "machine": platform.platform(),
        "cpu_s": round(cpu_s, 1),
        "scheduling": scheduling,
        "load": round(os.getloadavg()[0], 1),
    }
    print(json.dumps(row))


def _real_time() -> str:
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    except (AttributeError, PermissionError) as error:
        raise SystemExit(f"real-time scheduling is not to be had: {error}. Leave --real-time out.") from error
    return "real-time"


def main() -> None:
    """Make the sound, play it, measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=300)
    parser.add_argument("--every", type=float, default=4.37, help="seconds from shot to shot")
    parser.add_argument("--side", type=int, default=10, help="sensors along each side of the city")
    parser.add_argument("--model", default="")
    parser.add_argument("--real-time", action="store_true", help="go before everything else on this machine")
    asked = parser.parse_args()
    place = city(asked.side, asked.side)
    played_scenario = scenario(asked.seconds, asked.every)
    simulated = SimulatedCity(played_scenario, seed=3, realtime=False, place=place)
    truth = list(simulated.truth(asked.seconds))
    print(f"making {asked.seconds} s of sound of {len(place.ears)} sensors ...", flush=True)
    played = Played(place, simulated, asked.seconds)
    desk = Desk()
    threading.Thread(target=desk.serve_forever, daemon=True).start()
    print("listening in real time ...", flush=True)
    scheduling = _real_time() if asked.real_time else "normal"
    began_s = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        store = hear(played, desk, Path(folder), asked.model, asked.seconds)
        found = delays(desk, truth, played, place, store)
        store.close()
    cpu_s = time.process_time() - began_s
    model = asked.model or "default"
    report(found, len(truth), len(place.ears), asked.seconds, model=model, cpu_s=cpu_s, scheduling=scheduling)


if __name__ == "__main__":
    main()
