"""The running service of a city: one process of many, all of which hear what one bus shares out."""

from __future__ import annotations

import time
from collections.abc import Sequence

from dhishoom.errors import DhishoomError
from dhishoom.messages import Json
from dhishoom.service.alert_office import Worker
from dhishoom.service.intake import Codec, Feed
from dhishoom.service.live import Live
from dhishoom.service.retention import ClipKeeper, Retention
from dhishoom.service.supervisor import Supervisor
from dhishoom.service.worker import CityWorker, SharedBus

MESSAGES_MAX = 256
POLL_S = 0.1
TELL_EVERY_S = 1.0
AGAIN_S = 1.0


class CityService(Supervisor):
    """Runs until it is stopped; its own sources, if it has any, go over the bus like all others.

    Args:
        worker: Hears what this process is given.
        housekeeping: The store's clips and what is kept of them; None: nothing is removed.
        workers: What else goes on until the end, such as the association of a region.
    """

    def __init__(
        self,
        feeds: Sequence[Feed],
        bus: SharedBus,
        codec: Codec,
        worker: CityWorker,
        live: Live,
        *,
        housekeeping: tuple[ClipKeeper, Retention] | None = None,
        workers: Sequence[Worker] = (),
    ) -> None:
        super().__init__(feeds, bus, codec, worker.health, live, housekeeping=housekeeping, workers=workers)
        self._worker, self._told_s, self._complaint = worker, 0.0, ""

    @property
    def unstored(self) -> int:
        """None are lost: what is not stored is not acknowledged."""
        return 0

    def stop(self) -> None:
        """Ask for the end: what was heard and not told is left to whoever is given the partitions next. Safe twice."""
        super().stop()
        self._worker.stop()

    def _listen(self) -> None:
        while not self._stopping.is_set():
            try:
                self._worker.turn(MESSAGES_MAX, POLL_S)
                self._complaint = ""
                if time.monotonic() - self._told_s >= TELL_EVERY_S:
                    self._told_s = time.monotonic()
                    self._worker.each_second()
                    self._tell()
            except DhishoomError as error:
                self._complain(error)
                self._stopping.wait(AGAIN_S)

    def _complain(self, error: DhishoomError) -> None:
        """Once, until it works again."""
        if str(error) != self._complaint and not self._stopping.is_set():
            self._complaint = str(error)
            self._fail("listening", error)

    def _drain(self) -> None:
        self._bus.close()

    def _strips(self) -> list[Json]:
        return self._worker.take_strips()
