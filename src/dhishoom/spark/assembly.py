"""The streaming job, put together from the settings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from dhishoom.bus_wiring import link_of, open_kafka
from dhishoom.errors import BusAway, StoreError
from dhishoom.seams import AUDIO_TOPIC
from dhishoom.spark.job import ListeningJob, Told
from dhishoom.spark.ledger import Ledger
from dhishoom.spark.plan import Plan, memory_folder
from dhishoom.stores.ancestor_log import AncestorLog
from dhishoom.stores.parquet_log import ParquetLog
from dhishoom.stores.places import open_place
from dhishoom.wiring import open_detector, open_store, site_of

if TYPE_CHECKING:
    import threading

    from pyspark.sql import SparkSession

    from dhishoom.settings import Settings

CSV = "audio_clips.csv"
LOOK_S, AGAIN_S = 0.5, 5.0


class Job(Protocol):
    """What runs: a ListeningJob."""

    def start(self) -> None:
        """Begin, or go on."""

    def wait(self, seconds: float | None = None) -> bool:
        """Whether it has ended by itself. Raises what ended it."""

    def stop(self) -> None:
        """End it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Paths:
    """Where everything goes."""

    clips: str
    log: str
    csv: Path
    checkpoint: str


def paths_of(settings: Settings, base: Path = Path()) -> Paths:
    """As the settings say; what they leave out is in the store's folder."""
    spark, folder = settings.spark, base / settings.store.folder
    clips = spark.clips or settings.store.clips
    return Paths(
        clips=_address(clips, base) if clips else str((folder / "clips").resolve()),
        log=_address(spark.log, base) if spark.log else str((folder / "log").resolve()),
        csv=base / spark.csv if spark.csv else folder / CSV,
        checkpoint=_address(spark.checkpoint, base) if spark.checkpoint else str((folder / "spark").resolve()),
    )


def plan_of(settings: Settings, base: Path = Path()) -> Plan:
    """What executors are told. Raises ModelError, before anything starts, where the model is none."""
    open_detector(settings)
    link = link_of(settings, base)
    return Plan(
        site=site_of(settings),
        model=settings.model,
        keep=settings.store.keep,
        clips=paths_of(settings, base).clips,
        places=places_of(settings),
        link=link,
        tails=settings.spark.tails or memory_folder(f"{settings.bus.group}-tails"),
        look_back_s=settings.spark.look_back_s,
    )


def places_of(settings: Settings) -> dict[str, str]:
    """Options of every place; S3's credentials are the environment's."""
    return {"http": settings.spark.hdfs_http} if settings.spark.hdfs_http else {}


def job_of(
    settings: Settings,
    spark: SparkSession,
    base: Path = Path(),
    *,
    once: bool = False,
    tell: Callable[[Told], object] = lambda _: None,
) -> ListeningJob:
    """The job; its topics are made where they are missing and may be.

    Args:
        once: Hear all that is there now, then end.
    """
    from dhishoom.buses.kafka_link import KafkaAdmin

    paths, plan = paths_of(settings, base), plan_of(settings, base)
    bus = open_kafka(settings, base)
    assert plan.link is not None
    KafkaAdmin(plan.link).ensure(plan.link.wire(AUDIO_TOPIC))
    store = open_store(settings.store, base)
    log = ParquetLog(open_place(paths.log, places_of(settings)))
    csv = AncestorLog(paths.csv)

    def ledger(run: str) -> Ledger:
        return Ledger(run, log, csv, store, bus)

    return ListeningJob(
        spark,
        plan,
        ledger,
        checkpoint=paths.checkpoint,
        trigger_s=None if once else settings.spark.trigger_s,
        messages_max=settings.spark.messages_max,
        tell=tell,
    )


def run_until_stopped(
    job: Job, stop: threading.Event, complain: Callable[[str], object], again_s: float = AGAIN_S
) -> None:
    """Until asked to stop, or until the job has ended by itself.

    A file system or a bus that is away is told of, and the batch is tried again until it is back; anything else that
    ends the job is raised.
    """
    told = ""
    try:
        while not stop.is_set():
            try:
                job.start()
                while not stop.is_set():
                    if job.wait(LOOK_S):
                        return
            except (StoreError, BusAway) as error:
                if str(error) != told:
                    told = str(error)
                    complain(told)
                stop.wait(again_s)
    finally:
        job.stop()


def _address(text: str, base: Path) -> str:
    return text if "://" in text else str((base / text).resolve())
