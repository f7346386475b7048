"""What runs on executors: Arrow batches of one Kafka partition in, outcomes out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dhishoom.errors import StoreError
from dhishoom.nouns import Chunk, Site
from dhishoom.seams import Delivery
from dhishoom.spark.hearing import PartitionHearing
from dhishoom.spark.outcome import Outcome, to_batch
from dhishoom.spark.plan import Plan
from dhishoom.spark.tails import Tail, TailFolder
from dhishoom.stores.clips import clip_name, encode_flac
from dhishoom.stores.places import Place
from dhishoom.wiring import AudioCodec

if TYPE_CHECKING:
    import pyarrow

WRITERS = 8
"""Clips that are written at a time: a file system's answers are waited for together."""
TRIES, AGAIN_S = 5, 1.0
NS_PER_US = 1000
Batches = Iterable["pyarrow.RecordBatch"]


def listener(plan: Plan, topic: str) -> Callable[[Batches], Iterator[pyarrow.RecordBatch]]:
    """For `mapInArrow` over messages of Kafka; a task is given whole partitions, in order.

    Args:
        topic: As the brokers call it.
    """

    def hear(batches: Batches) -> Iterator[pyarrow.RecordBatch]:
        task = _Task(plan, topic)
        for batch in batches:
            for outcomes in task.hear(_deliveries(batch, plan, topic)):
                yield to_batch(outcomes)
        yield to_batch(task.finish())

    return hear


class Clips:
    """Writes clips side by side; `settle` waits until they are there."""

    def __init__(self, place: Place) -> None:
        self._place, self._pool = place, _pool()
        self._waiting: list[Future[None]] = []

    def keep(self, chunk: Chunk) -> str:
        """Begin to write a clip; returns its name."""
        name = clip_name(chunk.sensor_id, chunk.start_ns)
        self._waiting.append(self._pool.submit(self._write, name, chunk))
        return name

    def settle(self) -> None:
        """Raises StoreError where a clip cannot be written though it was tried again."""
        waiting, self._waiting = self._waiting, []
        for one in waiting:
            one.result()

    def _write(self, name: str, chunk: Chunk) -> None:
        body = encode_flac(chunk)
        for left in reversed(range(TRIES)):
            try:
                self._place.add(name, body)
                return
            except StoreError:
                if not left:
                    raise
                time.sleep(AGAIN_S)


class _Task:
    """The partitions of one task, one after another."""

    def __init__(self, plan: Plan, topic: str) -> None:
        self._plan, self._topic = plan, topic
        self._place = _place_of(plan)
        self._clips = Clips(self._place)
        self._hearing: PartitionHearing | None = None
        self._tails: TailFolder | None = None
        self._partition, self._next, self._taken_ns = -1, -1, 0

    def hear(self, deliveries: Sequence[Delivery]) -> Iterator[list[Outcome]]:
        """Messages in the order of their partition."""
        at = 0
        while at < len(deliveries):
            partition, end = deliveries[at].partition, at
            while end < len(deliveries) and deliveries[end].partition == partition:
                end += 1
            stretch = deliveries[at:end]
            if partition != self._partition:
                yield self.finish()
                self._begin(stretch)
            yield self._heard(stretch)
            at = end

    def finish(self) -> list[Outcome]:
        """The partition is heard as far as the batch goes: its tails are kept for the next one."""
        if self._hearing is None or self._tails is None:
            return []
        outcomes = self._settled(self._hearing.ends(self._taken_ns))
        self._tails.write(self._next, self._hearing.tails())
        self._hearing, self._partition = None, -1
        return outcomes

    def _begin(self, stretch: Sequence[Delivery]) -> None:
        plan, first = self._plan, stretch[0]
        detector = plan.detector()
        self._partition = first.partition
        self._tails = TailFolder(Path(plan.tails), self._topic, first.partition)
        tails, lost = self._tails.read(first.offset), False
        if tails is None:
            tails, lost = _looked_back(plan, self._topic, stretch)
        self._hearing = PartitionHearing(plan.site, detector, plan.keep, self._clips.keep, tails, lost=lost)

    def _heard(self, stretch: Sequence[Delivery]) -> list[Outcome]:
        assert self._hearing is not None
        self._next = stretch[-1].offset + 1
        self._taken_ns = max(self._taken_ns, stretch[-1].timestamp_ns)
        return self._settled(self._hearing.hear(stretch))

    def _settled(self, outcomes: Sequence[Outcome]) -> list[Outcome]:
        """Clips first: a row never names one that is not there."""
        self._clips.settle()
        address = self._place.address
        return [
            replace(one, row=replace(one.row, clip=address(one.row.clip))) if one.row.clip else one for one in outcomes
        ]


def _looked_back(plan: Plan, topic: str, stretch: Sequence[Delivery]) -> tuple[dict[str, Tail], bool]:
    """Tails from Kafka; at the very beginning of a topic there is nothing to look for."""
    first = stretch[0]
    if plan.link is None or first.offset == 0:
        return {}, False
    from dhishoom.spark.look_back import LookBack

    sensors = {one.key for one in stretch}
    back = LookBack(plan.link, topic, first.partition, plan.look_back_s)
    found = back.find(first, sensors, _span_s(stretch, plan.site), plan.site, plan.detector().card)
    return found.tails, found.lost


def _span_s(stretch: Sequence[Delivery], site: Site) -> float:
    """The longest message of the first few."""
    from dhishoom.errors import BusError, NounError

    codec, longest_s = AudioCodec(site), 1.0
    for one in stretch[:8]:
        try:
            longest_s = max(longest_s, codec.decode(one).duration_s)
        except (BusError, NounError):
            continue
    return longest_s


def _deliveries(batch: pyarrow.RecordBatch, plan: Plan, topic: str) -> list[Delivery]:
    """Rows of Spark's Kafka source as the seam has them."""
    prefix = plan.link.topic_prefix if plan.link else ""
    keys, values = batch.column("key"), batch.column("value")
    stamps, headers = batch.column("timestamp").cast("int64"), batch.column("headers")
    return [
        Delivery(
            topic=topic.removeprefix(prefix),
            key=(keys[at].as_py() or b"").decode("utf-8", "replace"),
            value=values[at].as_py() or b"",
            headers=_headers(headers[at].as_py()),
            timestamp_ns=stamps[at].as_py() * NS_PER_US,
            partition=batch.column("partition")[at].as_py(),
            offset=batch.column("offset")[at].as_py(),
        )
        for at in range(batch.num_rows)
    ]


def _headers(pairs: Any) -> dict[str, str]:
    return {one["key"]: (one["value"] or b"").decode("utf-8", "replace") for one in pairs or ()}


@lru_cache(maxsize=1)
def _pool() -> ThreadPoolExecutor:
    """One for each process, with its connections."""
    return ThreadPoolExecutor(WRITERS, thread_name_prefix="clips")


_PLACES: dict[tuple[str, ...], Place] = {}


def _place_of(plan: Plan) -> Place:
    """One for each process: its connections stay open."""
    key = (plan.clips, *(f"{name}={value}" for name, value in sorted(plan.places.items())))
    if key not in _PLACES:
        _PLACES[key] = plan.place()
    return _PLACES[key]
