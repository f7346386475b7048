"""Answering a part of a body: one byte range of RFC 9110, section 14."""

from __future__ import annotations

import re

from fastapi import Response
from starlette.exceptions import HTTPException

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


def partial_answer(body: bytes, media_type: str, range_header: str | None) -> Response:
    """The whole body, or the one range asked for; several ranges, or none understood, get the whole."""
    headers = {"Accept-Ranges": "bytes", "Cache-Control": "private, max-age=86400"}
    match = _RANGE.fullmatch(range_header.replace(" ", "")) if range_header else None
    if match is None or match.groups() == ("", ""):
        return Response(body, media_type=media_type, headers=headers)
    first, last = _bounds(match[1], match[2], len(body))
    headers["Content-Range"] = f"bytes {first}-{last}/{len(body)}"
    return Response(body[first : last + 1], status_code=206, media_type=media_type, headers=headers)


def _bounds(first: str, last: str, size: int) -> tuple[int, int]:
    """First and last byte, both included, of a range within `size` bytes."""
    if first:
        start, end = int(first), min(int(last or size - 1), size - 1)
    else:
        start, end = max(size - int(last), 0), size - 1
    if start > end:
        raise HTTPException(
            416, f"The clip has {size} bytes; bytes {first}-{last} are not in it.", {"Content-Range": f"bytes */{size}"}
        )
    return start, end
