"""Time as text and as a number: RFC 3339 with a `Z` outside, nanoseconds since 1970 UTC inside."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from dhishoom.errors import NounError
from dhishoom.nouns import NS_PER_S

_RFC3339 = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d{1,9})\d*)?([Zz]|[+-]\d\d:\d\d)")


def to_rfc3339(time_ns: int) -> str:
    """Microseconds in UTC, rounded down: `2018-12-19T00:49:26.512345Z`."""
    seconds, rest_ns = divmod(time_ns, NS_PER_S)
    try:
        moment = datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError) as error:
        raise NounError(f"{time_ns} ns is no time between the years 1 and 9999; is it in another unit?") from error
    return f"{moment.year:04d}-{moment:%m-%dT%H:%M:%S}.{rest_ns // 1000:06d}Z"


def from_rfc3339(text: str) -> int:
    """Nanoseconds since 1970 UTC, exact to the ninth digit; an offset such as +02:00 is honoured."""
    match = _RFC3339.fullmatch(text.strip())
    if match is None:
        raise NounError(f"{text!r} is not an RFC 3339 time; write it like 2018-12-19T00:49:26.512345Z.")
    date, clock, fraction, zone = match.groups()
    try:
        moment = datetime.fromisoformat(f"{date}T{clock}{'+00:00' if zone in 'Zz' else zone}")
    except ValueError as error:
        raise NounError(f"{text!r} is not a time: {error}. Write it like 2018-12-19T00:49:26.512345Z.") from error
    return int(moment.timestamp()) * NS_PER_S + int((fraction or "").ljust(9, "0"))
