"""Workers that share a city: the same rows as one machine, whoever hears whatever, killed or not."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from dhishoom.detectors.energy import EnergyDetector
from dhishoom.seams import AUDIO_TOPIC, DEAD_TOPIC, DETECTIONS_TOPIC
from dhishoom.service.worker import CityWorker
from dhishoom.stores.memory import MemoryStore
from tests.service.city import City

from .city_workers import Codec, alone, by_id, city, publish, turn_until

pytest.importorskip("confluent_kafka")
pytestmark = [pytest.mark.parts, pytest.mark.xdist_group("city")]


class Street:
    """A broker's topics for one test, made empty, and whatever was opened on them."""

    def __init__(self, broker: Any, name: str) -> None:
        from dhishoom.buses.kafka_link import KafkaLink

        self.broker, self.group = broker, name
        self.link = KafkaLink(servers=broker.servers, partitions=4, message_bytes_max=1 << 20, topic_prefix=f"{name}.")
        self.store = MemoryStore()
        self.opened: list[Any] = []

    def bus(self, **changes: Any) -> Any:
        """A member of the group."""
        from dhishoom.buses.kafka import KafkaBus

        self.opened.append(KafkaBus(self.link, group=self.group, session_ms=1000, **changes))
        return self.opened[-1]

    def worker(self, source: City, *, keep: Any = "shots", bus: Any = None) -> Any:
        """One that stores where the others do."""
        bus = bus or self.bus()
        made = CityWorker(source.site(), EnergyDetector(), self.store, bus, Codec(), keep=keep)
        made.bus = bus  # type: ignore[attr-defined]
        return made

    def read(self, topic: str) -> list[Any]:
        """All that a topic holds."""
        from dhishoom.buses.kafka_reader import KafkaReader

        reader = KafkaReader(self.link, topic, "earliest")
        came: list[Any] = []
        while not reader.is_at_end():
            came += reader.poll(messages_max=500, wait_s=0.5)
        reader.close()
        return came

    def stored(self) -> dict[str, Any]:
        """Rows by id."""
        return by_id(self.store.detections(limit=10_000))


@pytest.fixture
def street(kafka: Any, fresh: str) -> Iterator[Street]:
    """Topics of its own."""
    made = Street(kafka, fresh)
    yield made
    for bus in made.opened:
        bus.abandon()


def test_workers_store_what_one_machine_stores(street: Street) -> None:
    """To the last digit of every id, time and score, and with the same clips."""
    source, expected = city(), alone(city())
    sender = street.bus()
    publish(sender, AUDIO_TOPIC, source.chunks())

    turn_until([street.worker(source), street.worker(source)], lambda: len(street.stored()) >= len(expected))

    assert street.stored() == expected
    told = [one for one in street.read(DETECTIONS_TOPIC) if one.headers["ce_type"] == "dhishoom.detection.v1"]
    assert {one.headers["ce_id"] for one in told} == set(expected)


@pytest.mark.parametrize("chunk_s", [0.5, 10.0])
def test_a_worker_that_dies_anywhere_is_replaced_without_loss(street: Street, chunk_s: float) -> None:
    """Killed after every few messages, without a goodbye; border shots are found once, by whoever hears them last."""
    source = city(seconds=20.0 if chunk_s > 5 else 14.5, chunk_s=chunk_s)
    expected = alone(source)
    count = publish(street.bus(), AUDIO_TOPIC, source.chunks())
    for life in itertools.count(3):
        worker = street.worker(source)
        heard = 0
        for _ in range(200):
            heard += worker.turn(4, 0.05)
            if heard >= max(2, life) or len(street.stored()) == len(expected):
                break
        worker.bus.abandon()
        if len(street.stored()) == len(expected) or life > count:
            break

    assert street.stored() == expected


def test_a_rebalance_under_load_loses_and_doubles_nothing(street: Street) -> None:
    """Workers come and go while messages are in flight."""
    source, expected = city(), alone(city())
    sender, workers = street.bus(), [street.worker(source)]
    for at, chunk in enumerate(source.chunks()):
        publish(sender, AUDIO_TOPIC, [chunk])
        if at % 20 == 10:
            workers.append(street.worker(source))
        if at % 20 == 19 and len(workers) > 1:
            workers.pop(0).bus.close()
        for worker in workers:
            worker.turn(5, 0.01)
    turn_until(workers, lambda: len(street.stored()) >= len(expected))

    assert street.stored() == expected


def test_poison_in_every_batch_goes_to_the_dead_letters_and_the_stream_goes_on(street: Street) -> None:
    """Pickles, nonsense, a truncated file and sound of the future, each with its reason and where it was."""
    source, expected = city(), alone(city())
    sender, future = street.bus(), next(city().chunks())
    poison = [
        b"\x80\x04pickled",
        b"no sound",
        b"fLaC\x00\x00",
        b"",
    ]
    messages = 0
    for at, chunk in enumerate(source.chunks()):
        publish(sender, AUDIO_TOPIC, [chunk])
        sender.publish(AUDIO_TOPIC, chunk.sensor_id, poison[at % 4], {})
        messages += 1
    publish(sender, AUDIO_TOPIC, [replace(future, start_ns=time.time_ns() + 10**13)])

    worker = street.worker(source)
    turn_until([worker], lambda: len(street.stored()) >= len(expected) and worker.bus.lag(AUDIO_TOPIC) == 0)

    assert street.stored() == expected
    worker.bus.flush()
    dead = street.read(DEAD_TOPIC)
    assert len(dead) == messages + 1 == worker.health.counts["dead_letters"]
    reasons = " ".join({one.headers["dhishoom_reason"] for one in dead})
    assert "numpy.save" in reasons
    assert "in the future" in reasons
    assert {one.headers["dhishoom_place"].rpartition("/")[0].rpartition("/")[0] for one in dead} == {AUDIO_TOPIC}


def test_messages_that_come_twice_or_overtake_each_other_change_nothing(street: Street) -> None:
    """Every message twice, and neighbours of a sensor swapped."""
    source, expected = city(), alone(city())
    chunks = {name: source.chunks_of(name) for name in source.sensors}
    shuffled = []
    for at in range(0, 15, 2):
        for name in source.sensors:
            pair = chunks[name][at : at + 2]
            shuffled += pair if at == 0 else pair[::-1]
            shuffled += pair[:1]
    publish(street.bus(), AUDIO_TOPIC, shuffled)

    turn_until([street.worker(source)], lambda: len(street.stored()) >= len(expected))

    assert street.stored() == expected


def test_a_replay_of_the_topic_gives_the_same_rows(street: Street) -> None:
    """Another group reads it all again into the same store: nothing new."""
    source, expected = city(), alone(city())
    publish(street.bus(), AUDIO_TOPIC, source.chunks())
    turn_until([street.worker(source)], lambda: len(street.stored()) >= len(expected))
    before = street.stored()

    street.group += "-again"
    again = street.worker(source)
    turn_until([again], lambda: again.bus.lag(AUDIO_TOPIC) == 0)

    assert street.stored() == before == expected
