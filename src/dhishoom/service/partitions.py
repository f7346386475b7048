"""What a worker knows of the partitions it was given: where new sound begins, how far back its successor reads."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from dhishoom.nouns import NS_PER_S, Chunk
from dhishoom.seams import Delivery

GONE_AFTER_S = 120.0
"""By the bus's own clock, so that an outage of the bus makes nobody gone."""


@dataclass(slots=True)
class Tail:
    """The end of what was heard of one sensor.

    Attributes:
        places: (offset, end) of its last chunks, as many as a successor needs.
        told_ns: When the bus took the last of them.
        again: Sound that is read again and not yet heard.
    """

    places: deque[tuple[int, int]] = field(default_factory=deque)
    told_ns: int = 0
    again: list[Chunk] = field(default_factory=list)


class Partition:
    """One partition.

    Args:
        begin: The first offset that nobody has acknowledged.
        memory_s: Sound that whoever takes over needs.
    """

    def __init__(self, begin: int, memory_s: float) -> None:
        self.begin, self._memory_ns = begin, round(memory_s * NS_PER_S)
        self._tails: dict[str, Tail] = {}
        self._latest_ns = 0

    @property
    def sensors(self) -> list[str]:
        """Heard here."""
        return list(self._tails)

    def remember(self, delivery: Delivery, chunk: Chunk) -> Tail:
        """Enter a chunk that is, or was, heard; returns its sensor's tail."""
        tail = self._tails.setdefault(chunk.sensor_id, Tail())
        tail.places.append((delivery.offset, chunk.end_ns))
        tail.told_ns = delivery.timestamp_ns
        self._latest_ns = max(self._latest_ns, delivery.timestamp_ns)
        while len(tail.places) > 1 and tail.places[0][1] <= chunk.end_ns - self._memory_ns:
            tail.places.popleft()
        return tail

    def read_again(self, delivery: Delivery, chunk: Chunk) -> None:
        """A chunk from before `begin`: kept as far as it is needed, until the first new one of its sensor comes."""
        tail = self.remember(delivery, chunk)
        tail.again.append(chunk)
        while len(tail.again) > 1 and tail.again[0].end_ns <= chunk.end_ns - self._memory_ns:
            tail.again.pop(0)

    def take_again(self, sensor_id: str) -> list[Chunk]:
        """The sound that goes before a sensor's first new chunk; once."""
        tail = self._tails.get(sensor_id)
        if tail is None:
            return []
        again, tail.again = tail.again, []
        return again

    def keep_from(self, offset: int) -> int:
        """Where a successor begins to read, if `offset` is the first that is not acknowledged."""
        return min((tail.places[0][0] for tail in self._tails.values() if tail.places), default=offset)

    def gone(self) -> list[str]:
        """Sensors that have not spoken for long, while others of this partition have."""
        oldest = self._latest_ns - round(GONE_AFTER_S * NS_PER_S)
        return [name for name, tail in self._tails.items() if tail.told_ns < oldest]

    def forget(self, sensor_id: str) -> None:
        """No successor needs to read its sound."""
        self._tails.pop(sensor_id, None)


def last_of(deliveries: Iterable[Delivery], before: int | None) -> Delivery | None:
    """The last of one partition's deliveries that lies before an offset."""
    fitting = [one for one in deliveries if before is None or one.offset < before]
    return max(fitting, key=lambda one: one.offset, default=None)
