"""The live stream as server-sent events (WHATWG HTML, section 9.2), resumable from any event the hub still holds."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Header, Query, Response
from starlette.responses import StreamingResponse

from dhishoom.core.timestamps import to_rfc3339
from dhishoom.messages import Json, encode_json
from dhishoom.web.live import Live
from dhishoom.web.resources import Served

router = APIRouter(tags=["live"])

HEARTBEAT_S = 15.0
RETRY_MS = 2000
DESCRIPTION = """Kinds: `strips` (loudness of every sensor, each second), `detection` (rejections included), `incident`
(new or revised), `sensors` (changed states), `notice` (gaps, clock steps, lag). The first event, `hello`, tells the
server's time and, as `resumed`, whether nothing was lost since `since`; if not, read the lists again. A comment and a
`heartbeat` event with the server's time come every 15 s of quiet."""
Since = Annotated[
    int | None,
    Query(
        ge=-10_000,
        description="Number of the last event seen; a negative number asks for that many of the latest. "
        "Default: new ones alone.",
    ),
]


@router.get("/events", summary="The live stream", description=DESCRIPTION, response_class=StreamingResponse)
async def get_events(
    served: Served,
    since: Since = None,
    last_event_id: Annotated[str | None, Header(max_length=20)] = None,
) -> Response:
    """Stream from where the listener left off; Last-Event-ID goes before `since`."""
    asked = int(last_event_id) if last_event_id and last_event_id.isdecimal() else since
    return StreamingResponse(
        events(served.live, asked),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def events(live: Live, asked: int | None, heartbeat_s: float = HEARTBEAT_S) -> AsyncIterator[str]:
    """Server-sent events after number `asked`, without end; see `Since` for what a negative number or None means."""
    after, resumed = _where_to_begin(live, asked)
    yield f"retry: {RETRY_MS}\n\n"
    yield _event("hello", encode_json({**_now(), "resumed": resumed}))
    while True:
        for event in live.since(after):
            after = event.event_id
            yield _event(event.kind, event.body, after)
        if not await live.wait(after, heartbeat_s):
            yield ": still here\n\n" + _event("heartbeat", encode_json(_now()))


def _where_to_begin(live: Live, asked: int | None) -> tuple[int, bool]:
    """Number after which to send, and whether the listener misses nothing."""
    if asked is None:
        return live.last_id, False
    if asked < 0:
        return max(live.last_id + asked, 0), False
    if asked > live.last_id:  # numbers of another run of the service
        return 0, False
    held = live.since(asked)
    return asked, asked == live.last_id or bool(held and held[0].event_id == asked + 1)


def _now() -> Json:
    return {"time": to_rfc3339(time.time_ns())}


def _event(kind: str, body: bytes, event_id: int | None = None) -> str:
    number = "" if event_id is None else f"id: {event_id}\n"
    return f"{number}event: {kind}\ndata: {body.decode()}\n\n"
