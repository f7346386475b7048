"""Live sound gets times that never go back, follow the computer's clock, and step only where samples were lost."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhishoom.nouns import NS_PER_S
from dhishoom.sources.live_clock import LiveClock

RATE, BLOCK = 8000, 2000
BLOCK_NS = NS_PER_S // 4


def starts(arrivals_ns: list[int]) -> list[int]:
    """Start of every block that arrived then."""
    clock = LiveClock()
    return [clock.start_ns(arrived, BLOCK, RATE) for arrived in arrivals_ns]


def test_jitter_of_arrivals_does_not_move_the_sound() -> None:
    """Blocks up to a tenth of a second early or late follow each other as if they had come on time."""
    late_ns = [0, 90_000_000, -80_000_000, 30_000_000, 0]
    got = starts([(index + 1) * BLOCK_NS + late for index, late in enumerate(late_ns)])

    assert [start - index * BLOCK_NS for index, start in enumerate(got)] == pytest.approx([0] * 5, abs=1_000_000)


def test_lost_sound_is_a_step_forward() -> None:
    """Two seconds without arrivals are a gap of two seconds."""
    first, second = starts([BLOCK_NS, 2 * BLOCK_NS + 2 * NS_PER_S])

    assert second - first - BLOCK_NS == 2 * NS_PER_S


def test_sound_that_a_server_had_kept_does_not_go_back() -> None:
    """Ten blocks at once after a reconnection follow each other."""
    got = starts([BLOCK_NS] * 10)

    assert got == pytest.approx([index * BLOCK_NS for index in range(10)], abs=1_000_000)


def test_a_slow_sound_card_is_followed() -> None:
    """A rate off by 1e-4 for an hour leaves the times right within 30 ms."""
    count = 4 * 3600
    arrivals = [round((index + 1) * BLOCK_NS * 1.0001) for index in range(count)]

    assert starts(arrivals)[-1] == pytest.approx(arrivals[-1] - BLOCK_NS, abs=30_000_000)


@given(st.lists(st.integers(-NS_PER_S, 10 * NS_PER_S), min_size=1, max_size=50))
def test_whatever_arrives_when_time_never_goes_back(waits_ns: list[int]) -> None:
    """Blocks overlap by a thousandth of their length at most."""
    arrivals, now_ns = [], 10**18
    for wait_ns in waits_ns:
        now_ns += wait_ns
        arrivals.append(now_ns)
    got = starts(arrivals)

    assert all(after >= before + BLOCK_NS * 999 // 1000 for before, after in itertools.pairwise(got))
