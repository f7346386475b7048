"""What a task makes of one message, as a row of Arrow: on its way from an executor to the driver."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from dhishoom.nouns import Detection
from dhishoom.stores.logged_clip import LoggedClip

if TYPE_CHECKING:
    import pyarrow

COLUMNS = (
    "kind string, sensor_id string, start_ns long, duration_s double, gunshot boolean, score double, classes string, "
    "model string, clip string, topic string, partition int, offset long, border_lost boolean, taken_ns long, "
    "detections binary, heard_ns long, reason string, dead binary, headers string"
)
CLIP, DEAD, END = "clip", "dead", "end"
_TYPES = {
    "string": "string",
    "long": "int64",
    "double": "float64",
    "boolean": "bool_",
    "int": "int32",
    "binary": "binary",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One message, or the end of a sensor that has fallen silent.

    Attributes:
        kind: `clip`; `dead`: a message that cannot be understood, for `reason`; `end`: no message, only what was left.
        row: Its line of the log.
        detections: Told with it; those of the sound about its end come with the next message.
        heard_ns: Everything of the sensor before it has been told.
        taken_ns: When the bus took the message.
    """

    kind: str
    row: LoggedClip
    taken_ns: int = 0
    detections: tuple[Detection, ...] = ()
    heard_ns: int | None = None
    reason: str = ""
    dead: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


def to_batch(outcomes: Sequence[Outcome]) -> pyarrow.RecordBatch:
    """For Spark, with the columns of `COLUMNS`."""
    import pyarrow

    names = [column.split() for column in COLUMNS.split(", ")]
    schema = pyarrow.schema([(name, getattr(pyarrow, _TYPES[kind])()) for name, kind in names])
    return pyarrow.RecordBatch.from_pylist([_columns(one) for one in outcomes], schema=schema)


def from_table(table: Any) -> list[Outcome]:
    """The inverse."""
    return [_outcome(row) for row in table.to_pylist()]


def _columns(one: Outcome) -> dict[str, object]:
    row = one.row
    return {
        "kind": one.kind,
        "sensor_id": row.sensor_id,
        "start_ns": row.start_ns,
        "duration_s": row.duration_s,
        "gunshot": row.gunshot,
        "score": row.score,
        "classes": msgspec.json.encode(row.classes).decode(),
        "model": row.model,
        "clip": row.clip,
        "topic": row.topic,
        "partition": row.partition,
        "offset": row.offset,
        "border_lost": row.border_lost,
        "taken_ns": one.taken_ns,
        "detections": msgspec.json.encode(one.detections) if one.detections else None,
        "heard_ns": one.heard_ns,
        "reason": one.reason,
        "dead": one.dead,
        "headers": msgspec.json.encode(one.headers).decode(),
    }


def _outcome(columns: Mapping[str, Any]) -> Outcome:
    row = LoggedClip(
        sensor_id=columns["sensor_id"],
        start_ns=columns["start_ns"],
        duration_s=columns["duration_s"],
        gunshot=columns["gunshot"],
        score=columns["score"],
        classes=msgspec.json.decode(columns["classes"]),
        model=columns["model"],
        clip=columns["clip"],
        topic=columns["topic"],
        partition=columns["partition"],
        offset=columns["offset"],
        border_lost=columns["border_lost"],
    )
    told = columns["detections"]
    return Outcome(
        kind=columns["kind"],
        row=row,
        taken_ns=columns["taken_ns"],
        detections=msgspec.json.decode(told, type=tuple[Detection, ...]) if told else (),
        heard_ns=columns["heard_ns"],
        reason=columns["reason"],
        dead=columns["dead"],
        headers=msgspec.json.decode(columns["headers"]),
    )
