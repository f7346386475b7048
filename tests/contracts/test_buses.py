"""What every bus promises; the memory bus is the oracle."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhishoom.buses.memory import MemoryBus
from dhishoom.errors import BusError, BusFull

WAIT_S = 30.0
PARTS = (pytest.mark.parts, pytest.mark.xdist_group("city"))


class MemoryKind:
    """How the suite opens the memory bus, how a consumer of it crashes, how it is full and how it gets room again."""

    def __init__(self, request: pytest.FixtureRequest) -> None:
        self.topic, self.other = "t", "other"

    def open(self, messages_max: int = 100) -> Any:
        """One with room for so many messages."""
        return MemoryBus(messages_max)

    def crash_consumer(self, bus: Any) -> Any:
        """What polls on after whoever polled has died."""
        bus.deliver_again(self.topic)
        return bus

    def stall(self) -> None:
        """From now on nothing leaves the queue of an open bus."""

    def make_room(self, bus: Any) -> None:
        """Something leaves it."""
        bus.acknowledge(bus.poll(self.topic, messages_max=1, wait_s=0.0))

    def close(self) -> None:
        """As it was before."""


class KafkaKind(MemoryKind):
    """Full when the broker does not answer."""

    def __init__(self, request: pytest.FixtureRequest) -> None:
        self._broker, self.topic = request.getfixturevalue("kafka"), request.getfixturevalue("fresh")
        self.other = f"{self.topic}.other"

    def open(self, messages_max: int = 100) -> Any:
        """In a group of its own."""
        from dhishoom.buses.kafka import KafkaBus
        from dhishoom.buses.kafka_link import KafkaLink

        bus = KafkaBus(KafkaLink(servers=self._broker.servers), group=self.topic, messages_max=messages_max)
        bus.poll(self.topic, messages_max=1, wait_s=0.0)  # makes the topic
        return bus

    def crash_consumer(self, bus: Any) -> Any:
        """Without acknowledging."""
        bus.abandon()
        return self.open()

    def stall(self) -> None:
        """The broker is there and answers nothing."""
        self._broker.program.pause()

    def make_room(self, bus: Any) -> None:
        """It answers again."""
        self.close()
        bus.flush()

    def close(self) -> None:
        """However the test ends."""
        self._broker.program.resume()


class MqttKind(MemoryKind):
    """Full when the broker does not answer; keeps what a subscriber of its name has not acknowledged."""

    def __init__(self, request: pytest.FixtureRequest) -> None:
        self._broker, self._name = request.getfixturevalue("mosquitto"), request.getfixturevalue("fresh")
        self.topic, self.other = f"dhishoom.{self._name}", f"dhishoom.{self._name}-other"

    def open(self, messages_max: int = 100) -> Any:
        """Under the same name every time."""
        from tools.parts.mosquitto import PASSWORDS

        from dhishoom.buses.mqtt import MqttBus

        return MqttBus(
            "127.0.0.1",
            self._broker.port,
            topics=(self.topic, self.other),
            name=self._name,
            user="bridge",
            password=PASSWORDS["bridge"],
            messages_max=messages_max,
        )

    def crash_consumer(self, bus: Any) -> Any:
        """Its connection breaks."""
        bus.abandon()
        return self.open()

    def stall(self) -> None:
        """The broker is there and answers nothing."""
        self._broker.program.pause()

    def make_room(self, bus: Any) -> None:
        """It answers again."""
        self.close()
        bus.flush()

    def close(self) -> None:
        """However the test ends."""
        self._broker.program.resume()


KINDS: dict[str, type[MemoryKind]] = {"memory": MemoryKind, "kafka": KafkaKind, "mqtt": MqttKind}
REAL = [pytest.param(name, marks=() if name == "memory" else PARTS) for name in KINDS]


@pytest.fixture(params=REAL)
def kind(request: pytest.FixtureRequest) -> Iterator[Any]:
    """Every implementation."""
    made = KINDS[request.param](request)
    yield made
    made.close()


@pytest.fixture
def topic(kind: Any) -> str:
    """One that nothing was published on before."""
    return str(kind.topic)


@pytest.fixture
def bus(kind: Any) -> Iterator[Any]:
    """One with room for a hundred messages."""
    made = kind.open()
    yield made
    made.close()


def publish(bus: Any, topic: str, *values: str, key: str = "k") -> None:
    """Short messages."""
    for value in values:
        bus.publish(topic, key, value.encode(), {"ce_id": value})


def take(bus: Any, topic: str, count: int, *, messages_max: int = 100) -> list[Any]:
    """So many messages, as they come."""
    came: list[Any] = []
    until_s = time.monotonic() + WAIT_S
    while len(came) < count and time.monotonic() < until_s:
        came += bus.poll(topic, messages_max=min(messages_max, count - len(came)), wait_s=1.0)
    return came


def values(deliveries: list[Any]) -> list[str]:
    """What they carry."""
    return [one.value.decode() for one in deliveries]


def becomes(ask: Callable[[], Any], answer: Any) -> bool:
    """Whether that is the answer soon."""
    until_s = time.monotonic() + WAIT_S
    while ask() != answer and time.monotonic() < until_s:
        time.sleep(0.02)
    return bool(ask() == answer)


def test_a_message_comes_as_it_was_published(bus: Any, topic: str) -> None:
    """Topic, key, value and headers are kept; the bus adds its time and place."""
    bus.publish(topic, "käse/1", b"\x00\xff", {"content-type": "x", "ce_id": "1"})

    (delivery,) = take(bus, topic, 1)

    assert (delivery.topic, delivery.key, delivery.value) == (topic, "käse/1", b"\x00\xff")
    assert delivery.headers == {"content-type": "x", "ce_id": "1"}
    assert delivery.timestamp_ns > 0


def test_messages_of_a_key_keep_their_order(bus: Any, topic: str) -> None:
    """Offsets rise, and no poll gives more than was asked for."""
    publish(bus, topic, "a", "b", "c", "d", "e")

    polls = [bus.poll(topic, messages_max=2, wait_s=WAIT_S)]
    while sum(map(len, polls)) < 5:
        polls.append(bus.poll(topic, messages_max=2, wait_s=WAIT_S))

    came = [one for poll in polls for one in poll]
    assert max(map(len, polls)) <= 2
    assert values(came) == ["a", "b", "c", "d", "e"]
    assert [one.offset for one in came] == sorted({one.offset for one in came})


def test_an_empty_poll_ends(bus: Any, topic: str) -> None:
    """Nothing there is an empty list, not an error and not for ever."""
    assert list(bus.poll(topic, messages_max=100, wait_s=0.0)) == []


def test_topics_do_not_mix(bus: Any, kind: Any) -> None:
    """What is published on one is not polled from another."""
    publish(bus, kind.topic, "a")
    bus.publish(kind.other, "k", b"b", {})

    assert values(take(bus, kind.topic, 1)) == ["a"]
    assert becomes(lambda: bus.lag(kind.other), 1)


def test_lag_counts_until_acknowledged(bus: Any, topic: str) -> None:
    """Polling is not enough; acknowledging one acknowledges all before it."""
    publish(bus, topic, "a", "b", "c")
    deliveries = take(bus, topic, 3)
    assert becomes(lambda: bus.lag(topic), 3)

    bus.acknowledge(deliveries[1:2])
    assert becomes(lambda: bus.lag(topic), 1)

    bus.acknowledge(deliveries)
    assert becomes(lambda: bus.lag(topic), 0)


def test_what_was_not_acknowledged_comes_again(bus: Any, kind: Any) -> None:
    """At least once: a consumer that dies costs a second delivery, not a message."""
    publish(bus, kind.topic, "a", "b", "c")
    bus.acknowledge(take(bus, kind.topic, 1))
    assert values(take(bus, kind.topic, 2)) == ["b", "c"]

    again = kind.crash_consumer(bus)

    assert values(take(again, kind.topic, 2)) == ["b", "c"]
    again.close()


def test_a_full_bus_refuses_and_keeps_what_it_has(kind: Any) -> None:
    """BusFull takes nothing, and no poll makes room; once there is some, all that was taken arrives."""
    bus = kind.open(2)
    kind.stall()
    publish(bus, kind.topic, "a", "b")
    with pytest.raises(BusFull, match="too slow"):
        publish(bus, kind.topic, "c")
    with pytest.raises(BusFull):
        publish(bus, kind.topic, "c")

    kind.make_room(bus)
    publish(bus, kind.topic, "c")

    kept = 2 if isinstance(bus, MemoryBus) else 3
    assert values(take(bus, kind.topic, kept)) == ["a", "b", "c"][-kept:]
    bus.close()


def test_polling_waits_for_a_message(bus: Any, topic: str) -> None:
    """Who waits is woken by what another thread publishes."""
    publisher = threading.Timer(0.05, publish, args=(bus, topic, "a"))
    publisher.start()

    deliveries = bus.poll(topic, messages_max=1, wait_s=WAIT_S)
    publisher.join()

    assert values(deliveries) == ["a"]


def test_closing_twice_is_no_error_and_a_closed_bus_says_so(kind: Any) -> None:
    """After the end there is a clear error."""
    bus = kind.open(5)
    bus.close()
    bus.close()

    with pytest.raises(BusError, match="closed"):
        publish(bus, kind.topic, "a")


@given(steps=st.lists(st.one_of(st.sampled_from("abc"), st.integers(1, 4), st.just("ack")), max_size=40))
def test_any_use_keeps_every_key_in_order_and_loses_nothing(steps: list[Any]) -> None:
    """Publish, poll and acknowledge in any order: each key's messages come once, in order."""
    bus = MemoryBus(1000)
    published: list[tuple[str, int]] = []
    came: list[Any] = []
    for number, step in enumerate(steps):
        if step == "ack":
            bus.acknowledge(came)
        elif isinstance(step, int):
            came.extend(bus.poll("t", messages_max=step, wait_s=0.0))
        else:
            published.append((step, number))
            bus.publish("t", step, str(number).encode(), {})
    came.extend(bus.poll("t", messages_max=1000, wait_s=0.0))

    for key in "abc":
        assert [int(one.value) for one in came if one.key == key] == [n for k, n in published if k == key]
