"""What a Kafka bus needs to know of its brokers: where they are, who asks, how topics are made, what failures mean."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dhishoom.errors import BusAway, BusError, SettingsError
from dhishoom.seams import ASSOCIATION_TOPIC, INCIDENTS_TOPIC, Delivery

if TYPE_CHECKING:
    from collections.abc import Sequence

try:
    from confluent_kafka import (
        TIMESTAMP_NOT_AVAILABLE,
        ConsumerGroupTopicPartitions,
        KafkaError,
        KafkaException,
        TopicPartition,
    )
    from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic, OffsetSpec
except ModuleNotFoundError as error:
    raise SettingsError("Kafka needs a library that is not installed: pip install 'dhishoom[kafka]'.") from error

log = logging.getLogger("dhishoom")

ANSWER_S = 5.0
"""The longest that brokers are waited for at the start."""
LOOK_S = 0.5
LAG_S = 2.0
"""Whoever asks for the lag waits no longer."""
MESSAGE_OVERHEAD_BYTES = 4096
"""Key, headers and framing beside the sound, counted against the size that a topic takes."""
COMPACTED = (INCIDENTS_TOPIC, ASSOCIATION_TOPIC)
COMPACTED_BYTES = 16 << 20
NS_PER_MS = 1_000_000
NO_TOPIC = (KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC, KafkaError._UNKNOWN_PARTITION)
NOBODY_ANSWERS = (KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN, KafkaError._RESOLVE, KafkaError._TIMED_OUT)
DENIED = (
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.GROUP_AUTHORIZATION_FAILED,
    KafkaError.CLUSTER_AUTHORIZATION_FAILED,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaLink:
    """How to reach the brokers.

    Attributes:
        servers: `host:port`, several with commas between.
        user, password, mechanism: SASL, where there is a user: `PLAIN`, `SCRAM-SHA-256` or `SCRAM-SHA-512`.
        tls: Speak TLS; always with a user, unless the brokers are this machine.
        authority: A PEM file of who signed the brokers' certificates; empty: the system's.
        create_topics: Make a topic that is missing; else say so.
        partitions, replicas, retention_s: Of topics that are made here; incidents and dead letters have one partition.
        message_bytes_max: The largest message that is sent.
        topic_prefix: Before every topic's name, where several cities share the brokers.
    """

    servers: str
    user: str = ""
    password: str = ""
    mechanism: str = "PLAIN"
    tls: bool = False
    authority: str = ""
    create_topics: bool = True
    partitions: int = 12
    replicas: int = 1
    retention_s: float = 86_400.0
    message_bytes_max: int = 4 << 20
    topic_prefix: str = ""

    def wire(self, topic: str) -> str:
        """A topic's name on the brokers."""
        return f"{self.topic_prefix}{topic}"

    def settings(self, **more: Any) -> dict[str, Any]:
        """As librdkafka takes them; it is kept from printing, what matters comes through `error_cb`."""
        protocol = ("SASL_" if self.user else "") + ("SSL" if self.tls else "PLAINTEXT")
        made: dict[str, Any] = {
            "bootstrap.servers": self.servers,
            "security.protocol": protocol,
            "reconnect.backoff.ms": 50,
            "reconnect.backoff.max.ms": 1000,
            "log_level": 0,
        }
        if self.user:
            made |= {"sasl.mechanism": self.mechanism, "sasl.username": self.user, "sasl.password": self.password}
        if self.authority:
            made["ssl.ca.location"] = self.authority
        return made | more


class Refusals:
    """What brokers said that no waiting mends: a wrong password, a bad certificate."""

    def __init__(self, link: KafkaLink) -> None:
        self._link = link
        self._refusal: BusError | None = None
        self.unreachable = ""

    def __call__(self, error: KafkaError) -> None:
        """Called by librdkafka."""
        code = error.code()
        if error.fatal() or code in (KafkaError._AUTHENTICATION, KafkaError._SSL):
            self._refusal = explained(error, self._link)
        elif code in (KafkaError._TRANSPORT, KafkaError._RESOLVE, KafkaError._ALL_BROKERS_DOWN):
            self.unreachable = str(error.str())

    def check(self) -> None:
        """Raise what was refused since it was last asked."""
        refusal, self._refusal = self._refusal, None
        if refusal is not None:
            raise refusal


def explained(error: KafkaError, link: KafkaLink, topic: str = "") -> BusError:
    """A broker's error in words: what, why, and what mends it."""
    where, reason, code = f"Kafka at {link.servers}", str(error.str()), error.code()
    if code in NO_TOPIC:
        return no_topic(topic, link)
    if code in NOBODY_ANSWERS:
        return BusAway(f"{where} cannot be reached: {reason}. Is it up, and is bus.servers right?")
    sentences = {
        KafkaError._AUTHENTICATION: f"refuses the user {link.user!r}: {reason}. Check bus.user and bus.password.",
        KafkaError._SSL: f"cannot be trusted: {reason}. Its certificate has expired, is for another name, or was "
        "signed by somebody whom bus.authority does not name.",
        KafkaError.MSG_SIZE_TOO_LARGE: f"takes no message so large on {topic}: {reason}. Send shorter chunks.",
        **dict.fromkeys(
            DENIED, f"lets {link.user!r} not use {topic or 'it'}: {reason}. Grant the rights with kafka-acls."
        ),
    }
    return BusError(f"{where} {sentences.get(code, f'failed: {reason}. See the log of the broker.')}")


def no_topic(topic: str, link: KafkaLink) -> BusError:
    """It is not there and is not to be made."""
    return BusError(
        f"Kafka at {link.servers} has no topic {topic}. Set bus.create_topics = true, or make it: kafka-topics "
        f"--create --topic {topic} --partitions {link.partitions} --config max.message.bytes={link.message_bytes_max}."
    )


class KafkaAdmin:
    """Questions about topics and groups. Safe from several threads."""

    def __init__(self, link: KafkaLink) -> None:
        self.link, self._refusals = link, Refusals(link)
        self._client = AdminClient(link.settings(error_cb=self._refusals))

    def partitions(self, topic: str, *, within_s: float = ANSWER_S) -> int | None:
        """How many a topic has; None where there is no such topic. Raises BusError where nobody answers in time."""
        until_s = time.monotonic() + within_s
        while True:
            with contextlib.suppress(KafkaException):
                found = self._client.list_topics(timeout=LOOK_S).topics.get(topic)
                return None if found is None or found.error is not None else len(found.partitions)
            self._client.poll(0)
            self._refusals.check()
            if time.monotonic() > until_s:
                why = self._refusals.unreachable or f"no answer within {within_s:g} s"
                raise explained(KafkaError(KafkaError._TRANSPORT, why), self.link)

    def ensure(self, topic: str, *, within_s: float = ANSWER_S) -> int:
        """Make the topic where it is missing, or hold its limits against ours; return its number of partitions."""
        count = self.partitions(topic, within_s=within_s)
        if count is not None:
            self._check_size(topic)
            return count
        if not self.link.create_topics:
            raise no_topic(topic, self.link)
        with self._telling(topic):
            try:
                self._client.create_topics([self._new(topic)])[topic].result(ANSWER_S)
            except KafkaException as error:
                if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                    raise
        until_s = time.monotonic() + ANSWER_S
        while (count := self.partitions(topic)) is None:
            if time.monotonic() > until_s:
                raise no_topic(topic, self.link)
            time.sleep(0.02)
        return count

    def lag(self, topic: str, group: str) -> int:
        """Messages of a topic that a group has not acknowledged."""
        with self._telling(topic):
            places = [TopicPartition(topic, number) for number in range(self.partitions(topic, within_s=LAG_S) or 0)]
            if not places:
                return 0
            asked = ConsumerGroupTopicPartitions(group, places)
            answer = self._client.list_consumer_group_offsets([asked])[group].result(ANSWER_S)
            done = {one.partition: one.offset for one in answer.topic_partitions}
            ends, begins = self._offsets(places, OffsetSpec.latest()), self._offsets(places, OffsetSpec.earliest())
        return sum(max(0, ends[at] - max(done.get(at, -1), begins[at])) for at in ends)

    def _offsets(self, places: Sequence[TopicPartition], which: OffsetSpec) -> dict[int, int]:
        asked = self._client.list_offsets(dict.fromkeys(places, which))
        return {place.partition: future.result(ANSWER_S).offset for place, future in asked.items()}

    def _new(self, topic: str) -> NewTopic:
        shared_out = topic.endswith((".audio", ".detections"))
        limits = {"max.message.bytes": str(self.link.message_bytes_max + MESSAGE_OVERHEAD_BYTES)}
        if topic.endswith(COMPACTED):
            limits |= {"cleanup.policy": "compact", "segment.bytes": str(COMPACTED_BYTES), "segment.ms": "600000"}
        else:
            limits["retention.ms"] = str(round(self.link.retention_s * 1000))
        return NewTopic(topic, self.link.partitions if shared_out else 1, self.link.replicas, config=limits)

    def _check_size(self, topic: str) -> None:
        """Raise where a topic would refuse what we may send; one whose settings we may not read is believed."""
        asked = ConfigResource(ConfigResource.Type.TOPIC, topic)
        try:
            settings: Mapping[str, Any] = self._client.describe_configs([asked])[asked].result(ANSWER_S)
        except KafkaException as error:
            log.info("%s: %s", topic, error)
            return
        limit = int(settings["max.message.bytes"].value)
        if limit < self.link.message_bytes_max:
            raise BusError(
                f"Topic {topic} of Kafka at {self.link.servers} takes messages of at most {limit} bytes, and up to "
                f"{self.link.message_bytes_max} may be sent. Raise the topic's max.message.bytes (kafka-configs "
                f"--alter --topic {topic} --add-config max.message.bytes=...), or lower bus.message_bytes_max."
            )

    @contextlib.contextmanager
    def _telling(self, topic: str) -> Iterator[None]:
        try:
            yield
        except KafkaException as error:
            raise explained(error.args[0], self.link, topic) from error


def delivery_of(message: Any, link: KafkaLink) -> Delivery:
    """A message of librdkafka as the seam wants it; what is no text is shown as far as it is."""
    kind, timestamp_ms = message.timestamp()
    return Delivery(
        topic=message.topic().removeprefix(link.topic_prefix),
        key=(message.key() or b"").decode("utf-8", "replace"),
        value=message.value() or b"",
        headers={name: _text(value) for name, value in message.headers() or ()},
        timestamp_ns=0 if kind == TIMESTAMP_NOT_AVAILABLE else timestamp_ms * NS_PER_MS,
        partition=message.partition(),
        offset=message.offset(),
    )


def _text(value: bytes | None) -> str:
    return (value or b"").decode("utf-8", "replace")
