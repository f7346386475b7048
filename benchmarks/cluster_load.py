"""The sound of a city for bench_cluster: clips made beforehand, one in five with a bang, sent at live pace or at once.

Run as a process of its own, so that what it costs is counted apart.
"""

from __future__ import annotations

import io
import json
import sys
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from dhishoom.buses.kafka import KafkaBus
from dhishoom.buses.kafka_link import KafkaLink
from dhishoom.core.timestamps import to_rfc3339
from dhishoom.errors import BusFull
from dhishoom.nouns import NS_PER_S
from dhishoom.seams import AUDIO_TOPIC

RATE = 16_000
CLIP_S = 10.0
POOL = 50
BANG_EVERY = 5
BANG_AT_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What is sent.

    Attributes:
        rounds: Clips of each sensor.
        paced: At live pace; else as fast as the broker takes it.
        begin_ns: When the first clip began to be recorded.
        out: Where a report goes.
    """

    servers: str
    prefix: str
    partitions: int
    sensors: int
    rounds: int
    paced: bool
    begin_ns: int
    out: str


def link_of(load: Load) -> KafkaLink:
    """To the broker."""
    return KafkaLink(
        servers=load.servers, partitions=load.partitions, topic_prefix=load.prefix, message_bytes_max=1 << 20
    )


def has_bang(sensor: int, turn: int) -> bool:
    """Whether that clip has one."""
    return (sensor + turn) % POOL % BANG_EVERY == 0


def clip_start_ns(load: Load, sensor: int, turn: int) -> int:
    """Time of a clip's first sample: sensors are spread evenly over the length of a clip."""
    length_ns = round(CLIP_S * NS_PER_S)
    return load.begin_ns + turn * length_ns + sensor * length_ns // load.sensors


def pool() -> list[bytes]:
    """Clips as int16 .npy: street noise of many levels, and bangs."""
    values = []
    for number in range(POOL):
        chance = np.random.default_rng(number)
        sound = 10 ** chance.uniform(-3.5, -2.0) * chance.standard_normal(round(CLIP_S * RATE))
        if number % BANG_EVERY == 0:
            seconds = np.arange(round(0.4 * RATE)) / RATE
            first = round(BANG_AT_S * RATE)
            sound[first : first + len(seconds)] += 0.4 * chance.standard_normal(len(seconds)) * np.exp(-seconds / 0.03)
        body = io.BytesIO()
        np.save(body, (np.clip(sound, -1, 1) * 32767).astype(np.int16))
        values.append(body.getvalue())
    return values


def send(load: Load) -> dict[str, object]:
    """Everything; when each clip with a bang was handed to the bus."""
    bus, values = KafkaBus(link_of(load), group="load", messages_max=2000), pool()
    bus.publish(AUDIO_TOPIC, "warm-up", b"not sound", {})
    bus.flush()
    print("ready", flush=True)
    told = sys.stdin.readline().strip()  # when to begin, if that is not known yet
    load = replace(load, begin_ns=int(told)) if told.isdecimal() else load
    begun_s = time.monotonic() + (load.begin_ns - time.time_ns()) / NS_PER_S
    published, late_s = {}, 0.0
    for turn in range(load.rounds):
        for sensor in range(load.sensors):
            start_ns = clip_start_ns(load, sensor, turn)
            if load.paced:
                due_s = begun_s + (start_ns - load.begin_ns) / NS_PER_S + CLIP_S - time.monotonic()
                late_s = max(late_s, -due_s)
                if due_s > 0:
                    time.sleep(due_s)
            if has_bang(sensor, turn):
                published[f"{sensor}/{turn}"] = time.time_ns()
            publish(bus, sensor, start_ns, values[(sensor + turn) % POOL])
    bus.flush(120.0)
    bus.close()
    cpu = time.process_time()
    return {"published": published, "late_s": late_s, "cpu_s": cpu, "bytes": len(values[0])}


def publish(bus: KafkaBus, sensor: int, start_ns: int, value: bytes) -> None:
    """One clip, waiting for room."""
    name = f"s{sensor:05d}"
    headers = {
        "content-type": "application/x-npy",
        "ce_specversion": "1.0",
        "ce_id": f"{name}/{start_ns}",
        "ce_source": f"/sensors/{name}",
        "ce_type": "dhishoom.audio.v1",
        "ce_time": f"{to_rfc3339(start_ns)[:-1]}{start_ns % 1000:03d}Z",
        "ce_samplerate": str(RATE),
    }
    while True:
        try:
            bus.publish(AUDIO_TOPIC, name, value, headers)
            return
        except BusFull:
            time.sleep(0.005)


def arguments(load: Load) -> list[str]:
    """Of this process."""
    return [sys.executable, __file__, json.dumps(asdict(load))]


if __name__ == "__main__":
    given = Load(**json.loads(sys.argv[1]))
    Path(given.out).write_text(json.dumps(send(given)))
