"""RFC 3339 outside, nanoseconds inside."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhishoom.core.timestamps import from_rfc3339, to_rfc3339
from dhishoom.errors import NounError

FIRST_NS = -62_135_596_800 * 10**9
LAST_NS = 253_402_300_800 * 10**9 - 1


@given(st.integers(FIRST_NS, LAST_NS))
def test_a_time_comes_back_to_the_microsecond(time_ns):
    """Rounded down, never up: no event moves into the future."""
    assert from_rfc3339(to_rfc3339(time_ns)) == time_ns // 1000 * 1000


@given(st.integers(FIRST_NS, LAST_NS))
def test_nine_digits_are_read_exactly(time_ns):
    """As messages send them."""
    text = f"{to_rfc3339(time_ns)[:-1]}{time_ns % 1000:03d}Z"
    assert from_rfc3339(text) == time_ns


@given(
    st.datetimes(datetime(2, 1, 1), datetime(9998, 12, 31)),
    st.integers(-23 * 60, 23 * 60),
)
def test_offsets_are_those_of_the_standard_library(moment, minutes):
    """Against datetime, independently."""
    zoned = moment.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    since = zoned - datetime(1970, 1, 1, tzinfo=UTC)
    expected = (since.days * 86_400 + since.seconds) * 10**9 + since.microseconds * 1000
    assert from_rfc3339(zoned.isoformat()) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2018-12-19T00:49:26.512345Z", 1_545_180_566_512_345_000),
        ("1970-01-01T00:00:00Z", 0),
        ("1969-12-31T23:59:59.999999999Z", -1),
        ("2026-01-01t12:00:00z", 1_767_268_800_000_000_000),
        (" 2026-01-01 14:00:00.5+02:00 ", 1_767_268_800_500_000_000),
        ("2026-01-01T12:00:00.1234567899Z", 1_767_268_800_123_456_789),
    ],
)
def test_the_forms_that_others_send_are_read(text, expected):
    """Known instants."""
    assert from_rfc3339(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", "now", "2026-01-01", "2026-01-01T12:00:00", "2026-13-01T00:00:00Z", "2026-01-01T24:00:01Z",
     "2026-01-01T23:59:60Z", "1767268800", "2026-01-01T12:00:00,5Z", "2026-01-01T12:00:00+25:00"],
)  # fmt: skip
def test_what_is_no_time_is_refused_with_an_example(text):
    """One message that shows how to write it."""
    with pytest.raises(NounError, match="2018-12-19T00:49:26"):
        from_rfc3339(text)


@given(st.text(max_size=40))
def test_any_text_is_a_time_or_a_refusal(text):
    """Nothing else comes out of it."""
    with contextlib.suppress(NounError):
        assert isinstance(from_rfc3339(text), int)


@pytest.mark.parametrize("time_ns", [FIRST_NS - 1, LAST_NS + 1, 10**30, -(10**30)])
def test_a_number_in_another_unit_is_refused(time_ns):
    """A year that no calendar has."""
    with pytest.raises(NounError, match="unit"):
        to_rfc3339(time_ns)
