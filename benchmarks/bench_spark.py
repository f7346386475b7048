"""How much sound does the Spark job carry on one machine? `make bench-spark SECONDS=300`

A real Kafka broker, a real HDFS and Spark on two cores (`local[2]`), a batch every two seconds. Sensors send ten-second
clips of 320 kB at live pace, spread evenly, one clip in five with a bang. Every clip is kept on HDFS as FLAC, a row
goes to the Parquet log on HDFS, a line to audio_clips.csv, detections to SQLite and to Kafka. What counts is the time
from handing a clip to the bus (Kafka's timestamp) to the end of all that. Then twice the sensors, keeping shots alone
as is the default (HDFS on the same two cores needs as much for a whole clip as hearing it), for a tenth of the time and
a minute at least, and as long a few sensors, whose batches hold next to nothing; then sound that waits on the broker is
heard as fast as Spark can. The last line is one JSON object.
"""

# ruff: noqa: E402 (threads are counted when NumPy is first imported)

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

sys.path.insert(0, str(Path(__file__).parent.parent))
sys.path.insert(0, str(Path(__file__).parent))

import cluster_load
import numpy as np
from bench_cluster import READY_S, cpu_s, load_of, started
from cluster_load import CLIP_S, Load
from rich.console import Console
from rich.table import Table
from tools.parts.hdfs import Hdfs, install_hdfs
from tools.parts.kafka import Kafka, install_kafka
from tools.parts.running import eventually
from tools.parts.spark import install_spark, spark_jars

from dhishoom.bus_settings import BusSettings
from dhishoom.nouns import NS_PER_S
from dhishoom.settings import ModelSettings, Settings, StoreSettings
from dhishoom.spark.assembly import job_of, paths_of, places_of
from dhishoom.spark.job import ListeningJob, Told
from dhishoom.spark.plan import memory_folder
from dhishoom.spark.session import open_session
from dhishoom.spark_settings import SparkSettings
from dhishoom.stores.parquet_log import ParquetLog
from dhishoom.stores.places import open_place

PARTITIONS = 2
TAILS = f"bench-{os.getpid()}"
CLIP_MB = 0.32
TRIGGER_S = 2.0
WARM_ROUNDS = 2
"""Of ten seconds each, not counted: Java compiles what it runs often."""
SHORT_S_MIN = 60.0
FEW = 5
END_S_MAX = 120.0


@dataclass(slots=True)
class Heard:
    """What a job has told so far."""

    told: list[Told] = field(default_factory=list)

    def take(self, one: Told) -> None:
        """A batch, without its sound."""
        if one.outcomes:
            self.told.append(one)

    @property
    def clips(self) -> int:
        """Heard, the poison that warms up included."""
        return sum(len(one.outcomes) for one in self.told)


def main() -> None:
    """Measure, print, end with JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--sensors", type=int, default=300)
    parser.add_argument("--more-sensors", type=int, default=600)
    parser.add_argument("--bulk-clips", type=int, default=4000)
    parser.add_argument("--keep", default="all", choices=["all", "shots", "none"])
    parser.add_argument("--more-keep", default="shots", choices=["all", "shots", "none"])
    parser.add_argument("--model", default="")
    asked = parser.parse_args()
    for bring in (install_kafka, install_hdfs, install_spark):
        bring()
    with tempfile.TemporaryDirectory(prefix="dhishoom-bench-") as folder, parts(Path(folder)) as (kafka, hdfs, spark):
        bench = Bench(asked, kafka, hdfs, spark, Path(folder))
        live = bench.live("live", asked.sensors, asked.seconds, asked.keep)
        more = bench.live("more", asked.more_sensors, max(SHORT_S_MIN, asked.seconds / 10), asked.more_keep)
        few = bench.live("few", FEW, SHORT_S_MIN, "shots")
        bulk = bench.bulk()
    show(asked, live, more, few, bulk)
    runs = (live, more, few, bulk)
    print(
        json.dumps(
            {
                "spark_sensors": asked.sensors,
                "spark_publish_to_row_p50_s": live["p50_s"],
                "spark_publish_to_row_p95_s": live["p95_s"],
                "spark_more_sensors": asked.more_sensors,
                "spark_more_batch_p95_s": more["batch_p95_s"],
                "spark_batch_fixed_s": few["batch_p50_s"],
                "spark_bulk_x_realtime": bulk["x_realtime"],
                "spark_cpu_ms_per_clip": live["cpu_ms_per_clip"],
                "spark_bulk_cpu_ms_per_clip": bulk["cpu_ms_per_clip"],
                "broker_mb_s": bulk["broker_mb_s"],
                "messages_lost": sum(run["lost"] for run in runs),
                "rows_doubled": sum(run["doubled"] for run in runs),
            }
        )
    )


@contextlib.contextmanager
def parts(folder: Path) -> Iterator[tuple[Kafka, Hdfs, Any]]:
    """The broker, the file system and Spark."""
    kafka, hdfs = Kafka(folder / "kafka").start(), Hdfs(folder / "hdfs").start()
    session = open_session("local[2,4]", str(spark_jars()), {"spark.local.dir": str(folder / "scratch")})
    try:
        yield kafka, hdfs, session
    finally:
        session.stop()
        shutil.rmtree(memory_folder(TAILS), ignore_errors=True)
        hdfs.stop()
        kafka.stop()


class Bench:
    """One machine with its parts."""

    def __init__(self, asked: argparse.Namespace, kafka: Kafka, hdfs: Hdfs, spark: Any, folder: Path) -> None:
        self._asked, self._kafka, self._hdfs, self._spark, self._folder = asked, kafka, hdfs, spark, folder

    def live(self, name: str, sensors: int, seconds: float, keep: str) -> dict[str, Any]:
        """Sensors at live pace."""
        rounds = WARM_ROUNDS + max(1, round(seconds / CLIP_S))
        begin_ns = time.time_ns() + READY_S * NS_PER_S
        load = load_of(self._kafka, f"{name}.", sensors, rounds, True, begin_ns, self._folder / f"{name}-load")
        heard, settings = Heard(), self._settings(name, keep)
        sender = started(cluster_load.arguments(_with_partitions(load)))
        _wait_ready(sender)
        job = job_of(settings, self._spark, tell=heard.take)
        job.start()
        before_s = self._cpu_s()
        _go(sender)
        sender.wait()
        sent = json.loads(Path(load.out).read_text())
        self._wait(job, heard, sensors * rounds + 1)
        spent_s = self._cpu_s() - before_s
        job.stop()
        warm_ns = begin_ns + round((WARM_ROUNDS + 1) * CLIP_S * NS_PER_S)
        return self._judged(settings, heard, sensors * rounds, warm_ns) | {
            "cpu_ms_per_clip": round(1000 * spent_s / (sensors * rounds), 1),
            "late_s": sent["late_s"],
            "mb_s": sensors / CLIP_S * sent["bytes"] / 1e6,
            "seconds": rounds * CLIP_S,
            "cpu_share": spent_s / (rounds * CLIP_S),
        }

    def bulk(self) -> dict[str, Any]:
        """All that is there already."""
        sensors = min(self._asked.bulk_clips, 100)
        rounds = self._asked.bulk_clips // sensors
        begin_ns = time.time_ns() - round((rounds + 2) * CLIP_S * NS_PER_S)
        load = load_of(self._kafka, "bulk.", sensors, rounds, False, begin_ns, self._folder / "bulk-load")
        sender = started(cluster_load.arguments(_with_partitions(load)))
        _wait_ready(sender)
        sending_s = time.monotonic()
        _go(sender)
        sender.wait()
        sending_s = time.monotonic() - sending_s
        heard, settings = Heard(), self._settings("bulk", "shots")
        job = job_of(settings, self._spark, once=True, tell=heard.take)
        before_s, begun_s = self._cpu_s(), time.monotonic()
        job.start()
        job.wait()
        wall_s, spent_s = time.monotonic() - begun_s, self._cpu_s() - before_s
        return self._judged(settings, heard, sensors * rounds, 0) | {
            "x_realtime": round(sensors * rounds * CLIP_S / wall_s, 1),
            "cpu_ms_per_clip": round(1000 * spent_s / (sensors * rounds), 1),
            "cpu_share": spent_s / wall_s,
            "mb_s": sensors * rounds * CLIP_MB / wall_s,
            "broker_mb_s": round(sensors * rounds * CLIP_MB / sending_s, 1),
        }

    def _settings(self, name: str, keep: Any) -> Settings:
        home = f"{self._hdfs.rpc_address}/{name}"
        return Settings(
            model=ModelSettings(name=self._asked.model),
            store=StoreSettings(folder=str(self._folder / name), keep=keep),
            bus=BusSettings(
                kind="kafka",
                servers=self._kafka.servers,
                partitions=PARTITIONS,
                topic_prefix=f"{name}.",
                message_bytes_max=1 << 20,
            ),
            spark=SparkSettings(
                clips=f"{home}/clips",
                log=f"{home}/log",
                hdfs_http=f"127.0.0.1:{self._hdfs.http}",
                tails=memory_folder(TAILS),
                trigger_s=TRIGGER_S,
                messages_max=1000,
            ),
        )

    def _wait(self, job: ListeningJob, heard: Heard, count: int) -> None:
        """Until every message was heard, or none has come for long."""

        def ended() -> bool:
            return heard.clips >= count or job.wait(0.1)

        with contextlib.suppress(AssertionError):
            eventually(ended, "all is heard", within_s=END_S_MAX)

    def _judged(self, settings: Settings, heard: Heard, count: int, since_ns: int) -> dict[str, Any]:
        """Delays of the batches after warming up, and what is missing or double in the log."""
        rows = [
            (one.partition, one.offset)
            for one in ParquetLog(open_place(paths_of(settings).log, places_of(settings))).rows()
        ]
        counted = [one for one in heard.told if one.written_ns >= since_ns]
        delays = [(one.written_ns - each.taken_ns) / NS_PER_S for one in counted for each in one.outcomes]
        seconds = [one.seconds for one in counted]
        return {
            "p50_s": _quantile(delays, 0.5),
            "p95_s": _quantile(delays, 0.95),
            "batch_p50_s": _quantile(seconds, 0.5),
            "batch_p95_s": _quantile(seconds, 0.95),
            "messages": count,
            "rows": len(rows),
            "lost": count - len(set(rows)),
            "doubled": len(rows) - len(set(rows)),
        }

    def _cpu_s(self) -> float:
        """Of this driver, its Java and all that Java has started."""
        return time.process_time() + tree_cpu_s(self._spark.sparkContext._gateway.proc.pid)


def tree_cpu_s(root: int) -> float:
    """Of a process and all below it, those included that have ended and were waited for."""
    parents: dict[int, int] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parents[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
    total, waiting = 0.0, [root]
    while waiting:
        pid = waiting.pop()
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            total += cpu_s(pid) + (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")
        waiting += [child for child, parent in parents.items() if parent == pid]
    return total


def _quantile(values: list[float], share: float) -> float | None:
    return round(float(np.quantile(values, share)), 3) if values else None


def _with_partitions(load: Load) -> Load:
    return Load(**{**{name: getattr(load, name) for name in load.__dataclass_fields__}, "partitions": PARTITIONS})


def _wait_ready(sender: Any) -> None:
    if sender.stdout.readline() != "ready\n":
        raise SystemExit("the sender did not begin; see above")


def _go(sender: Any) -> None:
    sender.stdin.write("go\n")
    sender.stdin.flush()


def show(asked: argparse.Namespace, *runs: Mapping[str, Any]) -> None:
    """For people."""
    live, more, few, bulk = runs
    lost, doubled = (sum(run[key] for run in runs) for key in ("lost", "doubled"))
    table = Table(title="Spark over Kafka, clips and log on HDFS", title_justify="left")
    table.add_column("what")
    table.add_column("measured", justify="right")
    for name, value in (
        ("sensors, ten-second clips, live pace", f"{asked.sensors} for {live['seconds']:.0f} s, keep {asked.keep}"),
        ("sound on the bus", f"{live['mb_s']:.1f} MB/s, {live['messages']} messages"),
        ("publish to row, p50 / p95", f"{live['p50_s']} / {live['p95_s']} s"),
        ("a batch, p50 / p95", f"{live['batch_p50_s']} / {live['batch_p95_s']} s, every {TRIGGER_S:g} s"),
        ("CPU of Spark", f"{100 * live['cpu_share']:.0f} % of a core, {live['cpu_ms_per_clip']} ms a clip"),
        ("sender behind its pace by at most", f"{live['late_s']:.2f} s"),
        (
            f"{asked.more_sensors} sensors, keep {asked.more_keep}: a batch, p50 / p95",
            f"{more['batch_p50_s']} / {more['batch_p95_s']} s",
        ),
        (f"{asked.more_sensors} sensors: publish to row, p50 / p95", f"{more['p50_s']} / {more['p95_s']} s"),
        (f"{FEW} sensors: a batch, p50 / p95", f"{few['batch_p50_s']} / {few['batch_p95_s']} s"),
        ("bulk", f"{bulk['x_realtime']:.0f} x real time, {bulk['mb_s']:.0f} MB/s, {bulk['messages']} clips"),
        ("one broker takes, one sender", f"{bulk['broker_mb_s']:.0f} MB/s"),
        ("bulk, CPU of Spark", f"{100 * bulk['cpu_share']:.0f} % of a core, {bulk['cpu_ms_per_clip']} ms a clip"),
        (
            "messages lost / rows doubled",
            f"{lost} / {doubled}",
        ),
        ("what limits it", "the two cores" if bulk["cpu_share"] > 1.5 else "waiting: see docs/scale.md"),
        ("machine", f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"),
    ):
        table.add_row(name, value)
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
