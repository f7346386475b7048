"""The bus of one process: bounded queues, nothing encoded twice, gone when the process ends."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence

from dhishoom.errors import BusError, BusFull
from dhishoom.seams import Delivery

PARTITION = 0
BYTES_MAX = 512 << 20


class MemoryBus:
    """Keeps messages in the order of publishing until they are acknowledged; the oracle of the contract.

    Args:
        messages_max: Unacknowledged messages that a topic holds before `publish` refuses.
        bytes_max: And their bytes.
        now_ns: The clock that stamps messages.
    """

    def __init__(
        self, messages_max: int = 4096, *, bytes_max: int = BYTES_MAX, now_ns: Callable[[], int] = time.time_ns
    ) -> None:
        self._messages_max, self._bytes_max, self._now_ns = messages_max, bytes_max, now_ns
        self._topics: dict[str, _Topic] = {}
        self._changed = threading.Condition()
        self._closed = False

    def publish(self, topic: str, key: str, value: bytes, headers: Mapping[str, str]) -> None:
        """Take a message, or raise BusFull."""
        with self._changed:
            if self._closed:
                raise BusError("the bus is closed and takes no more messages; open another.")
            queue = self._topic(topic)
            if len(queue.held) >= self._messages_max or queue.bytes + len(value) > self._bytes_max:
                raise BusFull(
                    f"{topic} holds {len(queue.held)} messages, {queue.bytes >> 20} MiB, and takes no more: what reads "
                    "it is too slow. Give it more processors or fewer sensors."
                )
            queue.take(
                Delivery(
                    topic=topic,
                    key=key,
                    value=value,
                    headers=dict(headers),
                    timestamp_ns=self._now_ns(),
                    partition=PARTITION,
                    offset=queue.published,
                )
            )
            self._changed.notify_all()

    def flush(self, wait_s: float = 0.0) -> None:
        """What was published is here already."""

    def poll(self, topic: str, *, messages_max: int, wait_s: float) -> Sequence[Delivery]:
        """Up to `messages_max` messages not polled yet, at once; waits only where there are none."""
        with self._changed:
            queue = self._topic(topic)
            self._changed.wait_for(lambda: self._closed or queue.waiting > 0, timeout=wait_s)
            return queue.poll(messages_max)

    def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """Forget these, and all before them in their topics."""
        with self._changed:
            for delivery in deliveries:
                self._topic(delivery.topic).acknowledge(delivery.offset)

    def lag(self, topic: str) -> int:
        """Messages held."""
        with self._changed:
            return len(self._topic(topic).held)

    def deliver_again(self, topic: str) -> None:
        """What was polled but not acknowledged is polled again, as after the crash of what read it."""
        with self._changed:
            self._topic(topic).polled = 0

    def close(self) -> None:
        """Take nothing more and wake whoever waits; what is held can still be polled. Safe twice."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _topic(self, name: str) -> _Topic:
        return self._topics.setdefault(name, _Topic())


class _Topic:
    """Messages from the first that is not acknowledged; the first `polled` of them are being worked on."""

    def __init__(self) -> None:
        self.held: deque[Delivery] = deque()
        self.polled = 0
        self.published = 0
        self.bytes = 0

    @property
    def waiting(self) -> int:
        return len(self.held) - self.polled

    def take(self, delivery: Delivery) -> None:
        self.held.append(delivery)
        self.published += 1
        self.bytes += len(delivery.value)

    def poll(self, messages_max: int) -> list[Delivery]:
        until = min(len(self.held), self.polled + messages_max)
        found = [self.held[at] for at in range(self.polled, until)]
        self.polled = until
        return found

    def acknowledge(self, offset: int) -> None:
        while self.held and self.held[0].offset <= offset:
            self.bytes -= len(self.held.popleft().value)
            self.polled = max(0, self.polled - 1)
