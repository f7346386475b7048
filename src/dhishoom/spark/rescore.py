"""An archive of clips heard again, as one batch, with another model."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import unquote

from dhishoom.core.timestamps import from_rfc3339, to_rfc3339
from dhishoom.nouns import NS_PER_S
from dhishoom.seams import Delivery
from dhishoom.spark.hearing import PartitionHearing
from dhishoom.spark.outcome import CLIP, Outcome
from dhishoom.spark.plan import Plan
from dhishoom.stores.parquet_log import to_table

if TYPE_CHECKING:
    import pyarrow
    from pyspark.sql import SparkSession

PARTS = 16
ARCHIVE = "archive"
SPLICE_NS = 2_000_000
COLUMNS = (
    "sensor_id string, start timestamp, duration_s double, gunshot boolean, score float, classes map<string,float>, "
    "model string, clip string, topic string, partition int, offset bigint, border_lost boolean, date string"
)
_PATH = re.compile(r"/sensor=([^/]+)/date=(\d{4}-\d\d-\d\d)/\d{8}T(\d\d)(\d\d)(\d\d)(\.\d{6})Z\.flac$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rescored:
    """What came of it."""

    clips: int
    gunshots: int


def rescore(spark: SparkSession, plan: Plan, archive: str, out: str) -> Rescored:
    """Hear every clip below `archive` and write a Parquet log to `out`, over what was there.

    Clips of a sensor that follow on each other are heard as one stream, as they were live. A clip that begins within
    another is a piece of it and has no row; neither has a file that is no clip or cannot be decoded.

    Args:
        archive, out: Addresses that Spark understands.
    """
    from pyspark.sql import functions

    files = spark.read.format("binaryFile").option("pathGlobFilter", "*.flac").option("recursiveFileLookup", "true")
    clips = files.load(archive).select("path", "content")
    sensor = functions.regexp_extract("path", "/sensor=([^/]+)/", 1)
    ordered = clips.withColumn("sensor", sensor).repartition(PARTS, "sensor").sortWithinPartitions("sensor", "path")
    rows = ordered.mapInArrow(_hearer(plan), COLUMNS)
    rows.write.mode("overwrite").partitionBy("date").parquet(out)
    shots = functions.sum(functions.col("gunshot").cast("int"))
    count = spark.read.schema(COLUMNS).parquet(out).agg(functions.count("*"), shots).collect()[0]
    return Rescored(clips=int(count[0]), gunshots=int(count[1] or 0))


def delivery_of(path: str, content: bytes) -> Delivery | None:
    """A file of the archive as a message; None for what is no clip."""
    match = _PATH.search(path)
    if match is None:
        return None
    sensor, date, hours, minutes, seconds, fraction = match.groups()
    start = f"{date}T{hours}:{minutes}:{seconds}{fraction}Z"
    return Delivery(
        topic=ARCHIVE,
        key=unquote(sensor),
        value=content,
        headers={"ce_time": start},
        timestamp_ns=from_rfc3339(start) + (1 << 40),
        partition=-1,
        offset=-1,
    )


def _hearer(plan: Plan) -> Callable[[Iterable[pyarrow.RecordBatch]], Iterator[pyarrow.RecordBatch]]:
    """For `mapInArrow`: the clips of whole sensors, in the order of their time."""

    def hear(batches: Iterable[pyarrow.RecordBatch]) -> Iterator[pyarrow.RecordBatch]:
        hearing = PartitionHearing(plan.site, plan.detector(), "none", lambda _: None, {})
        until_ns: dict[str, int] = {}
        for batch in batches:
            paths, contents = batch.column("path").to_pylist(), batch.column("content")
            named: dict[tuple[str, int], str] = {}
            deliveries = []
            for at, path in enumerate(paths):
                one = delivery_of(path, contents[at].as_py())
                if one is None:
                    continue
                start_ns = from_rfc3339(one.headers["ce_time"])
                if start_ns + SPLICE_NS < until_ns.get(one.key, 0):
                    continue
                until_ns[one.key] = start_ns + _length_ns(one.value)
                named[one.key, start_ns] = path
                deliveries.append(one)
            yield from _rows(hearing.hear(deliveries), named).to_batches()

    return hear


def _length_ns(content: bytes) -> int:
    """Of a sound file; 0 for what is none."""
    import soundfile

    try:
        found = soundfile.info(io.BytesIO(content))
    except soundfile.LibsndfileError:
        return 0
    return int(found.frames * NS_PER_S // found.samplerate)


def _rows(outcomes: Sequence[Outcome], named: dict[tuple[str, int], str]) -> pyarrow.Table:
    """As the log has them, with their date."""
    import pyarrow

    rows = [
        replace(one.row, topic="", clip=named[one.row.sensor_id, one.row.start_ns])
        for one in outcomes
        if one.kind == CLIP
    ]
    table = to_table(rows, stamps="us")
    return table.append_column("date", pyarrow.array([to_rfc3339(row.start_ns)[:10] for row in rows], pyarrow.string()))
