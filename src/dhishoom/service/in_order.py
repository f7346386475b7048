"""Chunks that overtook each other on their way, put in order again: one that is early waits for what it follows on."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from dhishoom.nouns import Chunk
from dhishoom.seams import Delivery

FOLLOWS_NS = 2_000_000
"""As in the listening fold: chunks this close follow on."""
WAIT_S = 2.0
WAIT_MAX = 8
"""Chunks of one sensor that wait at most."""

Heard = tuple[Delivery, Chunk]


@dataclass(slots=True)
class _Sensor:
    until_ns: int | None = None
    early: list[Heard] = field(default_factory=list)
    since_s: float = 0.0


class InOrder:
    """A gap is believed once its sound has not come within two seconds.

    Args:
        now_s: A clock that never steps.
    """

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s = now_s
        self._sensors: defaultdict[str, _Sensor] = defaultdict(_Sensor)
        self._waiting: set[str] = set()

    def take(self, delivery: Delivery, chunk: Chunk) -> Iterator[Heard]:
        """What can be heard now, in order."""
        sensor = self._sensors[chunk.sensor_id]
        if sensor.until_ns is None or chunk.start_ns <= sensor.until_ns + FOLLOWS_NS:
            sensor.until_ns = max(sensor.until_ns or 0, chunk.end_ns)
            yield delivery, chunk
            yield from self._following(sensor)
            return
        if not sensor.early:
            sensor.since_s = self._now_s()
            self._waiting.add(chunk.sensor_id)
        sensor.early.append((delivery, chunk))
        sensor.early.sort(key=lambda one: one[1].start_ns)
        if len(sensor.early) > WAIT_MAX:
            yield from self._believe(sensor)

    def expect(self, sensor_id: str, until_ns: int) -> None:
        """The sensor has been heard so far, by somebody else."""
        sensor = self._sensors[sensor_id]
        sensor.until_ns = max(sensor.until_ns or 0, until_ns)

    def overdue(self) -> Iterator[Heard]:
        """What has waited long enough: the gap before it is real."""
        for sensor in self._those_waiting():
            if self._now_s() - sensor.since_s >= WAIT_S:
                yield from self._believe(sensor)

    def first_waiting(self, partition: int) -> int | None:
        """The lowest offset of a partition that waits."""
        return min(
            (one.offset for sensor in self._those_waiting() for one, _ in sensor.early if one.partition == partition),
            default=None,
        )

    def forget(self, sensor_id: str) -> None:
        """It is heard elsewhere, or no more."""
        self._sensors.pop(sensor_id, None)

    def _those_waiting(self) -> list[_Sensor]:
        self._waiting = {name for name in self._waiting if name in self._sensors and self._sensors[name].early}
        return [self._sensors[name] for name in sorted(self._waiting)]

    def _following(self, sensor: _Sensor) -> Iterator[Heard]:
        while sensor.early and sensor.early[0][1].start_ns <= (sensor.until_ns or 0) + FOLLOWS_NS:
            heard = sensor.early.pop(0)
            sensor.until_ns = max(sensor.until_ns or 0, heard[1].end_ns)
            yield heard

    def _believe(self, sensor: _Sensor) -> Iterator[Heard]:
        sensor.until_ns = sensor.early[0][1].start_ns
        sensor.since_s = self._now_s()
        yield from self._following(sensor)
