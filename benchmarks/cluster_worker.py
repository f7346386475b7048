"""One worker for bench_cluster, in a process of its own: notes when each row was stored."""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from dhishoom.buses.kafka import KafkaBus
from dhishoom.detectors.catalogue import DEFAULT, open_detector
from dhishoom.nouns import Detection, Site
from dhishoom.service.worker import CityWorker
from dhishoom.stores.sql import SqlStore
from dhishoom.wiring import AudioCodec

MESSAGES_MAX = 64
POLL_S = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What one worker does.

    Attributes:
        count: Stop after so many messages; 0: at SIGTERM.
        threads: Of the network.
    """

    load: dict[str, Any]
    group: str
    url: str
    clips: str
    model: str
    threads: int
    count: int
    out: str


class TimedStore(SqlStore):
    """Notes when each row was there."""

    def __init__(self, url: str, clips: str) -> None:
        super().__init__(url, Path(clips), free_bytes_min=0)
        self.stored: list[tuple[str, int, int]] = []

    def put_detections(self, detections: Sequence[Detection]) -> int:
        """The same, and the time."""
        new = super().put_detections(detections)
        now_ns = time.time_ns()
        self.stored += [(one.sensor_id, one.onset_ns, now_ns) for one in detections]
        return new


def work(given: Work) -> dict[str, Any]:
    """Hear until told to stop, or until all is heard."""
    from cluster_load import Load, link_of

    load = Load(**given.load)
    store = TimedStore(given.url, given.clips)
    bus = KafkaBus(link_of(load), group=given.group)
    detector = open_detector(given.model or DEFAULT, threads=given.threads)
    worker = CityWorker(Site(), detector, store, bus, AudioCodec(Site()))
    stop: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: stop.append(number))
    heard = 0
    while not worker.hears_something and not stop:
        heard += worker.turn(1, POLL_S)
    print("ready", flush=True)
    begun_s = ended_s = cpu_s = 0.0
    while not stop and not (given.count and heard >= given.count):
        came = worker.turn(MESSAGES_MAX, POLL_S)
        if came and not begun_s:
            begun_s, cpu_s = time.monotonic(), time.process_time()
        heard += came
        ended_s = time.monotonic() if came else ended_s
    cpu_s = time.process_time() - cpu_s
    bus.close()
    return {
        "stored": store.stored,
        "heard": heard,
        "wall_s": ended_s - begun_s,
        "cpu_s": cpu_s,
        "counts": dict(worker.health.counts),
    }


def arguments(given: Work) -> list[str]:
    """Of this process."""
    return [sys.executable, __file__, json.dumps(asdict(given))]


if __name__ == "__main__":
    asked = Work(**json.loads(sys.argv[1]))
    Path(asked.out).write_text(json.dumps(work(asked)))
