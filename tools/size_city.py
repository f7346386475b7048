"""Write docs/scale.md: what 100 to 100 000 sensors need, from the figures in benchmarks/measured.json.

`make scale` writes the page; `--check` only says whether it is out of date. `--take FILE` puts the last line of what a
benchmark printed into measured.json; `--flac FOLDER` measures there what FLAC saves. Prices are those of the table in
this file: change them to yours.
"""

# ruff: noqa: E402 (it runs as a script)

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tools.queueing import batch_delay, worker_delay

MEASURED, PAGE = ROOT / "benchmarks" / "measured.json", ROOT / "docs" / "scale.md"
BEGIN, END = "<!-- written by make scale -->", "<!-- end -->"
CITIES = (100, 1_000, 10_000, 100_000)
CLIP_S, RATE, SAMPLE_BYTES = 10.0, 16_000, 2
TRIGGER_S = 2.0
LOAD = 0.6
"""Of every core and broker: the rest is for a bad hour, and for taking over when a machine dies."""
REPLICAS = 3
RETENTION_H = 6.0
KEPT_DAYS = 30.0
CORES_PER_EXECUTOR, CORES_PER_BROKER, MEMORY_PER_CORE_GB = 2, 2, 4
MONTH_S, MONTH_H = 30 * 86_400, 720.0
SHOTS_PER_SENSOR_DAY, SHOT_S = 5.0, 2.5
"""Kept of a sensor when shots alone are: real ones and mistakes."""
DATABASE_CORES_PER_10K = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """Dollars: about what a large public cloud in North America asked on demand in 2025. Put yours here."""

    core_hour: float = 0.05
    disk_gb_month: float = 0.08
    object_gb_month: float = 0.023
    object_puts_1000: float = 0.005


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """What one city needs."""

    sensors: int
    flac: bool
    bus_mb_s: float
    partitions: int
    brokers: int
    disk_tb: float
    worker_cores: int
    worker_p99_s: float
    executor_cores: int
    spark_p50_s: float
    spark_p95_s: float
    kept_shots_gb: float
    kept_all_tb: float
    month_workers: float
    month_spark: float
    month_all: float


def need_of(sensors: int, measured: Mapping[str, float], prices: Prices, *, flac: bool = False) -> Need:
    """By the models of tools/queueing.py."""
    share = measured["flac_share"] if flac else 1.0
    raw_mb_s = sensors * RATE * SAMPLE_BYTES / 1e6
    bus_mb_s = raw_mb_s * share
    decode_s = measured["flac_decode_ms"] / 1000 if flac else 0.0
    each_s = measured["worker_cpu_ms_per_clip"] / 1000 + decode_s
    worker_cores = max(2, math.ceil(sensors / CLIP_S * each_s / LOAD))
    spark_each_s = measured["spark_bulk_cpu_ms_per_clip"] / 1000 + decode_s
    executor_cores = max(2, math.ceil(sensors / CLIP_S * spark_each_s / LOAD))
    executor_cores += executor_cores % CORES_PER_EXECUTOR
    brokers = max(REPLICAS, math.ceil(bus_mb_s * REPLICAS / (measured["broker_mb_s"] * LOAD)))
    disk_tb = bus_mb_s * RETENTION_H * 3600 * REPLICAS / 1e6
    partitions = max(12, _rounded_up(2 * max(worker_cores, executor_cores)))
    spark = batch_delay(sensors / CLIP_S / executor_cores, measured["spark_batch_fixed_s"], spark_each_s, TRIGGER_S)
    kept_all_gb = raw_mb_s * measured["flac_share"] * KEPT_DAYS * 86_400 / 1000
    kept_shots_gb = kept_all_gb * SHOTS_PER_SENSOR_DAY * SHOT_S / 86_400
    database = max(2, math.ceil(sensors / 10_000 * DATABASE_CORES_PER_10K))
    shared = (
        brokers * CORES_PER_BROKER + database
    ) * MONTH_H * prices.core_hour + disk_tb * 1000 * prices.disk_gb_month
    shared += kept_shots_gb * prices.object_gb_month
    puts = sensors / CLIP_S * MONTH_S / 1000 * prices.object_puts_1000
    return Need(
        sensors=sensors,
        flac=flac,
        bus_mb_s=bus_mb_s,
        partitions=partitions,
        brokers=brokers,
        disk_tb=disk_tb,
        worker_cores=worker_cores,
        worker_p99_s=worker_delay(sensors / CLIP_S / worker_cores, each_s).p99_s,
        executor_cores=executor_cores,
        spark_p50_s=spark.p50_s,
        spark_p95_s=spark.p95_s,
        kept_shots_gb=kept_shots_gb,
        kept_all_tb=kept_all_gb / 1000,
        month_workers=shared + worker_cores * MONTH_H * prices.core_hour,
        month_spark=shared + executor_cores * MONTH_H * prices.core_hour,
        month_all=kept_all_gb * prices.object_gb_month + puts,
    )


def _rounded_up(count: int) -> int:
    """To two digits, so that it stays when the city grows a little."""
    step = 10 ** max(0, len(str(count)) - 2)
    return -(-count // step) * step


def written(measured: Mapping[str, float], prices: Prices) -> str:
    """The tables."""
    lines = ["### What was measured", "", "| figure | | by |", "|---|---|---|"]
    lines += [f"| {text} | {_number(measured[key])} | {by} |" for key, text, by in FIGURES]
    lines += ["", f"On {measured['machine']}.", ""]
    for flac in (False, True):
        needs = [need_of(sensors, measured, prices, flac=flac) for sensors in CITIES]
        lines += _table(needs, "Sensors that send FLAC" if flac else "Sensors that send plain samples (`.npy`, 16 bit)")
    lines += ["### Prices", "", "| | $ |", "|---|---|"]
    lines += [
        f"| a core with {MEMORY_PER_CORE_GB} GB of memory, an hour | {prices.core_hour:g} |",
        f"| a GB of disk for Kafka, a month | {prices.disk_gb_month:g} |",
        f"| a GB of object store, a month | {prices.object_gb_month:g} |",
        f"| a thousand objects written | {prices.object_puts_1000:g} |",
    ]
    return "\n".join(lines) + "\n"


FIGURES = (
    ("worker_cpu_ms_per_clip", "CPU of a worker for a clip of 10 s, ms", "`make bench-cluster`, in bulk"),
    ("spark_bulk_cpu_ms_per_clip", "CPU of Spark for a clip of 10 s, ms", "`make bench-spark`, in bulk"),
    ("spark_batch_fixed_s", "a batch that holds next to nothing, s", "`make bench-spark`"),
    ("broker_mb_s", "one broker takes from one sender, MB/s", "`make bench-spark`"),
    (
        "flac_share",
        "FLAC needs of 16-bit samples, as a share",
        "`tools/size_city.py --flac`, 519 recordings of street sensors",
    ),
    ("flac_decode_ms", "CPU to decode a FLAC of 10 s at 16 kHz, ms", "the same"),
)


def _table(needs: list[Need], title: str) -> Iterator[str]:
    rows = (
        ("sound on the bus, MB/s", [_number(one.bus_mb_s) for one in needs]),
        ("partitions of `dhishoom.audio`", [f"{one.partitions:,}" for one in needs]),
        (f"brokers, {REPLICAS} copies", [f"{one.brokers:,}" for one in needs]),
        (f"their disks for {RETENTION_H:g} h, TB", [_number(one.disk_tb) for one in needs]),
        ("**workers**: cores", [f"{one.worker_cores:,}" for one in needs]),
        ("workers: clip to row, 99 in 100, s", [_number(one.worker_p99_s) for one in needs]),
        (
            f"**Spark**: executors of {CORES_PER_EXECUTOR} cores",
            [f"{one.executor_cores // CORES_PER_EXECUTOR:,}" for one in needs],
        ),
        (
            "Spark: clip to row, half / 95 in 100, s",
            [f"{one.spark_p50_s:.1f} / {one.spark_p95_s:.1f}" for one in needs],
        ),
        (f"shots kept, {KEPT_DAYS:g} days, GB", [_number(one.kept_shots_gb) for one in needs]),
        (f"everything kept, {KEPT_DAYS:g} days, TB", [_number(one.kept_all_tb) for one in needs]),
        ("a month with workers, $", [_number(one.month_workers) for one in needs]),
        ("a month with Spark, $", [_number(one.month_spark) for one in needs]),
        ("more a month if everything is kept, $", [_number(one.month_all) for one in needs]),
        ("a sensor's month with workers, $", [_number(one.month_workers / one.sensors) for one in needs]),
    )
    yield f"### {title}"
    yield ""
    yield "| sensors | " + " | ".join(f"{one.sensors:,}" for one in needs) + " |"
    yield "|---|" + "---|" * len(needs)
    for name, values in rows:
        yield f"| {name} | " + " | ".join(values) + " |"
    yield ""


def _number(value: float) -> str:
    """Three digits that count."""
    if value >= 100:
        digits = max(0, len(str(int(value))) - 3)
        return f"{round(value, -digits):,.0f}"
    return f"{value:.3g}"


def flac_figures(folder: Path) -> dict[str, float]:
    """Of every FLAC file below a folder: its bytes over those of the same samples at 16 bit; what decoding costs."""
    import soundfile

    packed = plain = 0
    begun_s = time.process_time()
    for path in sorted(folder.rglob("*.flac")):
        packed += path.stat().st_size
        plain += len(soundfile.read(path, dtype="float32")[0]) * SAMPLE_BYTES
    samples, spent_s = plain / SAMPLE_BYTES, time.process_time() - begun_s
    return {
        "flac_share": round(packed / plain, 3),
        "flac_decode_ms": round(1000 * spent_s / samples * CLIP_S * RATE, 2),
    }


def take(path: Path, into: dict[str, float]) -> None:
    """The last line of a benchmark's output."""
    into.update(json.loads(path.read_text().strip().splitlines()[-1]))


def main() -> None:
    """Write, or check."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--take", type=Path, action="append", default=[])
    parser.add_argument("--flac", type=Path)
    parser.add_argument("--machine", help="Where the figures were measured.")
    asked = parser.parse_args()
    measured = json.loads(MEASURED.read_text()) if MEASURED.exists() else {}
    before = dict(measured)
    for path in asked.take:
        take(path, measured)
    if asked.flac:
        measured |= flac_figures(asked.flac)
    if asked.machine:
        measured["machine"] = asked.machine
    if measured != before:
        MEASURED.write_text(json.dumps(measured, indent=2, sort_keys=True) + "\n")
    text = PAGE.read_text(encoding="utf-8")
    head, rest = text.split(BEGIN, 1)
    page = f"{head}{BEGIN}\n\n{written(measured, Prices())}\n{END}{rest.split(END, 1)[1]}"
    if asked.check:
        if page != text:
            raise SystemExit("docs/scale.md is out of date: make scale")
        return
    PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
