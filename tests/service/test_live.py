"""The hub of live events."""

from __future__ import annotations

import asyncio
import threading

from hypothesis import given
from hypothesis import strategies as st

from dhishoom.service.live import Live


@given(published=st.integers(0, 12), room=st.integers(1, 6), after=st.integers(-2, 14))
def test_since_gives_what_is_held_after_a_number(published: int, room: int, after: int) -> None:
    """In order, never more than the ring holds, never what was seen."""
    live = Live(room)
    for number in range(published):
        live.publish("k", {"n": number + 1})

    told = [event.event_id for event in live.since(after)]

    assert told == [n for n in range(max(1, published - room + 1), published + 1) if n > after]
    assert live.last_id == published


@given(sizes=st.lists(st.integers(0, 40), max_size=20), room=st.integers(10, 100))
def test_what_is_held_is_bounded_in_bytes(sizes: list[int], room: int) -> None:
    """The oldest go first, the newest is held whatever its size, and their numbers stay consecutive."""
    live = Live(bytes_max=room)
    for size in sizes:
        live.publish("k", {"n": "x" * size})

    held = live.since(0)

    assert len(held) <= 1 or sum(len(event.body) for event in held) <= room
    assert [event.event_id for event in held] == list(range(len(sizes) - len(held) + 1, len(sizes) + 1))
    assert [event.payload["n"] for event in held] == ["x" * size for size in sizes[len(sizes) - len(held) :]]


def test_waiting_ends_when_another_thread_publishes() -> None:
    """True at once where there is news already, True when it comes, False when it does not."""
    live = Live()

    async def look() -> tuple[bool, bool, bool]:
        nothing = await live.wait(0, 0.01)
        threading.Timer(0.02, live.publish, args=("k", {})).start()
        news = await live.wait(0, 30.0)
        return nothing, news, await live.wait(0, 30.0)

    assert asyncio.run(look()) == (False, True, True)


def test_a_listener_whose_loop_has_ended_disturbs_nobody() -> None:
    """A page that went away while waiting is forgotten."""
    live = Live()

    async def leave() -> None:
        task = asyncio.create_task(live.wait(0, 30.0))
        await asyncio.sleep(0)
        task.cancel()

    asyncio.run(leave())

    assert live.publish("k", {}) == 1
