"""What workers tell at their own speed is associated in the order of its time."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from dhishoom.nouns import NS_PER_S, Heard
from dhishoom.seams import Delivery
from dhishoom.service.gate import Gate
from tests.contracts.examples import a_detection

SENSORS = ("a", "b", "c")


class Clock:
    """Stands still until it is set."""

    now_s = 50.0

    def __call__(self) -> float:
        """Now."""
        return self.now_s


def put(gate: Gate, item: Any, offset: int = 0, partition: int = 0) -> None:
    """From a place of the topic."""
    where = Delivery(
        topic="t", key=item.sensor_id, value=b"", headers={}, timestamp_ns=0, partition=partition, offset=offset
    )
    gate.take(item, where)


def heard(sensor: str, second: int) -> Heard:
    """A promise."""
    return Heard(sensor_id=sensor, until_ns=second * NS_PER_S)


def shot(sensor: str, second: float) -> Any:
    """A detection."""
    return a_detection(f"{sensor}-{second}", sensor_id=sensor, onset_ns=round(second * NS_PER_S))


def moment(item: Any) -> int:
    """Its time."""
    return int(item.until_ns if isinstance(item, Heard) else item.onset_ns)


@given(order=st.permutations([name for name in SENSORS for _ in range(6)]))
def test_any_interleaving_comes_out_in_order_of_time(order: list[str]) -> None:
    """As long as everybody goes on, and nothing is lost or doubled."""
    gate, at, came = Gate(SENSORS, 10.0, Clock()), dict.fromkeys(SENSORS, 0), []
    for name in order:
        at[name] += 1
        put(gate, shot(name, at[name] - 0.5))
        put(gate, heard(name, at[name]))
        came += list(gate.release())
    came += list(gate.release(all_of_it=True))

    assert [moment(one) for one in came] == sorted(moment(one) for one in came)
    assert len(came) == 36


def test_what_is_ahead_waits_and_says_where_it_was() -> None:
    """So that it is read again after a crash."""
    gate = Gate(("a", "b"), 10.0, Clock())
    put(gate, heard("a", 5), offset=7, partition=2)
    put(gate, heard("a", 60), offset=8, partition=2)
    assert list(gate.release()) == []
    assert gate.first_waiting() == {2: 7}

    put(gate, heard("b", 5), offset=3, partition=1)

    assert [moment(one) // NS_PER_S for one in gate.release()] == [5, 5]
    assert gate.first_waiting() == {2: 8}


def test_a_sensor_that_says_nothing_more_is_not_waited_for() -> None:
    """For longer than is allowed, by the machine's clock."""
    clock = Clock()
    gate = Gate(("a", "b"), 10.0, clock)
    put(gate, heard("b", 1))
    clock.now_s += 9.0
    put(gate, heard("a", 20))
    assert [one.sensor_id for one in gate.release()] == ["b"]

    clock.now_s += 2.0

    assert [one.sensor_id for one in gate.release()] == ["a"]
