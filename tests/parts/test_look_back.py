"""What an executor has not heard is read back from a real broker; what is gone there is known to be gone."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("confluent_kafka")

from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from dhishoom.buses.kafka import KafkaBus
from dhishoom.buses.kafka_link import KafkaLink
from dhishoom.buses.kafka_reader import KafkaReader
from dhishoom.detectors.energy import EnergyDetector
from dhishoom.nouns import Site
from dhishoom.seams import AUDIO_TOPIC, Delivery
from dhishoom.spark.hearing import PartitionHearing
from dhishoom.spark.look_back import Found, LookBack
from dhishoom.stores.clips import clip_name

from .city_workers import alone, by_id, city, publish

pytestmark = [pytest.mark.parts, pytest.mark.xdist_group("spark")]
CUT = 31
"""Within the sensors' turns, so that some are one message ahead."""


class Street:
    """A topic of one partition that holds a city's sound."""

    def __init__(self, servers: str, prefix: str) -> None:
        self.link = KafkaLink(servers=servers, partitions=1, message_bytes_max=1 << 20, topic_prefix=f"{prefix}.")
        bus = KafkaBus(self.link)
        publish(bus, AUDIO_TOPIC, city(seconds=20.0, chunk_s=2.0).chunks())
        bus.close()
        reader = KafkaReader(self.link, AUDIO_TOPIC, "earliest")
        self.messages: list[Delivery] = []
        while not reader.is_at_end():
            self.messages += reader.poll(messages_max=500, wait_s=0.5)
        reader.close()

    def found(self, sensors: set[str], at: int = CUT) -> Found:
        """Tails of sensors before a message."""
        back = LookBack(self.link, self.link.wire(AUDIO_TOPIC), 0, 60.0)
        return back.find(self.messages[at], sensors, 2.0, Site(), EnergyDetector().card)


@pytest.fixture
def street(kafka: Any, fresh: str) -> Street:
    """One for each test."""
    return Street(kafka.servers, fresh)


def test_hearing_goes_on_as_if_it_had_always_been_there(street: Street) -> None:
    """Border shots included; what is told twice has the same id."""
    found = street.found(set(city().sensors))
    kept = lambda chunk: clip_name(chunk.sensor_id, chunk.start_ns)  # noqa: E731
    first = PartitionHearing(Site(), EnergyDetector(), "shots", kept, {})
    second = PartitionHearing(Site(), EnergyDetector(), "shots", kept, found.tails)
    outcomes = [*first.hear(street.messages[:CUT]), *second.hear(street.messages[CUT:])]
    told = {one.detection_id: one for outcome in outcomes for one in outcome.detections}

    assert not found.lost
    assert by_id(told.values()) == alone(city(seconds=20.0, chunk_s=2.0))


def test_what_retention_has_removed_is_known_to_be_lost(street: Street) -> None:
    """But nothing is lost of a sensor that was found, nor where nothing was removed."""
    assert street.found({"a stranger"}).lost is False
    place = TopicPartition(street.link.wire(AUDIO_TOPIC), 0, CUT - 6)
    admin = AdminClient(street.link.settings())
    admin.delete_records([place])[place].result(10)

    partly = street.found({"s02", "a stranger"})
    assert partly.lost
    assert set(partly.tails) == {"s02"}
    place = TopicPartition(street.link.wire(AUDIO_TOPIC), 0, CUT)
    admin.delete_records([place])[place].result(10)
    assert street.found(set(city().sensors)) == Found(tails={}, lost=True)
