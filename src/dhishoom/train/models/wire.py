"""The fields of a protocol buffer, by number: https://protobuf.dev/programming-guides/encoding."""

from __future__ import annotations

from collections.abc import Iterator

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5


def varint(data: memoryview, at: int) -> tuple[int, int]:
    """A number of seven bits a byte and where the next thing begins. Raises ValueError where it does not end."""
    value, shift = 0, 0
    while shift < 70:
        if at >= len(data):
            break
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    raise ValueError("a number breaks off")


def fields(data: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """(field, value) in the order of the bytes. Raises ValueError where they are damaged."""
    at = 0
    while at < len(data):
        tag, at = varint(data, at)
        kind = tag & 7
        if kind == VARINT:
            value, at = varint(data, at)
            yield tag >> 3, value
            continue
        if kind == BYTES:
            size, at = varint(data, at)
        else:
            size = {FIXED64: 8, FIXED32: 4}.get(kind, -1)
        if size < 0 or at + size > len(data):
            raise ValueError("a field breaks off")
        yield tag >> 3, data[at : at + size]
        at += size


def numbers(data: memoryview, field: int) -> list[int]:
    """Every plain number of one field."""
    return [value for number, value in fields(data) if number == field and isinstance(value, int)]


def parts(data: memoryview, field: int) -> list[memoryview]:
    """Every message, text or block of bytes of one field."""
    return [value for number, value in fields(data) if number == field and isinstance(value, memoryview)]
