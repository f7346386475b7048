"""The log of clips as Parquet, for everyone who computes: `date=YYYY-MM-DD/BATCH.parquet`, typed columns."""

from __future__ import annotations

import io
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from dhishoom.core.timestamps import to_rfc3339
from dhishoom.errors import StoreError
from dhishoom.stores.logged_clip import LoggedClip

REACH = "_reach"
"""A folder that readers of Parquet pass over, as all whose names begin so."""

if TYPE_CHECKING:
    import pyarrow

    from dhishoom.stores.places import Place


def schema(stamps: Literal["ns", "us"] = "ns") -> pyarrow.Schema:
    """Its columns; `start` is UTC, to the nanosecond or, as Spark has it, to the microsecond."""
    arrow = _arrow()
    kinds = {
        "sensor_id": arrow.string(),
        "start": arrow.timestamp(stamps, tz="UTC"),
        "duration_s": arrow.float64(),
        "gunshot": arrow.bool_(),
        "score": arrow.float32(),
        "classes": arrow.map_(arrow.string(), arrow.float32()),
        "model": arrow.string(),
        "clip": arrow.string(),
        "topic": arrow.string(),
        "partition": arrow.int32(),
        "offset": arrow.int64(),
        "border_lost": arrow.bool_(),
    }
    return arrow.schema(list(kinds.items()))


def to_table(rows: Iterable[LoggedClip], stamps: Literal["ns", "us"] = "ns") -> pyarrow.Table:
    """Rows in typed columns."""
    divisor = 1000 if stamps == "us" else 1
    columns = [{**_as_columns(row), "start": row.start_ns // divisor} for row in rows]
    return _arrow().Table.from_pylist(columns, schema=schema(stamps))


def to_parquet(rows: Iterable[LoggedClip]) -> bytes:
    """Rows as one file; the same rows give the same bytes."""
    body = io.BytesIO()
    _parquet().write_table(to_table(rows), body, compression="zstd")
    return body.getvalue()


def from_parquet(body: bytes) -> list[LoggedClip]:
    """The inverse of `to_parquet`. Raises StoreError for what is no such file."""
    arrow, parquet = _arrow(), _parquet()
    try:
        table = parquet.read_table(arrow.BufferReader(body))
        starts = table.column("start").cast(arrow.int64()).to_pylist()
        rows = table.drop_columns(["start"]).to_pylist()
    except (arrow.ArrowInvalid, KeyError) as error:
        raise StoreError(
            f"a file of the Parquet log cannot be read: {error}. Remove it, and replay its time."
        ) from error
    return [
        LoggedClip(**(row | {"start_ns": at, "classes": dict(row["classes"])}))
        for row, at in zip(rows, starts, strict=True)
    ]


class ParquetLog:
    """A folder of such files, on any file system; a batch that is written again replaces itself."""

    def __init__(self, place: Place) -> None:
        self._place = place
        _parquet()

    def put(self, batch: str, rows: Sequence[LoggedClip]) -> None:
        """Write the rows of a batch, one file for each date, each whole or not at all."""
        dates: defaultdict[str, list[LoggedClip]] = defaultdict(list)
        for row in rows:
            dates[to_rfc3339(row.start_ns)[:10]].append(row)
        for date, its_own in sorted(dates.items()):
            self._place.write(f"date={date}/{batch}.parquet", to_parquet(its_own))

    def rows(self) -> Iterable[LoggedClip]:
        """Everything that is there."""
        for name in self._place.names():
            if name.endswith(".parquet"):
                yield from from_parquet(self._place.read(name))

    def put_reach(self, run: str, topic: str, reach: Mapping[int, range]) -> None:
        """Note which offsets of a topic a run has logged; a run logs all from its first to its last."""
        ends = {str(partition): [its_own.start, its_own.stop] for partition, its_own in sorted(reach.items())}
        self._place.write(f"{REACH}/{run}.json", json.dumps({"topic": topic, "partitions": ends}).encode())

    def reach(self, topic: str) -> Mapping[str, Mapping[int, range]]:
        """What each run has logged of a topic, by partition."""
        found = {}
        for name in self._place.names(REACH):
            noted = json.loads(self._place.read(name))
            if noted["topic"] == topic:
                ends = noted["partitions"].items()
                found[name.rpartition("/")[2].removesuffix(".json")] = {
                    int(at): range(*its_own) for at, its_own in ends
                }
        return found


def _as_columns(row: LoggedClip) -> dict[str, object]:
    return {
        "sensor_id": row.sensor_id,
        "start": row.start_ns,
        "duration_s": row.duration_s,
        "gunshot": row.gunshot,
        "score": row.score,
        "classes": list(row.classes.items()),
        "model": row.model,
        "clip": row.clip,
        "topic": row.topic,
        "partition": row.partition,
        "offset": row.offset,
        "border_lost": row.border_lost,
    }


def _arrow() -> Any:
    try:
        import pyarrow
    except ModuleNotFoundError as error:
        raise StoreError("the Parquet log needs a library that is not here: pip install 'dhishoom[spark]'.") from error
    return pyarrow


def _parquet() -> Any:
    _arrow()
    import pyarrow.parquet

    return pyarrow.parquet
