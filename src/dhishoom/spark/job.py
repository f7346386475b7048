"""The streaming job: Kafka's audio topic, heard on executors, logged and told by the driver, batch by batch."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from dhishoom.errors import BusAway, BusError, DhishoomError, ServiceError, StoreError
from dhishoom.seams import AUDIO_TOPIC
from dhishoom.spark.outcome import CLIP, COLUMNS, DEAD, Outcome, from_table
from dhishoom.spark.session import kafka_options
from dhishoom.spark.tails import folder_of_run
from dhishoom.spark.task import listener

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.streaming.query import StreamingQuery

    from dhishoom.spark.ledger import Ledger
    from dhishoom.spark.plan import Plan

NAME_S_MAX = 60.0
_OURS = re.compile(r"dhishoom\.errors\.(\w+): (.+)")
_KINDS: dict[str, type[DhishoomError]] = {"StoreError": StoreError, "BusError": BusError, "BusAway": BusAway}


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One batch, as it was written.

    Attributes:
        seconds: From its begin to the end of its writing.
        outcomes: Of its messages.
        written_ns: When it was written.
    """

    batch: int
    seconds: float
    outcomes: Sequence[Outcome]
    written_ns: int

    @property
    def clips(self) -> int:
        """Messages that were heard."""
        return sum(one.kind == CLIP for one in self.outcomes)

    @property
    def dead(self) -> int:
        """Messages that could not be understood."""
        return sum(one.kind == DEAD for one in self.outcomes)


class ListeningJob:
    """One streaming query.

    Args:
        plan: What executors do; its link says where Kafka is.
        ledger: Made for a query's name, by which its files are known.
        tell: Told of every batch.
        trigger_s: Seconds from one batch to the next; None: hear all that is there now, then end.
        checkpoint: Where Spark notes how far it is; the same folder goes on, another begins again.
    """

    def __init__(
        self,
        spark: SparkSession,
        plan: Plan,
        ledger: Callable[[str], Ledger],
        *,
        checkpoint: str,
        trigger_s: float | None = 2.0,
        messages_max: int = 2000,
        tell: Callable[[Told], object] = lambda _: None,
    ) -> None:
        assert plan.link is not None
        self._spark, self._plan, self._make_ledger, self._tell = spark, plan, ledger, tell
        self._checkpoint, self._trigger_s, self._messages_max = checkpoint, trigger_s, messages_max
        self._topic = plan.link.wire(AUDIO_TOPIC)
        self._named = threading.Event()
        self._name = ""
        self._ledger: Ledger | None = None
        self._query: StreamingQuery | None = None

    def start(self) -> None:
        """Begin, or go on where the checkpoint says. Raises ServiceError where that cannot be."""
        assert self._plan.link is not None
        options = {**kafka_options(self._plan.link, self._topic), "maxOffsetsPerTrigger": str(self._messages_max)}
        messages = self._spark.readStream.format("kafka").options(**options).load()
        writer = messages.writeStream.foreachBatch(self._write).option("checkpointLocation", self._checkpoint)
        if self._trigger_s is None:
            writer = writer.trigger(availableNow=True)
        else:
            writer = writer.trigger(processingTime=f"{round(self._trigger_s * 1000)} milliseconds")
        self._query = writer.start()
        self._name = str(self._query.id)[:8]
        self._named.set()

    def wait(self, seconds: float | None = None) -> bool:
        """Whether it has ended, after so long at most. Raises what ended it, in words."""
        from pyspark.errors import StreamingQueryException

        assert self._query is not None
        try:
            if seconds is None:
                self._query.awaitTermination()
                return True
            return bool(self._query.awaitTermination(seconds))  # type: ignore[arg-type]  # parts of a second are taken
        except StreamingQueryException as error:
            raise explained(str(error), self._topic) from error

    def stop(self) -> None:
        """End once the batch that is being written is; safe twice."""
        if self._query is not None:
            self._query.stop()

    def _write(self, batch: DataFrame, number: int) -> None:
        begin_s = time.monotonic()
        if not self._named.wait(NAME_S_MAX):
            raise ServiceError("Spark does not say what its query is called.")
        if self._ledger is None:
            self._ledger = self._make_ledger(self._name)
            self._plan = replace(self._plan, tails=str(folder_of_run(Path(self._plan.tails), self._name)))
        heard = batch.mapInArrow(listener(self._plan, self._topic), COLUMNS)
        outcomes = from_table(heard.toArrow())
        self._ledger.put(number, outcomes)
        told = Told(batch=number, seconds=time.monotonic() - begin_s, outcomes=outcomes, written_ns=time.time_ns())
        self._tell(told)


def explained(report: str, topic: str) -> DhishoomError:
    """Why a query ended, without Java's and Python's traces."""
    ours = _OURS.findall(report)
    if ours:
        kind, sentence = ours[-1]
        return _KINDS.get(kind, ServiceError)(sentence.strip())
    if "UnknownTopicOrPartition" in report:
        return BusError(f"Kafka has no topic {topic}. Set bus.create_topics = true, or make it.")
    if "data loss" in report.lower() or "failOnDataLoss" in report:
        return BusError(
            f"messages of {topic} were removed before they were heard. Raise bus.retention_hours; to go on without "
            "them, name another spark.checkpoint."
        )
    if "SaslAuthentication" in report:
        return BusError("Kafka refuses the user. Check bus.user and bus.password.")
    lines = [line for line in report.splitlines() if line.strip()]
    return ServiceError(f"Spark has ended the job: {lines[0][:300] if lines else 'it does not say why'}")
