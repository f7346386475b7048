"""`[spark]`: the same listening inside Spark Structured Streaming; docs/spark.md says when that is worth it."""

from __future__ import annotations

from collections.abc import Callable

from dhishoom.sections import Section

Require = Callable[[bool, str], None]


class SparkSettings(Section, frozen=True, kw_only=True):
    """`[spark]`.

    Attributes:
        clips: Where sound is kept: a folder, hdfs://host:port/folder or s3a://bucket/folder; empty: the store's clips.
        hdfs_http: The NameNode's host:port for WebHDFS; empty: its host, 9870.
        log: Where the Parquet log goes, as clips do; empty: log in the store's folder.
        csv: The log with bars, a file of the driver's machine; empty: audio_clips.csv in the store's folder.
        checkpoint: Where Spark notes how far it is, an address that Spark understands; empty: in the store's folder.
        tails: Executors keep the sensors' last seconds here; empty: on the machine's memory file system.
        trigger_s: Seconds from one batch to the next.
        messages_max: In one batch.
        look_back_s: So far back a sensor's last message is read from Kafka when its tail is missing.
    """

    clips: str = ""
    hdfs_http: str = ""
    log: str = ""
    csv: str = ""
    checkpoint: str = ""
    tails: str = ""
    trigger_s: float = 2.0
    messages_max: int = 2000
    look_back_s: float = 60.0


def check_spark(spark: SparkSettings, require: Require) -> None:
    """Complain of what cannot be."""
    require(spark.trigger_s >= 0, f"spark.trigger_s {spark.trigger_s:g} is negative; give 0 or more.")
    require(spark.messages_max > 0, "spark.messages_max must be above 0.")
    require(0 < spark.look_back_s <= 3600, f"spark.look_back_s {spark.look_back_s:g} is not above 0 and at most 3600.")
