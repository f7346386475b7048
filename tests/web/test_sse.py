"""The live stream resumes, and says when it cannot."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from fastapi.testclient import TestClient

from dhishoom.web.sse import events
from tests.web.fake import FakeCity, FakeLive


def read(live: FakeLive, asked: int | None, count: int) -> list[dict[str, Any]]:
    """The first `count` events of a stream, after its `retry` line."""

    async def take() -> list[str]:
        stream = events(live, asked, heartbeat_s=0.02)
        return [await anext(stream) for _ in range(count + 1)][1:]

    return [parse(text) for text in asyncio.run(take())]


def parse(text: str) -> dict[str, Any]:
    """`id`, `event` and `data` of one event."""
    fields = dict(line.split(": ", 1) for line in text.strip().splitlines() if line and not line.startswith(":"))
    return {**fields, "data": json.loads(fields["data"])}


@pytest.fixture
def live() -> FakeLive:
    """A hub that holds the last four of ten events."""
    hub = FakeLive(events_max=4)
    for number in range(1, 11):
        hub.publish("incident", {"number": number})
    return hub


def numbers(told: list[dict[str, Any]]) -> list[int]:
    return [event["data"]["number"] for event in told if event["event"] == "incident"]


def test_resuming_gives_what_was_missed_once_and_in_order(live: FakeLive) -> None:
    """After number 7 come 8, 9 and 10, each with its number, and nothing was lost."""
    told = read(live, 7, 4)
    assert told[0]["data"]["resumed"] is True
    assert numbers(told) == [8, 9, 10]
    assert [event["id"] for event in told[1:]] == ["8", "9", "10"]


def test_a_gap_the_hub_cannot_fill_is_told(live: FakeLive) -> None:
    """Events after 3 are no longer all held: the listener is told to read the lists again."""
    told = read(live, 3, 5)
    assert told[0]["data"]["resumed"] is False
    assert numbers(told) == [7, 8, 9, 10]


def test_numbers_of_another_run_start_over(live: FakeLive) -> None:
    """A number the hub has not reached belongs to an earlier run of the service."""
    told = read(live, 500, 5)
    assert told[0]["data"]["resumed"] is False
    assert numbers(told) == [7, 8, 9, 10]


def test_a_negative_number_asks_for_the_latest(live: FakeLive) -> None:
    """-2 gives the last two, as a page wants when it opens."""
    assert numbers(read(live, -2, 3)) == [9, 10]
    assert numbers(read(live, -100, 5)) == [7, 8, 9, 10]


def test_without_a_number_only_new_events_come(live: FakeLive) -> None:
    """A quiet stream says hello, then that it is still there, with the server's time."""
    told = read(live, None, 2)
    assert [event["event"] for event in told] == ["hello", "heartbeat"]
    assert told[1]["data"]["time"].endswith("Z")


def test_caught_up_means_resumed(live: FakeLive) -> None:
    """A listener that has the newest event misses nothing."""
    assert read(live, 10, 1)[0]["data"]["resumed"] is True


def test_a_new_event_comes_at_once(live: FakeLive) -> None:
    """What is published while a listener waits reaches it."""

    async def listen() -> str:
        stream = events(live, None, heartbeat_s=30.0)
        await anext(stream)
        await anext(stream)
        waiting = asyncio.create_task(anext(stream))
        await asyncio.sleep(0)
        live.publish("notice", {"kind": "gap"})
        return await asyncio.wait_for(waiting, 5)

    assert parse(asyncio.run(listen()))["data"] == {"kind": "gap"}


def test_last_event_id_goes_before_since(city: FakeCity, monkeypatch: pytest.MonkeyPatch) -> None:
    """A browser that reconnects sends the header beside the old address; the header is the newer one."""
    asked: list[int | None] = []

    async def one_event(_: object, after: int | None) -> Any:
        asked.append(after)
        yield "event: hello\ndata: {}\n\n"

    monkeypatch.setattr("dhishoom.web.sse.events", one_event)
    client = TestClient(city.app(), base_url="http://127.0.0.1")
    answer = client.get("/api/v1/events?since=3", headers={"Last-Event-ID": "7"})
    client.get("/api/v1/events?since=3")
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert asked == [7, 3]
