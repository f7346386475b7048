"""Chunks that overtake each other on their way are heard in their order."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dhishoom.nouns import NS_PER_S, Chunk
from dhishoom.seams import Delivery
from dhishoom.service.in_order import WAIT_MAX, WAIT_S, InOrder


class Clock:
    """Stands still until it is set."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        """Now."""
        return self.now_s


def chunk(second: int, sensor: str = "s1") -> Chunk:
    """One second."""
    samples = np.zeros(1000, np.float32)
    return Chunk(sensor_id=sensor, start_ns=second * NS_PER_S, sample_rate=1000, samples=samples)


def delivery(offset: int, partition: int = 0) -> Delivery:
    """Where it was."""
    return Delivery(topic="t", key="s1", value=b"", headers={}, timestamp_ns=0, partition=partition, offset=offset)


def seconds(heard: Any) -> list[int]:
    """Which ones."""
    return [one.start_ns // NS_PER_S for _, one in heard]


@given(order=st.permutations(range(1, 7)), twice=st.lists(st.integers(1, 6), max_size=4))
def test_any_order_is_mended_and_what_comes_twice_still_comes_twice(order: list[int], twice: list[int]) -> None:
    """After the first, all come out in order; repetitions are left to the listening fold, which knows them."""
    made, came = InOrder(Clock()), []
    for offset, second in enumerate([0, *order, *twice]):
        came += seconds(made.take(delivery(offset), chunk(second)))

    assert [one for at, one in enumerate(came) if one not in came[:at]] == list(range(7))
    assert sorted(came) == sorted([0, *order, *twice])
    assert made.first_waiting(0) is None


def test_an_early_chunk_waits_and_says_where_it_is() -> None:
    """Its offset, and all after it, must not be acknowledged."""
    made = InOrder(Clock())
    list(made.take(delivery(5), chunk(0)))

    assert seconds(made.take(delivery(6, 3), chunk(2))) == []

    assert made.first_waiting(3) == 6
    assert made.first_waiting(0) is None
    assert seconds(made.take(delivery(7), chunk(1))) == [1, 2]
    assert made.first_waiting(3) is None


def test_a_gap_is_believed_after_a_while() -> None:
    """Two seconds by the machine's clock: then what comes after it is heard."""
    clock = Clock()
    made = InOrder(clock)
    list(made.take(delivery(0), chunk(0)))
    list(made.take(delivery(1), chunk(5)))
    assert seconds(made.overdue()) == []

    clock.now_s += WAIT_S

    assert seconds(made.overdue()) == [5]
    assert seconds(made.take(delivery(2), chunk(6))) == [6]


def test_no_sensor_holds_more_than_a_few() -> None:
    """A sensor that sends far ahead of a lost chunk is heard all the same."""
    made, came = InOrder(Clock()), []
    for offset, second in enumerate([0, *range(2, 20)]):
        came += seconds(made.take(delivery(offset), chunk(second)))

    assert came[0] == 0
    assert len(came) >= 19 - WAIT_MAX


def test_sound_that_another_has_heard_is_followed_on() -> None:
    """Who takes over expects what comes after it."""
    made = InOrder(Clock())
    made.expect("s1", 10 * NS_PER_S)

    assert seconds(made.take(delivery(1), chunk(11))) == []
    assert seconds(made.take(delivery(2), chunk(10))) == [10, 11]
