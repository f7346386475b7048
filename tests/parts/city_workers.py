"""A city of bangs over Kafka: its sound published, workers turned by hand, rows compared with one machine's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from dhishoom.buses.audio_message import chunk_from_message, chunk_to_message
from dhishoom.detectors.energy import EnergyDetector
from dhishoom.nouns import Chunk, Detection
from dhishoom.seams import Delivery
from dhishoom.service.pipeline import Pipeline
from dhishoom.stores.memory import MemoryStore
from tests.service.city import Bang, City

TURNS_MAX = 2000
BANGS = tuple(Bang(at_s, 40.0 + 90.0 * number, 120.0) for number, at_s in enumerate((2.3, 4.98, 7.4, 9.95, 12.0)))
"""Some on the borders of seconds."""


class Codec:
    """As wiring makes it."""

    def encode(self, chunk: Chunk) -> tuple[bytes, Mapping[str, str]]:
        """As .npy."""
        return chunk_to_message(chunk)

    def decode(self, delivery: Delivery) -> Chunk:
        """Any form."""
        return chunk_from_message(delivery.key, delivery.value, delivery.headers, timestamp_ns=delivery.timestamp_ns)


def city(seconds: float = 14.5, **changes: Any) -> City:
    """Five shots, six sensors."""
    return City(BANGS, seconds=seconds, **changes)


def alone(source: City) -> dict[str, Detection]:
    """What one machine stores of it, by id."""
    store = MemoryStore()
    pipeline = Pipeline(source.site(), EnergyDetector(), store)
    for chunk in source.chunks():
        pipeline.take([chunk])
    pipeline.finish()
    return by_id(store.detections(limit=10_000))


def by_id(detections: Iterable[Detection]) -> dict[str, Detection]:
    """Each once."""
    found = list(detections)
    named = {one.detection_id: one for one in found}
    assert len(named) == len(found)
    return named


def publish(bus: Any, topic: str, chunks: Iterable[Chunk]) -> int:
    """Chunks as messages; how many."""
    count = 0
    for count, chunk in enumerate(chunks, 1):  # noqa: B007
        value, headers = chunk_to_message(chunk)
        bus.publish(topic, chunk.sensor_id, value, headers)
    bus.flush()
    return count


def turn_until(workers: Iterable[Any], holds: Any) -> None:
    """Turn workers in turn until something holds."""
    workers = list(workers)
    for _ in range(TURNS_MAX):
        for worker in workers:
            worker.turn(20, 0.02)
        if holds():
            return
    raise AssertionError("did not come true")
