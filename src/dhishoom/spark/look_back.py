"""Reading back from Kafka what an executor has not heard: the last seconds of sensors whose tails are missing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from confluent_kafka import Consumer, KafkaException, TopicPartition

from dhishoom.buses.kafka_link import ANSWER_S, NOBODY_ANSWERS, KafkaLink, Refusals, delivery_of, explained
from dhishoom.errors import BusAway, BusError, NounError
from dhishoom.nouns import NS_PER_S, Chunk, ModelCard, Site
from dhishoom.seams import Delivery
from dhishoom.service.hearing import takeover_s, undecided_s
from dhishoom.spark.tails import Tail, trimmed
from dhishoom.wiring import AudioCodec

NS_PER_MS = 1_000_000
MARGIN_S = 5.0
"""More than a message takes from its sensor to the bus."""
READ_S = 30.0
SPANS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What was read back.

    Attributes:
        tails: Of the sensors that were found.
        lost: Messages from before were removed, so who was not found may have spoken.
    """

    tails: dict[str, Tail]
    lost: bool


class LookBack:
    """Reads one partition before an offset.

    Args:
        topic: As the brokers call it.
        reach_s: No further back than this.
    """

    def __init__(self, link: KafkaLink, topic: str, partition: int, reach_s: float) -> None:
        self._link, self._topic, self._partition, self._reach_s = link, topic, partition, reach_s
        self._refusals = Refusals(link)

    def find(self, first: Delivery, sensors: set[str], span_s: float, site: Site, card: ModelCard) -> Found:
        """Tails of the sensors that hold before the first message of a batch.

        Args:
            span_s: About the time between two messages of a sensor.
        """
        codec, heard = AudioCodec(site), defaultdict[str, list[tuple[Delivery, Chunk]]](list)
        consumer = Consumer(self._link.settings(**self._settings()))
        try:
            low, _ = self._bounds(consumer)
            end, near_s = first.offset, span_s + takeover_s(card) + MARGIN_S
            for back_s in (near_s, self._reach_s):
                begin = max(low, min(end, self._offset_at(consumer, first.timestamp_ns, back_s, end)))
                missing = sensors - heard.keys()
                for one in self._read(consumer, begin, end):
                    if one.key in missing and (chunk := _decoded(codec, one)) is not None:
                        heard[one.key].append((one, chunk))
                end = begin
                if sensors <= heard.keys() or begin == low:
                    break
        finally:
            consumer.close()
        return Found(tails={name: _tail(its_own, card) for name, its_own in heard.items()}, lost=low > 0 and end == low)

    def _settings(self) -> dict[str, object]:
        return {
            "error_cb": self._refusals,
            "group.id": "dhishoom.look-back",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "fetch.message.max.bytes": max(1 << 20, self._link.message_bytes_max + 8192),
        }

    def _bounds(self, consumer: Consumer) -> tuple[int, int]:
        place = TopicPartition(self._topic, self._partition)
        try:
            low, high = consumer.get_watermark_offsets(place, timeout=ANSWER_S)
        except KafkaException as error:
            raise explained(error.args[0], self._link, self._topic) from error
        return int(low), int(high)

    def _offset_at(self, consumer: Consumer, now_ns: int, back_s: float, end: int) -> int:
        at_ms = max(0, (now_ns - round(back_s * NS_PER_S)) // NS_PER_MS)
        try:
            (place,) = consumer.offsets_for_times([TopicPartition(self._topic, self._partition, at_ms)], ANSWER_S)
        except KafkaException as error:
            raise explained(error.args[0], self._link, self._topic) from error
        return int(place.offset) if place.offset >= 0 else end

    def _read(self, consumer: Consumer, begin: int, end: int) -> Iterator[Delivery]:
        """Messages from `begin` to before `end`."""
        if begin >= end:
            return
        consumer.assign([TopicPartition(self._topic, self._partition, begin)])
        at = begin
        while at < end:
            messages = consumer.consume(64, READ_S)
            self._refusals.check()
            if not messages:
                raise BusAway(f"Kafka at {self._link.servers} gave nothing of {self._topic} within {READ_S:.0f} s.")
            for message in messages:
                if message.error() is not None:
                    if message.error().code() in NOBODY_ANSWERS:
                        continue
                    raise explained(message.error(), self._link, self._topic)
                at = message.offset() + 1
                if message.offset() < end:
                    yield delivery_of(message, self._link)


def _decoded(codec: AudioCodec, delivery: Delivery) -> Chunk | None:
    try:
        return codec.decode(delivery)
    except (BusError, NounError):
        return None


def _tail(heard: Sequence[tuple[Delivery, Chunk]], card: ModelCard) -> Tail:
    """As a worker that takes over: all but the last seconds has been told."""
    ordered = sorted((chunk for _, chunk in heard), key=lambda chunk: chunk.start_ns)
    end_ns, last = max(chunk.end_ns for chunk in ordered), heard[-1][0]
    return Tail(
        told_ns=end_ns - round(undecided_s(card) * NS_PER_S),
        chunks=trimmed(tuple(ordered), end_ns - round(takeover_s(card) * NS_PER_S)),
        offset=last.offset,
        taken_ns=last.timestamp_ns,
        spans=tuple((chunk.start_ns, chunk.end_ns) for chunk in ordered[-SPANS:]),
    )
