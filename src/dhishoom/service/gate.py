"""Detections and promises of a whole region in the order of the sound's own time, however far workers are apart.

Live, that changes nothing: the association waits for its sensors anyhow. After an outage, workers hear what has waited
at their own speed, and some are minutes of sound ahead of others; the fold would take the others for sensors that have
fallen silent. Here what is ahead waits, for as long as the others go on.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from dhishoom.nouns import Detection, Heard
from dhishoom.seams import Delivery

Item = Detection | Heard


@dataclass(frozen=True, slots=True, order=True)
class _Waiting:
    """A promise goes after the detections that it covers."""

    time_ns: int
    kind: int
    number: int
    item: Item = field(compare=False)
    partition: int = field(compare=False)
    offset: int = field(compare=False)


class Gate:
    """Holds back what is ahead of a sensor that was heard of lately.

    Args:
        sensor_ids: Who is waited for at the beginning.
        patience_s: How long a sensor is waited for that is not heard of, by the machine's clock.
        now_s: A clock that never steps.
    """

    def __init__(
        self, sensor_ids: Iterable[str], patience_s: float, now_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._patience_s, self._now_s = patience_s, now_s
        self._heard: dict[str, int] = {}
        self._seen_s: dict[str, float] = dict.fromkeys(sensor_ids, now_s())
        self._waiting: list[_Waiting] = []
        self._count = 0

    def take(self, item: Item, delivery: Delivery) -> None:
        """An item as it came."""
        self._seen_s[item.sensor_id] = self._now_s()
        if isinstance(item, Heard):
            self._heard[item.sensor_id] = max(item.until_ns, self._heard.get(item.sensor_id, item.until_ns))
            moment, kind = item.until_ns, 1
        else:
            moment, kind = item.onset_ns, 0
        self._count += 1
        heapq.heappush(self._waiting, _Waiting(moment, kind, self._count, item, delivery.partition, delivery.offset))

    def release(self, *, all_of_it: bool = False) -> Iterator[Item]:
        """What nobody who still speaks can come before, in order of time."""
        until_ns = None if all_of_it else self._watermark_ns()
        while self._waiting and (until_ns is None or self._waiting[0].time_ns <= until_ns):
            yield heapq.heappop(self._waiting).item

    def first_waiting(self) -> dict[int, int]:
        """By partition, the lowest offset that waits."""
        first: dict[int, int] = {}
        for one in self._waiting:
            first[one.partition] = min(one.offset, first.get(one.partition, one.offset))
        return first

    def _watermark_ns(self) -> int | None:
        """How far all have been heard who are waited for; None: nobody is."""
        oldest_s = self._now_s() - self._patience_s
        active = [name for name, seen_s in self._seen_s.items() if seen_s >= oldest_s]
        return min((self._heard.get(name, -1) for name in active), default=None)
