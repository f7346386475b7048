"""How many sensors does one machine carry? `make bench-load SECONDS_LOAD=300 SENSORS=200`

The whole live service (bus, listening, network, SQLite, association) hears a simulated city in real time. Its sound is
made beforehand and played in a loop, so that the generator is not measured; every sensor sends quarters of a second, no
two at the same instant, as real ones do. Asked: is every chunk heard, does the queue stay short, how long is it from
the last sample that a detection needs (by the simulation's clock, which is the computer's) to its row in the store, is
memory flat, where does the processor's time go. Then the same sound is played as fast as it is taken, which says how
many sensors one process carries and what limits it. The last line is one JSON object.
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
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import dhishoom.service.ears
import dhishoom.service.hearing
from dhishoom.cli.serving import Running, assemble
from dhishoom.core import association
from dhishoom.detectors.onnx import OnnxDetector
from dhishoom.nouns import NS_PER_S, Chunk, Site
from dhishoom.service.intake import Feed
from dhishoom.settings import Settings, StoreSettings
from dhishoom.simulate.city import City, city
from dhishoom.simulate.scenario import Act, Scenario
from dhishoom.simulate.source import SAMPLE_RATE, SimulatedCity
from dhishoom.stores.sql import SqlStore
from dhishoom.wiring import AudioCodec, open_store

BUDGET_S = 0.5
LOOP_S = 20
CHUNK_S = 0.25
LOOK_EVERY_S = 0.1
WARM_S = 10.0
CLIP_AFTER_NS = round(dhishoom.service.hearing.CLIP_AFTER_S * NS_PER_S)
SHOTS = Scenario(
    acts=(
        Act(kind="gunshot", at_s=2.0),
        Act(kind="gunshot", at_s=5.0, rounds=3, interval_s=0.4),
        Act(kind="firework", at_s=5.0),
    ),
    round_s=60.0,
)
"""What happens in every loop, three times a minute: more than the busiest hour of a city of this size has."""
Digits = NDArray[np.int16]


@dataclass
class Account:
    """What was measured while it ran.

    Attributes:
        cpu_s: Seconds of processor by stage.
        needed_ns: By detection, when the last sample that it needs was recorded.
        before_ns: By sensor, the same of its last row.
        waits_s: From then to its row.
        queue: Messages on the bus, looked at ten times a second.
        rss_mb: Memory of the process, by seconds since the beginning.
    """

    cpu_s: Counter[str] = field(default_factory=Counter)
    needed_ns: dict[str, int] = field(default_factory=dict)
    before_ns: Counter[str] = field(default_factory=Counter)
    waits_s: list[float] = field(default_factory=list)
    queue: list[int] = field(default_factory=list)
    rss_mb: list[tuple[float, float]] = field(default_factory=list)

    def clear(self) -> None:
        """Begin again: what ran until now was warming up."""
        for one in (self.cpu_s, self.needed_ns, self.waits_s, self.queue, self.rss_mb):
            one.clear()


class Loop:
    """The city's sound, made beforehand, again and again; no two sensors send at the same instant.

    Args:
        seconds: How long it plays.
        paced: At the pace of the clock; else as fast as it is taken.
    """

    def __init__(self, place: City, sound: dict[str, Digits], seconds: float, *, paced: bool) -> None:
        self._place, self._sound, self._seconds, self._paced = place, sound, seconds, paced
        self._closed = threading.Event()
        self.sent = 0
        self.late_s = 0.0

    def site(self) -> Site:
        """The city's."""
        return self._place.site

    def chunks(self) -> Iterator[Chunk]:
        """Every sensor's next piece as soon as its last sample has been heard."""
        length, count = round(CHUNK_S * SAMPLE_RATE), len(self._sound)
        shifts = {sensor_id: at * length // count for at, sensor_id in enumerate(self._sound)}
        start_ns = (time.time_ns() // NS_PER_S + 1) * NS_PER_S
        for turn in range(int(self._seconds / CHUNK_S)):
            for sensor_id, sound in self._sound.items():
                first = shifts[sensor_id] + turn * length
                begun_ns = start_ns + first * NS_PER_S // SAMPLE_RATE
                if self._paced:
                    self._wait(begun_ns + length * NS_PER_S // SAMPLE_RATE)
                if self._closed.is_set():
                    return
                self.sent += 1
                yield _chunk(sensor_id, begun_ns, sound, first % (len(sound) - length), length)

    def close(self) -> None:
        """End `chunks`."""
        self._closed.set()

    def _wait(self, due_ns: int) -> None:
        early_s = (due_ns - time.time_ns()) / NS_PER_S
        self.late_s = max(self.late_s, -early_s)
        if early_s > 0:
            self._closed.wait(early_s)


def _chunk(sensor_id: str, start_ns: int, sound: Digits, first: int, length: int) -> Chunk:
    samples = sound[first : first + length].astype(np.float32) / 32768
    return Chunk(sensor_id=sensor_id, start_ns=start_ns, sample_rate=SAMPLE_RATE, samples=samples)


def place_of(sensors: int) -> City:
    """A city about twice as wide as it is deep, with at least so many sensors."""
    rows = max(1, round(math.sqrt(sensors / 2)))
    return city(-(-sensors // rows), rows)


def sound_of(sensors: int) -> dict[str, Digits]:
    """A loop of every sensor, and its beginning again after its end, so that a chunk may lie across it."""
    place = place_of(sensors)
    simulated = SimulatedCity(SHOTS, seed=1, place=place, realtime=False)
    beyond = round(CHUNK_S * SAMPLE_RATE)
    loops: dict[str, Digits] = {}
    for ear in place.ears[:sensors]:
        heard = np.concatenate([simulated.second(ear, second) for second in range(LOOP_S)])
        digits = np.round(heard * 32767).astype(np.int16)
        loops[ear.sensor_id] = np.concatenate((digits, digits[:beyond]))
    return loops


def made_elsewhere(sensors: int) -> dict[str, Digits]:
    """The same, made by another process, so that this one's memory is the service's."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as maker:
        return maker.submit(sound_of, sensors).result()


def count_time(account: Account, owner: Any, name: str, stage: str) -> None:
    """Have what this function uses of its thread's processor added to a stage."""
    work: Callable[..., Any] = getattr(owner, name)

    def counted(*arguments: Any, **named: Any) -> Any:
        began_ns = time.thread_time_ns()
        try:
            return work(*arguments, **named)
        finally:
            account.cpu_s[stage] += (time.thread_time_ns() - began_ns) / NS_PER_S

    setattr(owner, name, counted)


def watch(account: Account) -> None:
    """Count every stage; note when the last sample that a row needs was recorded, and when the row is stored.

    A window needs its right context; a shot's row needs the end of its clip; a sensor's rows are stored in order.
    """
    decide, put = dhishoom.service.ears.decide, SqlStore.put_detections

    def noted(window: Any, scores: Any, card: Any) -> Any:
        found = decide(window, scores, card)
        needed_ns = window.middle_start_ns + round((card.step_s + card.right_s) * NS_PER_S)
        clips_ns = [one.onset_ns + CLIP_AFTER_NS for one in found if one.is_gunshot]
        needed_ns = max([needed_ns, *clips_ns, account.before_ns[window.sensor_id]])
        account.before_ns[window.sensor_id] = needed_ns
        account.needed_ns.update((one.detection_id, needed_ns) for one in found)
        return found

    def stored(store: SqlStore, detections: Any) -> int:
        count = put(store, detections)
        now_ns = time.time_ns()
        known = [account.needed_ns.pop(one.detection_id, None) for one in detections]
        account.waits_s += [(now_ns - needed_ns) / NS_PER_S for needed_ns in known if needed_ns is not None]
        return count

    setattr(dhishoom.service.ears, "decide", noted)  # noqa: B010 (a name that the module does not export)
    setattr(SqlStore, "put_detections", stored)  # noqa: B010
    count_time(account, AudioCodec, "encode", "put on the bus")
    count_time(account, AudioCodec, "decode", "take off the bus")
    count_time(account, dhishoom.service.hearing, "push", "cut windows")
    count_time(account, OnnxDetector, "scores", "network")
    count_time(account, dhishoom.service.ears, "decide", "decide and pick onsets")
    count_time(account, dhishoom.service.ears, "strip_of", "strips")
    count_time(account, SqlStore, "put_detections", "rows")
    count_time(account, SqlStore, "put_incidents", "rows")
    count_time(account, SqlStore, "keep_clip", "clips")
    count_time(account, association, "associate", "associate")


def rss_mb() -> float:
    """Memory of this process that is in use."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def play(account: Account, loop: Loop, folder: Path, *, warm_s: float) -> tuple[Running, float, float]:
    """Play the loop to its end: what ran, and the seconds of wall and processor after warming up."""
    settings = Settings(store=StoreSettings(folder=str(folder)))
    store = open_store(settings.store)
    feeds = [Feed(name="loop", source=loop, patient=warm_s == 0)]
    running = assemble(settings, Site(), feeds, store)
    began_s, cpu_s = time.monotonic(), time.process_time()
    running.service.start()
    warming = warm_s > 0
    while not running.service.wait(LOOK_EVERY_S):
        since_s = time.monotonic() - began_s
        if warming and since_s >= warm_s:
            account.clear()
            warming, began_s, cpu_s = False, time.monotonic(), time.process_time()
        account.queue.append(running.health.health()["lag"])
        if not account.rss_mb or since_s - account.rss_mb[-1][0] >= 1.0:
            account.rss_mb.append((since_s, rss_mb()))
    store.close()
    return running, time.monotonic() - began_s, time.process_time() - cpu_s


def split(account: Account, cpu_s: float, sensor_s: float) -> dict[str, float]:
    """Milliseconds of processor for a second of one sensor, by stage, the largest first."""
    told = {stage: 1000 * spent / sensor_s for stage, spent in account.cpu_s.most_common()}
    told["the rest of the service"] = max(0.0, 1000 * cpu_s / sensor_s - sum(told.values()))
    return {stage: round(spent, 4) for stage, spent in sorted(told.items(), key=lambda item: -item[1])}


def real_time(place: City, sound: dict[str, Digits], seconds: float, folder: Path, account: Account) -> dict[str, Any]:
    """The load itself."""
    loop = Loop(place, sound, seconds + WARM_S, paced=True)
    running, wall_s, cpu_s = play(account, loop, folder, warm_s=WARM_S)
    counts = running.health.counts
    waits = sorted(account.waits_s) or [math.nan]
    tenth = max(1, len(account.rss_mb) // 10)
    first = [mb for _, mb in account.rss_mb[:tenth]]
    last = [mb for _, mb in account.rss_mb[-tenth:]]
    return {
        "sensors": len(sound),
        "seconds": round(seconds, 1),
        "chunks_sent": loop.sent,
        "chunks_heard": counts.get("chunks_total", 0),
        "chunks_lost": counts.get("chunks_lost", 0) + loop.sent - counts.get("chunks_total", 0),
        "detections": counts.get("detections", 0),
        "latency_p50_s": round(waits[len(waits) // 2], 3),
        "latency_p99_s": round(waits[min(len(waits) - 1, int(0.99 * len(waits)))], 3),
        "latency_max_s": round(waits[-1], 3),
        "rows_timed": len(account.waits_s),
        "queue_max": max(account.queue, default=0),
        "sender_late_max_s": round(loop.late_s, 3),
        "sound_mb": round(sum(one.nbytes for one in sound.values()) / 1e6, 1),
        "rss_start_mb": round(float(np.median(first)), 1),
        "rss_end_mb": round(float(np.median(last)), 1),
        "rss_growth_mb_per_min": growth_mb_per_min(account.rss_mb),
        "cpu_cores": round(cpu_s / wall_s, 3),
        "cpu_ms_per_sensor_s": split(account, cpu_s, seconds * len(sound)),
    }


def growth_mb_per_min(rss_mb: Sequence[tuple[float, float]]) -> float:
    """Slope of the second half, when what is kept for a while is full (least squares)."""
    half = np.array(rss_mb[len(rss_mb) // 2 :])
    return round(60 * float(np.polyfit(half[:, 0], half[:, 1], 1)[0]), 2) if len(half) > 2 else math.nan


def saturated(place: City, sound: dict[str, Digits], seconds: float, folder: Path, account: Account) -> dict[str, Any]:
    """As fast as it is taken: how many sensors one process keeps up with, and where its time goes then."""
    account.clear()
    loop = Loop(place, sound, seconds, paced=False)
    running, wall_s, cpu_s = play(account, loop, folder, warm_s=0.0)
    heard_s = running.health.counts.get("chunks_total", 0) * CHUNK_S
    parts = split(account, cpu_s, heard_s)
    return {
        "sensors_per_core": int(heard_s / cpu_s),
        "sensors_per_process": int(heard_s / wall_s),
        "cores_used": round(cpu_s / wall_s, 3),
        "limited_by": next(iter(parts)),
        "cpu_ms_per_sensor_s_saturated": parts,
    }


def table(told: dict[str, Any]) -> Iterator[str]:
    """For people."""
    verdict = "within" if told["latency_p99_s"] <= BUDGET_S else "over"
    yield f"{told['sensors']} sensors for {told['seconds']:g} s in real time on {told['machine']}"
    yield f"  chunks sent / lost     {told['chunks_sent']} / {told['chunks_lost']}"
    yield f"  longest queue          {told['queue_max']} messages"
    yield f"  last needed sample to stored row, {told['rows_timed']} rows"
    yield f"    median / 99 % / max  {told['latency_p50_s']} / {told['latency_p99_s']} / {told['latency_max_s']} s"
    yield f"    budget               {BUDGET_S} s: {verdict}; up to {CHUNK_S} s of it is the chunk that must fill"
    yield f"  memory start / end     {told['rss_start_mb']} / {told['rss_end_mb']} MB"
    yield f"                         ({told['sound_mb']} MB of it are the made sound)"
    yield f"    growth, second half  {told['rss_growth_mb_per_min']} MB a minute"
    yield f"  processor              {told['cpu_cores']} cores; sender late by {told['sender_late_max_s']} s at most"
    yield "  milliseconds of processor per second of one sensor"
    yield from (f"    {stage:24}{spent:8.3f}" for stage, spent in told["cpu_ms_per_sensor_s"].items())
    yield f"As fast as it is taken: {told['sensors_per_process']} sensors a process, {told['cores_used']} cores in use;"
    yield f"  {told['sensors_per_core']} sensors a core, limited by: {told['limited_by']}"
    yield from (f"    {stage:24}{spent:8.3f}" for stage, spent in told["cpu_ms_per_sensor_s_saturated"].items())


def processor() -> str:
    """The machine's name for it, and how many of them."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        name = next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        name = platform.processor() or platform.machine()
    return f"{name}, {len(os.sched_getaffinity(0))} cores, load {os.getloadavg()[0]:.1f} before"


def go_first() -> None:
    """Ask the system to run this process, and the threads that it starts, before all others."""
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    except OSError as error:
        raise SystemExit(f"real-time scheduling is not to be had: {error}. Leave --real-time out.") from error


def main() -> None:
    """Print the table and the JSON line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=300.0, help=f"after {WARM_S:.0f} s of warming up")
    parser.add_argument("--sensors", type=int, default=200)
    parser.add_argument("--saturate", type=float, default=30.0, help="seconds of sound played as fast as it is taken")
    parser.add_argument("--real-time", action="store_true", help="go before everything else on this machine")
    asked = parser.parse_args()
    machine = processor() + (", real-time scheduling" if asked.real_time else "")
    place, sound = place_of(asked.sensors), made_elsewhere(asked.sensors)
    if asked.real_time:
        go_first()
    account = Account()
    watch(account)
    with tempfile.TemporaryDirectory(prefix="dhishoom-load-") as folder:
        told = real_time(place, sound, asked.seconds, Path(folder) / "paced", account)
        told |= saturated(place, sound, asked.saturate, Path(folder) / "fast", account)
    told["machine"] = machine
    print("\n".join(table(told)))
    print(json.dumps(told))


if __name__ == "__main__":
    main()
