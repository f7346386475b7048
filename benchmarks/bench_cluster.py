"""How much sound does a city's pipeline carry on one machine? `make bench-cluster SECONDS=300`

A real Kafka broker and a real PostgreSQL on this machine. Workers: as many sensors as asked for send ten-second clips
of 320 kB at live pace, spread evenly; one clip in five holds a bang. What counts is the time from handing a clip to
the bus to the commit of its row. What one machine hears of the bangs must be there as rows, and every message must be
acknowledged. Then sound that waits on the broker is heard by one worker as fast as it can. The last line is one JSON
object.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))
sys.path.insert(0, str(Path(__file__).parent))

import cluster_load
import cluster_worker
import numpy as np
from cluster_load import CLIP_S, Load
from cluster_truth import heard_alone, is_near
from cluster_worker import Work
from rich.console import Console
from rich.table import Table
from tools.bring_test_parts import main as bring_parts
from tools.parts.kafka import Kafka
from tools.parts.postgres import Postgres

from dhishoom.nouns import NS_PER_S

PARTITIONS = 12
READY_S = 3
END_S_MAX = 120.0
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def main() -> None:
    """Measure, print, end with JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--sensors", type=int, default=500)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--bulk-clips", type=int, default=2000)
    parser.add_argument("--model", default="")
    parser.add_argument("--no-spark", action="store_true", help="Leave out the Spark job.")
    asked = parser.parse_args()
    bring_parts()
    with tempfile.TemporaryDirectory(prefix="dhishoom-bench-") as folder, parts(Path(folder)) as (kafka, postgres):
        live = live_pace(asked, kafka, postgres, Path(folder))
        bulk = in_bulk(asked, kafka, postgres, Path(folder))
    show(asked, live, bulk)
    keys = ("worker_sensors", "worker_p99_s", "worker_p50_s", "messages_lost", "rows_doubled")
    told = {**{key: live[key] for key in keys}, "worker_bulk_x_realtime": bulk["x_realtime"]}
    told["worker_cpu_ms_per_clip"] = round(bulk["cpu_ms_per_s"] * CLIP_S, 1)
    spark = {} if asked.no_spark else with_spark(asked.seconds)
    for key in ("messages_lost", "rows_doubled"):
        told[key] += spark.pop(key, 0)
    print(json.dumps({**told, **spark}))


def with_spark(seconds: float) -> dict[str, Any]:
    """What bench_spark measures, shown as it goes; its last line."""
    command = [sys.executable, str(Path(__file__).with_name("bench_spark.py")), "--seconds", str(seconds)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    last = "{}"
    for line in process.stdout:
        if line.startswith("{"):
            last = line
        else:
            print(line, end="", flush=True)
    if process.wait() != 0:
        raise SystemExit("bench_spark failed; see above")
    measured: dict[str, Any] = json.loads(last)
    return measured


@contextlib.contextmanager
def parts(folder: Path) -> Iterator[tuple[Kafka, Postgres]]:
    """The broker and the database."""
    folder.chmod(0o755)
    kafka, postgres = Kafka(folder / "kafka").start(), Postgres(folder / "postgres").start()
    try:
        yield kafka, postgres
    finally:
        postgres.stop()
        kafka.stop()


def live_pace(asked: argparse.Namespace, kafka: Kafka, postgres: Postgres, folder: Path) -> dict[str, Any]:
    """Sensors that send for as long as was asked for."""
    rounds = max(1, round(asked.seconds / CLIP_S))
    url = postgres.database("live")
    begin_ns = time.time_ns() + READY_S * NS_PER_S
    load = load_of(kafka, "live.", asked.sensors, rounds, True, begin_ns, folder / "load")
    works = [work_of(load, url, folder, number, asked, count=0) for number in range(asked.workers)]
    sender = started(cluster_load.arguments(load))
    workers = [started(cluster_worker.arguments(one)) for one in works]
    for one in (sender, *workers):
        assert one.stdout is not None
        assert one.stdout.readline() == "ready\n", "a process did not begin"
    load = replace(load, begin_ns=time.time_ns() + READY_S * NS_PER_S)
    sender.stdin.write(f"{load.begin_ns}\n")
    sender.stdin.flush()
    kafka_cpu_s, postgres_cpu_s = cpu_s(kafka.program.pid), family_cpu_s(postgres.program.pid)
    sender.wait()
    sent = json.loads(Path(load.out).read_text())
    unheard = wait_for_the_end(load)
    kafka_cpu_s, postgres_cpu_s = (
        cpu_s(kafka.program.pid) - kafka_cpu_s,
        family_cpu_s(postgres.program.pid) - postgres_cpu_s,
    )
    heard = [finished(process, one.out) for process, one in zip(workers, works, strict=True)]
    return judged(load, sent, heard, unheard, asked.model) | {
        "seconds": rounds * CLIP_S,
        "cpu": {
            "broker": kafka_cpu_s,
            "database": postgres_cpu_s,
            "sensors": sent["cpu_s"],
            "workers": sum(one["cpu_s"] for one in heard),
        },
        "late_s": sent["late_s"],
        "mb_s": asked.sensors / CLIP_S * sent["bytes"] / 1e6,
    }


def judged(
    load: Load, sent: dict[str, Any], heard: Sequence[dict[str, Any]], unheard: int, model: str
) -> dict[str, Any]:
    """Delays, and what is missing or double beside what one machine hears."""
    first_stored: dict[tuple[str, int], int] = {}
    for name, onset_ns, stored_ns in sorted((row for one in heard for row in one["stored"]), key=lambda row: row[2]):
        first_stored.setdefault((name, onset_ns), stored_ns)
    rows: Counter[str] = Counter()
    delays = []
    turns_ns = round(CLIP_S * NS_PER_S)
    for (name, onset_ns), stored_ns in first_stored.items():
        sensor = int(name[1:])
        turn = (onset_ns - cluster_load.clip_start_ns(load, sensor, 0)) // turns_ns
        key = f"{sensor}/{turn}"
        if key in sent["published"] and is_near(load, sensor, turn, onset_ns):
            rows[key] += 1
            delays.append((stored_ns - sent["published"][key]) / NS_PER_S)
    alone = heard_alone(load, sent["published"], model)
    missing = sum(max(0, count - rows[key]) for key, count in alone.items())
    return {
        "worker_sensors": load.sensors,
        "worker_p50_s": round(float(np.quantile(delays, 0.5)), 3) if delays else None,
        "worker_p99_s": round(float(np.quantile(delays, 0.99)), 3) if delays else None,
        "messages": load.sensors * load.rounds,
        "rows": len(delays),
        "messages_lost": unheard + missing,
        "rows_doubled": sum(max(0, count - alone[key]) for key, count in rows.items()),
    }


def in_bulk(asked: argparse.Namespace, kafka: Kafka, postgres: Postgres, folder: Path) -> dict[str, Any]:
    """One worker on sound that is all there already."""
    sensors = min(asked.sensors, 100)
    rounds = max(1, asked.bulk_clips // sensors)
    begin_ns = time.time_ns() - round((rounds + 2) * CLIP_S * NS_PER_S)
    load = load_of(kafka, "bulk.", sensors, rounds, False, begin_ns, folder / "bulk-load")
    sender = started(cluster_load.arguments(load))
    assert sender.stdout is not None
    sender.stdout.readline()
    sender.stdin.write("go\n")
    sender.stdin.flush()
    sender.wait()
    work = work_of(load, postgres.database("bulk"), folder, 99, asked, count=sensors * rounds + 1)
    told = finished(started(cluster_worker.arguments(work)), work.out, ask=False)
    seconds = (told["heard"] - 1) * CLIP_S
    return {
        "clips": told["heard"] - 1,
        "wall_s": told["wall_s"],
        "cpu_s": told["cpu_s"],
        "x_realtime": round(seconds / told["wall_s"], 1),
        "mb_s": (told["heard"] - 1) * 0.32 / told["wall_s"],
        "cpu_ms_per_s": 1000 * told["cpu_s"] / seconds,
    }


def load_of(kafka: Kafka, prefix: str, sensors: int, rounds: int, paced: bool, begin_ns: int, out: Path) -> Load:
    """What is sent."""
    return Load(
        servers=kafka.servers,
        prefix=prefix,
        partitions=PARTITIONS,
        sensors=sensors,
        rounds=rounds,
        paced=paced,
        begin_ns=begin_ns,
        out=str(out),
    )


def work_of(load: Load, url: str, folder: Path, number: int, asked: argparse.Namespace, *, count: int) -> Work:
    """What a worker does."""
    given = {name: getattr(load, name) for name in load.__dataclass_fields__}
    out, clips = str(folder / f"worker-{number}"), str(folder / "clips")
    return Work(
        load=given, group=f"{load.prefix}g", url=url, clips=clips, model=asked.model, threads=1, count=count, out=out
    )


def wait_for_the_end(load: Load) -> int:
    """Messages that no worker has acknowledged long after the last was sent."""
    from dhishoom.buses.kafka import KafkaBus
    from dhishoom.seams import AUDIO_TOPIC

    bus, until_s = KafkaBus(cluster_load.link_of(load), group=f"{load.prefix}g"), time.monotonic() + END_S_MAX
    while (lag := bus.lag(AUDIO_TOPIC)) and time.monotonic() < until_s:
        time.sleep(0.5)
    bus.abandon()
    return lag


def started(arguments: Sequence[str]) -> subprocess.Popen[str]:
    """A process."""
    return subprocess.Popen(arguments, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True, env=ENVIRONMENT)


def finished(process: subprocess.Popen[str], out: str, *, ask: bool = True) -> dict[str, Any]:
    """What it told at its end."""
    if ask:
        process.terminate()
    if process.wait() != 0:
        raise SystemExit("a worker failed; see above")
    told: dict[str, Any] = json.loads(Path(out).read_text())
    return told


def cpu_s(pid: int) -> float:
    """Of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def family_cpu_s(pid: int) -> float:
    """Of a process and those that it started."""
    total = 0.0
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = path.read_text().rpartition(")")[2].split()
            if int(path.parent.name) == pid or int(fields[1]) == pid:
                total += cpu_s(int(path.parent.name))
    return total


def show(asked: argparse.Namespace, live: dict[str, Any], bulk: dict[str, Any]) -> None:
    """For people."""
    table = Table(title="Workers over Kafka, rows in PostgreSQL", title_justify="left")
    table.add_column("what")
    table.add_column("measured", justify="right")
    cpu, seconds = live["cpu"], live["seconds"]
    rows = (
        (
            "sensors, ten-second clips, live pace",
            f"{live['worker_sensors']} for {seconds:.0f} s, {asked.workers} workers",
        ),
        ("sound on the bus", f"{live['mb_s']:.1f} MB/s, {live['messages']} messages"),
        ("publish to row, p50 / p99", f"{live['worker_p50_s']} / {live['worker_p99_s']} s of {live['rows']} rows"),
        ("messages lost / rows doubled", f"{live['messages_lost']} / {live['rows_doubled']}"),
        ("sender behind its pace by at most", f"{live['late_s']:.2f} s"),
        *((f"CPU of {name}", f"{100 * spent / seconds:.0f} % of a core") for name, spent in cpu.items()),
        ("workers' CPU per sensor", f"{1000 * cpu['workers'] / seconds / live['worker_sensors']:.2f} ms/s"),
        ("bulk, one worker", f"{bulk['x_realtime']:.0f} x real time, {bulk['mb_s']:.0f} MB/s, {bulk['clips']} clips"),
        ("bulk, CPU for a second of sound", f"{bulk['cpu_ms_per_s']:.2f} ms"),
        ("what limits bulk", limit_of(bulk)),
        ("machine", f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"),
    )
    for name, value in rows:
        table.add_row(name, value)
    Console(width=120).print(table)


def limit_of(bulk: dict[str, Any]) -> str:
    """Whether the worker was busy, or waited."""
    share = bulk["cpu_s"] / bulk["wall_s"]
    return (
        f"the worker's own computing, {share:.0%} of a core" if share > 0.8 else f"waiting: {share:.0%} of a core used"
    )


if __name__ == "__main__":
    main()
