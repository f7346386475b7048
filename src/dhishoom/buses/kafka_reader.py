"""Reading a whole topic, every partition of it, beside all groups: to follow it, or to fold it from a known place."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import Literal

from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, Consumer, KafkaException, TopicPartition

from dhishoom.buses.kafka_link import ANSWER_S, NOBODY_ANSWERS, KafkaAdmin, KafkaLink, Refusals, delivery_of, explained
from dhishoom.errors import BusError
from dhishoom.seams import Delivery


class KafkaReader:
    """Commits nothing and disturbs nobody; one thread at a time.

    Args:
        start: Where to begin: at the `earliest` message, at the `latest`, or at an offset for each partition (others
            from their earliest).
    """

    def __init__(self, link: KafkaLink, topic: str, start: Literal["earliest", "latest"] | Mapping[int, int]) -> None:
        self._link, self._topic, self._refusals = link, topic, Refusals(link)
        count = KafkaAdmin(link).ensure(topic)
        self._consumer = Consumer(
            link.settings(
                **{
                    "error_cb": self._refusals,
                    "group.id": "dhishoom.reader",
                    "enable.auto.commit": False,
                    "auto.offset.reset": "earliest",
                    "fetch.message.max.bytes": max(1 << 20, link.message_bytes_max + 8192),
                    "fetch.max.bytes": max(16 << 20, link.message_bytes_max + 8192),
                }
            )
        )
        first = OFFSET_END if start == "latest" else OFFSET_BEGINNING
        known = start if isinstance(start, Mapping) else {}
        if start == "latest":  # fixed now, so that what comes before the first poll is not missed
            known = {at: self._bounds(at)[1] for at in range(count)}
        places = [TopicPartition(topic, at, known.get(at, first)) for at in range(count)]
        self.positions = {at: known.get(at, 0) for at in range(count)}
        self._consumer.assign(places)

    def poll(self, *, messages_max: int, wait_s: float) -> Sequence[Delivery]:
        """Up to `messages_max` messages; waits for the first, takes what is there."""
        first = self._consumer.poll(wait_s)
        rest = self._consumer.consume(messages_max - 1, 0.0) if first is not None and messages_max > 1 else []
        self._refusals.check()
        found: list[Delivery] = []
        for message in [] if first is None else [first, *rest]:
            error = message.error()
            if error is None:
                found.append(delivery_of(message))
            elif error.code() not in NOBODY_ANSWERS:
                raise explained(error, self._link, self._topic)
        self.positions |= {one.partition: one.offset + 1 for one in found}
        return found

    def is_at_end(self) -> bool:
        """Whether all that the topic holds now has been polled."""
        return all(self.positions[at] >= self._bounds(at)[1] for at in self.positions)

    def close(self) -> None:
        """Free what it holds."""
        with contextlib.suppress(KafkaException, RuntimeError):
            self._consumer.close()

    def _bounds(self, partition: int) -> tuple[int, int]:
        try:
            low, high = self._consumer.get_watermark_offsets(TopicPartition(self._topic, partition), timeout=ANSWER_S)
        except KafkaException as error:
            raise explained(error.args[0], self._link, self._topic) from error
        if high < 0:
            raise BusError(f"Kafka at {self._link.servers} does not say how far {self._topic} goes. Is it up?")
        return int(low), int(high)
