"""What every bus promises; the memory bus is the oracle."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhishoom.buses.memory import MemoryBus
from dhishoom.errors import BusError, BusFull

TOPIC = "t"


class MemoryKind:
    """How the suite opens the memory bus and how a consumer of it crashes."""

    def open(self, messages_max: int) -> MemoryBus:
        return MemoryBus(messages_max)

    def crash_consumer(self, bus: MemoryBus) -> MemoryBus:
        bus.deliver_again(TOPIC)
        return bus


KINDS: dict[str, Any] = {"memory": MemoryKind()}


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> Any:
    """Every implementation."""
    return KINDS[request.param]


@pytest.fixture
def bus(kind: Any) -> Iterator[Any]:
    """One with room for a hundred messages."""
    made = kind.open(100)
    yield made
    made.close()


def publish(bus: Any, *values: str, key: str = "k") -> None:
    """Short messages."""
    for value in values:
        bus.publish(TOPIC, key, value.encode(), {"ce_id": value})


def polled(bus: Any, messages_max: int = 100) -> list[str]:
    """What comes now."""
    return [one.value.decode() for one in bus.poll(TOPIC, messages_max=messages_max, wait_s=0.0)]


def test_a_message_comes_as_it_was_published(bus: Any) -> None:
    """Topic, key, value and headers are kept; the bus adds its time and place."""
    bus.publish(TOPIC, "käse/1", b"\x00\xff", {"content-type": "x", "ce_id": "1"})

    (delivery,) = bus.poll(TOPIC, messages_max=5, wait_s=0.0)

    assert (delivery.topic, delivery.key, delivery.value) == (TOPIC, "käse/1", b"\x00\xff")
    assert delivery.headers == {"content-type": "x", "ce_id": "1"}
    assert delivery.timestamp_ns > 0


def test_messages_of_a_key_keep_their_order(bus: Any) -> None:
    """Offsets rise, and no poll gives more than was asked for."""
    publish(bus, "a", "b", "c", "d", "e")

    deliveries = [one for _ in range(3) for one in bus.poll(TOPIC, messages_max=2, wait_s=0.0)]

    assert [one.value for one in deliveries] == [b"a", b"b", b"c", b"d", b"e"]
    assert [one.offset for one in deliveries] == sorted({one.offset for one in deliveries})


def test_an_empty_poll_ends(bus: Any) -> None:
    """Nothing there is an empty list, not an error and not for ever."""
    assert polled(bus) == []


def test_topics_do_not_mix(bus: Any) -> None:
    """What is published on one is not polled from another."""
    publish(bus, "a")
    bus.publish("other", "k", b"b", {})

    assert polled(bus) == ["a"]
    assert bus.lag("other") == 1


def test_lag_counts_until_acknowledged(bus: Any) -> None:
    """Polling is not enough; acknowledging one acknowledges all before it."""
    publish(bus, "a", "b", "c")
    deliveries = bus.poll(TOPIC, messages_max=3, wait_s=0.0)
    assert bus.lag(TOPIC) == 3

    bus.acknowledge(deliveries[1:2])
    assert bus.lag(TOPIC) == 1

    bus.acknowledge(deliveries)
    assert bus.lag(TOPIC) == 0


def test_what_was_not_acknowledged_comes_again(bus: Any, kind: Any) -> None:
    """At least once: a consumer that dies costs a second delivery, not a message."""
    publish(bus, "a", "b", "c")
    bus.acknowledge(bus.poll(TOPIC, messages_max=1, wait_s=0.0))
    assert polled(bus) == ["b", "c"]

    again = kind.crash_consumer(bus)

    assert polled(again) == ["b", "c"]


def test_a_full_bus_refuses_and_keeps_what_it_has(kind: Any) -> None:
    """BusFull takes nothing; room comes with acknowledgements, not with polls."""
    bus = kind.open(2)
    publish(bus, "a", "b")
    with pytest.raises(BusFull, match="too slow"):
        publish(bus, "c")
    deliveries = bus.poll(TOPIC, messages_max=5, wait_s=0.0)
    with pytest.raises(BusFull):
        publish(bus, "c")

    bus.acknowledge(deliveries)
    publish(bus, "c")

    assert polled(bus) == ["c"]
    bus.close()


def test_polling_waits_for_a_message(bus: Any) -> None:
    """Who waits is woken by what another thread publishes."""
    publisher = threading.Timer(0.05, publish, args=(bus, "a"))
    publisher.start()

    deliveries = bus.poll(TOPIC, messages_max=1, wait_s=30.0)
    publisher.join()

    assert [one.value for one in deliveries] == [b"a"]


def test_closing_twice_is_no_error_and_a_closed_bus_says_so(kind: Any) -> None:
    """After the end there is a clear error."""
    bus = kind.open(5)
    bus.close()
    bus.close()

    with pytest.raises(BusError, match="closed"):
        publish(bus, "a")


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
            came.extend(bus.poll(TOPIC, messages_max=step, wait_s=0.0))
        else:
            published.append((step, number))
            bus.publish(TOPIC, step, str(number).encode(), {})
    came.extend(bus.poll(TOPIC, messages_max=1000, wait_s=0.0))

    for key in "abc":
        assert [int(one.value) for one in came if one.key == key] == [n for k, n in published if k == key]
