"""From a source to the bus, in a thread of its own."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from dhishoom.errors import BusFull
from dhishoom.nouns import Chunk
from dhishoom.seams import AUDIO_TOPIC, Bus, Delivery, Source

UNSENT_MAX = 256
"""Chunks of a live source that wait for room on the bus; the oldest are lost beyond it."""
RETRY_S = 0.02


class Codec(Protocol):
    """How a chunk is written on the bus and read off it; raises BusError for what is no chunk."""

    def encode(self, chunk: Chunk) -> tuple[bytes, Mapping[str, str]]:
        """Value and headers."""

    def decode(self, delivery: Delivery) -> Chunk:
        """The inverse."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """A source and how it is to be read.

    Attributes:
        name: For messages.
        patient: Whether the source can wait (a recording), or sound is lost when nobody takes it (a microphone).
    """

    name: str
    source: Source
    patient: bool


class Feeder:
    """Reads one source to its end, onto the bus.

    Args:
        lose: Told how many chunks were lost for want of room.
    """

    def __init__(self, feed: Feed, bus: Bus, codec: Codec, lose: Callable[[int], object]) -> None:
        self._feed, self._bus, self._codec, self._lose = feed, bus, codec, lose
        self._stopped = threading.Event()
        self._unsent: deque[Chunk] = deque()

    def run(self) -> None:
        """Until the source ends or `stop`; raises SourceError where it fails."""
        for chunk in self._feed.source.chunks():
            if self._stopped.is_set():
                return
            self._unsent.append(chunk)
            self._send()
        while self._unsent and not self._stopped.wait(RETRY_S):
            self._send()

    def stop(self) -> None:
        """End `run` soon; from any thread."""
        self._stopped.set()
        self._feed.source.close()

    def _send(self) -> None:
        """Put on the bus what there is room for; a patient source waits until all of it is."""
        while self._unsent:
            try:
                self._publish(self._unsent[0])
                self._unsent.popleft()
            except BusFull:
                if not self._feed.patient:
                    break
                if self._stopped.wait(RETRY_S):
                    return
        while len(self._unsent) > UNSENT_MAX:
            self._unsent.popleft()
            self._lose(1)

    def _publish(self, chunk: Chunk) -> None:
        value, headers = self._codec.encode(chunk)
        self._bus.publish(AUDIO_TOPIC, chunk.sensor_id, value, headers)
