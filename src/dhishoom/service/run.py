"""The running service of one machine: what its sources say is heard, decided and stored by one loop."""

from __future__ import annotations

import time
from collections.abc import Sequence

from dhishoom.errors import BusError, NounError
from dhishoom.messages import Json
from dhishoom.nouns import Chunk
from dhishoom.seams import AUDIO_TOPIC, DEAD_TOPIC, Bus, Delivery
from dhishoom.service.alert_office import Worker
from dhishoom.service.intake import Codec, Feed
from dhishoom.service.live import Live
from dhishoom.service.pipeline import Pipeline
from dhishoom.service.retention import ClipKeeper, Retention
from dhishoom.service.supervisor import Supervisor

MESSAGES_MAX = 256
POLL_S = 0.1
TELL_EVERY_S = 1.0
DRAIN_S_MAX = 10.0


class Service(Supervisor):
    """Runs until its sources have ended or it is stopped.

    Args:
        feeds: Where sound comes from.
        housekeeping: The store's clips and what is kept of them; None: nothing is removed.
        workers: What else goes on until the end, each in a thread of its own, such as the delivery of alerts.
    """

    def __init__(
        self,
        feeds: Sequence[Feed],
        bus: Bus,
        codec: Codec,
        pipeline: Pipeline,
        live: Live,
        *,
        housekeeping: tuple[ClipKeeper, Retention] | None = None,
        workers: Sequence[Worker] = (),
    ) -> None:
        super().__init__(feeds, bus, codec, pipeline.health, live, housekeeping=housekeeping, workers=workers)
        self._pipeline, self._told_s = pipeline, 0.0

    @property
    def unstored(self) -> int:
        """Rows that wait because the store refuses them; after the end they are lost."""
        return self._pipeline.unstored

    def _listen(self) -> None:
        while not self._stopping.is_set():
            feeding = any(thread.is_alive() for thread in self._feeding)
            if not self._turn(POLL_S) and not feeding:
                return

    def _drain(self) -> None:
        """Hear what is on the bus, settle, store."""
        until_s = time.monotonic() + DRAIN_S_MAX
        while self._turn(0.0) and time.monotonic() < until_s:
            pass
        self._pipeline.finish()

    def _turn(self, wait_s: float) -> int:
        """One batch from the bus to the store, then acknowledged; what cannot be understood is set aside."""
        deliveries = self._bus.poll(AUDIO_TOPIC, messages_max=MESSAGES_MAX, wait_s=wait_s)
        chunks = [chunk for delivery in deliveries if (chunk := self._decoded(delivery)) is not None]
        if chunks:
            self._pipeline.take(chunks)
        self._bus.acknowledge(deliveries)
        if time.monotonic() - self._told_s >= TELL_EVERY_S:
            self._each_second()
        return len(deliveries)

    def _decoded(self, delivery: Delivery) -> Chunk | None:
        try:
            return self._codec.decode(delivery)
        except (BusError, NounError) as error:
            self._health.count("dead_letters")
            self._notice("dead_letter", str(error))
            dead = {**delivery.headers, "dhishoom_reason": str(error)}
            self._bus.publish(DEAD_TOPIC, delivery.key, delivery.value, dead)
            return None

    def _each_second(self) -> None:
        self._told_s = time.monotonic()
        for sensor_id in self._health.gone():
            self._pipeline.finish_sensor(sensor_id)
        self._pipeline.retry()
        self._tell()

    def _strips(self) -> list[Json]:
        return self._pipeline.take_strips()
