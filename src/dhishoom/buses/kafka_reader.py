"""Reading a whole topic, every partition of it, beside all groups: to follow it, or to fold it from a known place."""

from __future__ import annotations

import contextlib
import time
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Literal

from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, Consumer, KafkaError, KafkaException, TopicPartition

from dhishoom.buses.kafka_link import (
    ANSWER_S,
    LOOK_S,
    NOBODY_ANSWERS,
    KafkaAdmin,
    KafkaLink,
    Refusals,
    delivery_of,
    explained,
)
from dhishoom.seams import Delivery

STALL_S = 2.0


class KafkaReader:
    """Commits nothing and disturbs nobody; one thread at a time.

    Args:
        start: Where to begin: at the `earliest` message, at the `latest`, or at an offset for each partition (others
            from their earliest).
    """

    def __init__(self, link: KafkaLink, topic: str, start: Literal["earliest", "latest"] | Mapping[int, int]) -> None:
        topic = link.wire(topic)
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
            known = {at: self.bounds(at)[1] for at in range(count)}
        places = [TopicPartition(topic, at, known.get(at, first)) for at in range(count)]
        self.positions = {at: known.get(at, 0) for at in range(count)}
        self._fetched, self._moved_s = dict(self.positions), time.monotonic()
        self._held: dict[int, deque[Delivery]] = {at: deque() for at in range(count)}
        self._consumer.assign(places)

    def poll(self, *, messages_max: int, wait_s: float) -> Sequence[Delivery]:
        """Up to `messages_max` messages, merged by the time at which the brokers took them.

        A message is held back while one of another partition may be older, but not for longer than `STALL_S`.
        """
        self._fetch(messages_max, wait_s)
        if any(self._held.values()) and time.monotonic() - self._moved_s > STALL_S:
            return self._release(messages_max, whatever=True)
        return self._release(messages_max, whatever=False)

    def is_at_end(self) -> bool:
        """Whether all that the topic holds now has been polled."""
        bounds = {at: self.bounds(at) for at in self.positions}
        return all(max(self.positions[at], low) >= high for at, (low, high) in bounds.items())

    def bounds(self, partition: int) -> tuple[int, int]:
        """The first offset it holds, and the one after the last; a topic that is new takes a moment to know them."""
        place, until_s = TopicPartition(self._topic, partition), time.monotonic() + ANSWER_S
        while True:
            error: KafkaException | None = None
            try:
                low, high = self._consumer.get_watermark_offsets(place, timeout=LOOK_S) or (-1, -1)
                if high >= 0:
                    return int(low), int(high)
            except KafkaException as failure:
                error = failure
            self._refusals.check()
            if time.monotonic() > until_s:
                reason = error.args[0] if error else KafkaError(KafkaError._TIMED_OUT)
                raise explained(reason, self._link, self._topic) from error

    def close(self) -> None:
        """Free what it holds."""
        with contextlib.suppress(KafkaException, RuntimeError):
            self._consumer.close()

    def _fetch(self, messages_max: int, wait_s: float) -> None:
        wait_s = 0.0 if self._may_release() else wait_s
        first = self._consumer.poll(wait_s)
        rest = self._consumer.consume(messages_max, 0.0) if first is not None else []
        self._refusals.check()
        for message in [] if first is None else [first, *rest]:
            error = message.error()
            if error is None:
                delivery = delivery_of(message, self._link)
                self._held[delivery.partition].append(delivery)
                self._fetched[delivery.partition] = delivery.offset + 1
            elif error.code() not in NOBODY_ANSWERS:
                raise explained(error, self._link, self._topic)

    def _release(self, messages_max: int, *, whatever: bool) -> list[Delivery]:
        found: list[Delivery] = []
        while len(found) < messages_max and any(self._held.values()) and (whatever or self._may_release()):
            one = min((held[0] for held in self._held.values() if held), key=lambda one: one.timestamp_ns)
            found.append(self._held[one.partition].popleft())
            self.positions[one.partition] = one.offset + 1
        if found or not any(self._held.values()):
            self._moved_s = time.monotonic()
        return found

    def _may_release(self) -> bool:
        """Whether every partition has shown its next message, or has none for now."""
        return any(self._held.values()) and all(held or self._is_drained(at) for at, held in self._held.items())

    def _is_drained(self, partition: int) -> bool:
        _, high = self._consumer.get_watermark_offsets(TopicPartition(self._topic, partition), cached=True)
        return bool(0 <= high <= self._fetched[partition])
