"""A city of bangs heard by Spark: settings of one test, the job run, and what it has left everywhere."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from dhishoom.bus_settings import BusSettings
from dhishoom.bus_wiring import link_of, open_kafka
from dhishoom.seams import AUDIO_TOPIC
from dhishoom.settings import ModelSettings, Settings, StoreSettings
from dhishoom.spark.assembly import job_of, paths_of, places_of
from dhishoom.spark.job import Told
from dhishoom.spark_settings import SparkSettings
from dhishoom.stores.logged_clip import LoggedClip
from dhishoom.stores.parquet_log import ParquetLog
from dhishoom.stores.places import Place, open_place
from dhishoom.wiring import open_store
from tests.parts.city_workers import by_id

PARTITIONS = 2
JOB_S_MAX = 180.0


def spark_settings(servers: str, prefix: str, folder: Path, *, keep: Any = "shots", **spark: Any) -> Settings:
    """Those of one test: topics of its own, everything in its folder."""
    return Settings(
        model=ModelSettings(name="energy"),
        store=StoreSettings(folder=str(folder / "store"), keep=keep),
        bus=BusSettings(
            kind="kafka", servers=servers, partitions=PARTITIONS, message_bytes_max=1 << 20, topic_prefix=f"{prefix}."
        ),
        spark=SparkSettings(**{"tails": str(folder / "tails"), "messages_max": 30, **spark}),
    )


class SparkCity:
    """One test's topics, job and results."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.bus = open_kafka(settings)
        self.told: list[Told] = []

    def hear_all(self, spark: Any, **changes: Any) -> None:
        """All that is in the topic now."""
        settings = self.settings
        if changes:
            settings = msgspec.structs.replace(settings, spark=msgspec.structs.replace(settings.spark, **changes))
        job = job_of(settings, spark, once=True, tell=self.told.append)
        job.start()
        assert job.wait(JOB_S_MAX)

    def stored(self) -> dict[str, Any]:
        """Detections of the store by id."""
        store = open_store(self.settings.store)
        try:
            return by_id(store.detections(limit=10_000))
        finally:
            store.close()

    def log(self) -> list[LoggedClip]:
        """Rows of the Parquet log."""
        paths = paths_of(self.settings)
        return list(ParquetLog(self.place(paths.log)).rows())

    def csv_lines(self) -> list[str]:
        """Of audio_clips.csv."""
        return paths_of(self.settings).csv.read_text().splitlines()

    def place(self, address: str) -> Place:
        """Of clips or of the log."""
        return open_place(address, places_of(self.settings))

    def read(self, topic: str) -> list[Any]:
        """All that a topic holds."""
        from dhishoom.buses.kafka_reader import KafkaReader

        reader = KafkaReader(link_of(self.settings), topic, "earliest")
        came: list[Any] = []
        while not reader.is_at_end():
            came += reader.poll(messages_max=500, wait_s=0.5)
        reader.close()
        return came

    def close(self) -> None:
        """End."""
        self.bus.abandon()


def offsets_of(rows: list[LoggedClip]) -> list[tuple[int, int]]:
    """Where the messages of rows were, in order."""
    assert {row.topic for row in rows} <= {AUDIO_TOPIC}
    return sorted((row.partition, row.offset) for row in rows)


def python_workers(java_pid: int) -> Iterator[int]:
    """Processes in which Spark runs Python for its tasks: grandchildren of the driver's Java."""
    parents = {}
    for path in Path("/proc").iterdir():
        if path.name.isdecimal():
            try:
                parents[int(path.name)] = int((path / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, IndexError):
                continue
    for pid, parent in parents.items():
        if pid != os.getpid() and parents.get(parent) == java_pid:
            yield pid
