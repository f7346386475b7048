"""Messages over Kafka: written once and kept by every replica, read by a group that shares out the partitions."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

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
from dhishoom.errors import BusAway, BusError, BusFull
from dhishoom.seams import Delivery

FLUSH_S = 30.0
SESSION_MS = 10_000
POLL_INTERVAL_MS = 600_000
FETCH_KBYTES = 65_536
IN_FLIGHT = 1
"""A partition that knows nothing of a producer takes whichever batch comes first, and calls those before it duplicates:
were two under way while it is being made, the first, refused once, would be lost and told as delivered."""
ASK_EVERY_S = 2.0
TAKEN_OVER = (KafkaError.ILLEGAL_GENERATION, KafkaError.UNKNOWN_MEMBER_ID, KafkaError.REBALANCE_IN_PROGRESS)
"""Others own the partitions by now: they read again what was not acknowledged."""
REJOINS = (KafkaError._MAX_POLL_EXCEEDED, KafkaError.COORDINATOR_NOT_AVAILABLE, KafkaError.NOT_COORDINATOR, *TAKEN_OVER)


def nobody(*_: int) -> None:
    """Tell nobody of partitions."""


class KafkaBus:
    """Idempotent, acknowledged by all replicas, keyed by sensor; one thread polls, any may publish.

    Args:
        group: Whose members share out the partitions of what they poll.
        messages_max, bytes_max: What waits for the brokers before `publish` refuses.
        session_ms: A member that is not heard of for so long has died.
        patient: Begin though no broker answers: a sensor's messages wait until one does. A refusal still raises.
    """

    def __init__(
        self,
        link: KafkaLink,
        *,
        group: str = "dhishoom",
        messages_max: int = 4096,
        bytes_max: int = 256 << 20,
        session_ms: int = SESSION_MS,
        patient: bool = False,
    ) -> None:
        self._link, self._group, self._messages_max = link, group, messages_max
        self._session_ms, self._patient = session_ms, patient
        self._refusals, self._admin = Refusals(link), KafkaAdmin(link)
        self._failures: list[BusError] = []
        self._ensured: set[str] = set()
        self._lag: dict[str, int] = {}
        self._closed, self._ask_again_s = False, 0.0
        self._consumers: dict[str, Consumer] = {}
        self._watchers: dict[str, tuple[Callable[[int, int, int], None], Callable[[int], None]]] = {}
        self._keep_from: dict[tuple[str, int], int] = {}
        self._unassigned: KafkaError | None = None
        self._producer = Producer(
            link.settings(
                **{
                    "error_cb": self._refusals,
                    "enable.idempotence": True,
                    "acks": "all",
                    "max.in.flight.requests.per.connection": IN_FLIGHT,
                    "message.timeout.ms": 0,
                    "message.max.bytes": link.message_bytes_max + 8192,
                    "queue.buffering.max.messages": messages_max,
                    "queue.buffering.max.kbytes": max(1, bytes_max >> 10),
                    "linger.ms": 5,
                    "topic.metadata.propagation.max.ms": 10_000,
                }
            )
        )
        if not patient:
            self._admin.partitions("")

    def publish(self, topic: str, key: str, value: bytes, headers: Mapping[str, str]) -> None:
        """Take a message into the queue to the brokers; BusFull where they take them too slowly, or are away."""
        self._require_open()
        topic = self._link.wire(topic)
        self._ensure(topic)
        if len(value) > self._link.message_bytes_max:
            raise BusError(
                f"A message of {len(value)} bytes for {topic} is larger than bus.message_bytes_max, "
                f"{self._link.message_bytes_max}. Send shorter chunks, or raise it with the topic's max.message.bytes."
            )
        self._producer.poll(0)
        self._raise_failures()
        if len(self._producer) >= self._messages_max:
            raise self._full(topic)
        try:
            self._producer.produce(
                topic, value, key.encode(), headers=list(headers.items()), on_delivery=self._delivered
            )
        except BufferError as error:
            raise self._full(topic) from error
        except KafkaException as error:
            raise explained(error.args[0], self._link, topic) from error

    def flush(self, wait_s: float = FLUSH_S) -> None:
        """Return once the brokers have all that was published. Raises BusError for what they do not take."""
        left = self._producer.flush(wait_s)
        self._raise_failures()
        if left:
            why = self._refusals.unreachable or "no answer"
            raise BusAway(
                f"Kafka at {self._link.servers} has not taken {left} messages within {wait_s:g} s: {why}. Is it up?"
            )

    def poll(self, topic: str, *, messages_max: int, wait_s: float) -> Sequence[Delivery]:
        """Up to `messages_max` messages of this member's partitions: waits for the first, takes what is there."""
        self._require_open()
        self._producer.poll(0)
        name, topic = topic, self._link.wire(topic)
        consumer = self._consumers.get(topic) or self._join(topic)
        try:
            first = consumer.poll(wait_s)
            rest = consumer.consume(messages_max - 1, 0.0) if first is not None and messages_max > 1 else []
        except (KafkaException, RuntimeError) as failure:
            self.leave(name)
            reason = (
                failure.args[0] if isinstance(failure, KafkaException) else KafkaError(KafkaError._STATE, str(failure))
            )
            raise explained(reason, self._link, topic) from failure
        self._refusals.check()
        if self._unassigned is not None:
            error, self._unassigned = self._unassigned, None
            self.leave(name)
            raise explained(error, self._link, topic)
        messages = [] if first is None else [first, *rest]
        return [delivery_of(one, self._link) for one in messages if self._is_sound(one, topic)]

    def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """Commit, once the brokers have what was published before. While they are away the next call does it."""
        places: dict[str, dict[int, int]] = {}
        for one in deliveries:
            partitions = places.setdefault(self._link.wire(one.topic), {})
            partitions[one.partition] = max(one.offset + 1, partitions.get(one.partition, 0))
        if places and len(self._producer):
            self.flush()
        for topic, offsets in places.items():
            self._commit(topic, offsets)

    def watch(self, topic: str, given: Callable[[int, int, int], None], taken: Callable[[int], None]) -> None:
        """Be told which partitions this member is given, and which are taken from it; both from within `poll`.

        `given` is told the partition, the first offset that is not acknowledged, and the offset from which messages
        come: as far before it as whoever read them last said with `keep_from`.
        """
        self._watchers[self._link.wire(topic)] = given, taken

    def leave(self, topic: str) -> None:
        """Give its partitions back, as they were last acknowledged; the next poll joins again."""
        consumer = self._consumers.pop(self._link.wire(topic), None)
        if consumer is not None:
            with contextlib.suppress(KafkaException, RuntimeError):
                consumer.close()

    def keep_from(self, topic: str, partition: int, offset: int) -> None:
        """Whoever takes the partition over reads from here; goes with the next acknowledgement."""
        self._keep_from[self._link.wire(topic), partition] = offset

    def lag(self, topic: str) -> int:
        """Of the whole group, and what waits here to be sent; as last known while the brokers are away.

        Raises BusError where it was never known.
        """
        unsent: int = self._producer.flush(1.0)
        topic = self._link.wire(topic)
        until_s = time.monotonic() + ANSWER_S
        while True:
            try:
                self._lag[topic] = self._admin.lag(topic, self._group)
            except BusError:  # perhaps a broker that has just begun and does not know its groups yet
                if topic not in self._lag and time.monotonic() < until_s:
                    time.sleep(LOOK_S)
                    continue
                if topic not in self._lag:
                    raise
            return self._lag[topic] + unsent

    def close(self) -> None:
        """Hand over what was published, leave the group. Raises BusError where messages are left. Safe twice."""
        if self._closed:
            return
        self._closed = True
        try:
            self.flush()
        finally:
            self._leave_all()

    def abandon(self) -> None:
        """End without a goodbye: what waits to be sent is dropped. Safe twice."""
        self._closed = True
        self._producer.purge()
        self._leave_all()

    def _leave_all(self) -> None:
        for topic in list(self._consumers):
            self.leave(topic.removeprefix(self._link.topic_prefix))

    def _ensure(self, topic: str) -> None:
        """Once for every topic; a patient bus asks again now and then while nobody answers."""
        if topic in self._ensured or (self._patient and time.monotonic() < self._ask_again_s):
            return
        try:
            self._admin.ensure(topic, within_s=LOOK_S if self._patient else ANSWER_S)
        except BusAway:
            if not self._patient:
                raise
            self._ask_again_s = time.monotonic() + ASK_EVERY_S
            return
        self._ensured.add(topic)

    def _join(self, topic: str) -> Consumer:
        self._ensure(topic)
        settings = {
            "error_cb": self._refusals,
            "group.id": self._group,
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "partition.assignment.strategy": "cooperative-sticky",
            "session.timeout.ms": self._session_ms,
            "heartbeat.interval.ms": max(100, self._session_ms // 4),
            "max.poll.interval.ms": POLL_INTERVAL_MS,
            "queued.max.messages.kbytes": FETCH_KBYTES,
            "fetch.message.max.bytes": max(1 << 20, self._link.message_bytes_max + 8192),
            "fetch.max.bytes": max(16 << 20, self._link.message_bytes_max + 8192),
        }
        consumer = Consumer(self._link.settings(**settings))
        consumer.subscribe([topic], on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._revoked)
        self._consumers[topic] = consumer
        return consumer

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """Begin where the group left off, or as far before it as whoever takes over needs to read again.

        Called from within librdkafka, where nothing may be raised: the next poll does.
        """
        if self._closed or not partitions:
            consumer.incremental_assign(partitions)
            return
        try:
            committed = consumer.committed(partitions, timeout=SESSION_MS / 1000)
            self._unassigned = next((place.error for place in committed if place.error is not None), None)
        except KafkaException as error:
            self._unassigned = error.args[0]
        starts = []
        for place in committed if self._unassigned is None else ():
            start = _start(place, again=place.topic in self._watchers)
            given, _ = self._watchers.get(place.topic, (nobody, nobody))
            given(place.partition, max(0, place.offset), max(0, start))
            starts.append(TopicPartition(place.topic, place.partition, start))
        consumer.incremental_assign(starts)

    def _revoked(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        for place in partitions:
            self._watchers.get(place.topic, (nobody, nobody))[1](place.partition)
            self._keep_from.pop((place.topic, place.partition), None)
        consumer.incremental_unassign(partitions)

    def _commit(self, topic: str, offsets: Mapping[int, int]) -> None:
        consumer = self._consumers.get(topic)
        if consumer is None:
            return
        places = [
            TopicPartition(topic, at, offset, str(self._keep_from.get((topic, at), offset)))
            for at, offset in offsets.items()
        ]
        try:
            for place in consumer.commit(offsets=places, asynchronous=False):
                if place.error is not None:
                    raise KafkaException(place.error)
        except KafkaException as error:
            if error.args[0].code() not in (*NOBODY_ANSWERS, *REJOINS):
                raise explained(error.args[0], self._link, topic) from error

    def _is_sound(self, message: Any, topic: str) -> bool:
        error = message.error()
        if error is None:
            return True
        if error.code() in (*NOBODY_ANSWERS, *REJOINS):
            return False
        raise explained(error, self._link, topic)

    def _delivered(self, error: KafkaError | None, message: Any) -> None:
        if error is not None and error.code() != KafkaError._PURGE_QUEUE:
            self._failures.append(explained(error, self._link, message.topic()))

    def _raise_failures(self) -> None:
        self._refusals.check()
        if self._failures:
            failures, self._failures = self._failures, []
            raise failures[0]

    def _require_open(self) -> None:
        if self._closed:
            raise BusError("the bus is closed and takes no more messages; open another.")

    def _full(self, topic: str) -> BusFull:
        why = f" ({self._refusals.unreachable})" if self._refusals.unreachable else ""
        return BusFull(
            f"{len(self._producer)} messages wait for Kafka at {self._link.servers}, and {topic} takes no more: the "
            f"brokers are too slow or away{why}. Give them more room or fewer sensors, or wait."
        )


def _start(place: TopicPartition, *, again: bool) -> int:
    """Where to read on; nothing committed (below 0): as `auto.offset.reset` says."""
    offset, noted = int(place.offset), str(place.metadata or "")
    return min(int(noted), offset) if again and offset > 0 and noted.isdecimal() else offset
