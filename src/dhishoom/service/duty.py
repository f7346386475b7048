"""What only one process of a city may do at a time, and another takes up when that one dies."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from dhishoom.messages import Json
from dhishoom.seams import ROLES_TOPIC, Bus
from dhishoom.service.alert_office import Worker
from dhishoom.service.health import Health
from dhishoom.service.intake import Codec
from dhishoom.service.live import Live
from dhishoom.service.supervisor import Supervisor
from dhishoom.service.worker import SharedBus

POLL_S = 0.5


class Duty:
    """Stands by until the bus gives it the one partition of the roles; then works until that is taken from it.

    Args:
        open_bus: Joins the group of all who stand by for this duty.
        begin: What the duty consists of, made anew each time.
        supervise: Keeps one piece of work going in a thread of its own.
    """

    def __init__(
        self,
        name: str,
        open_bus: Callable[[], SharedBus],
        begin: Callable[[], Sequence[Worker]],
        supervise: Callable[[Worker], object],
    ) -> None:
        self.name = name
        self._open_bus, self._begin, self._supervise = open_bus, begin, supervise
        self._stopping = threading.Event()
        self._working: Sequence[Worker] = ()

    @property
    def is_on(self) -> bool:
        """Whether it is this process that does it now."""
        return bool(self._working)

    def run(self) -> None:
        """Stand by and work until `stop`."""
        bus = self._open_bus()
        bus.watch(ROLES_TOPIC, lambda *_: self._take_up(), lambda _: self._lay_down())
        try:
            while not self._stopping.is_set():
                bus.poll(ROLES_TOPIC, messages_max=1, wait_s=POLL_S)
        finally:
            self._lay_down()
            bus.close()

    def stop(self) -> None:
        """End soon; from any thread. Safe twice."""
        self._stopping.set()

    def _take_up(self) -> None:
        self._lay_down()
        self._working = tuple(self._begin())
        for one in self._working:
            self._supervise(one)

    def _lay_down(self) -> None:
        working, self._working = self._working, ()
        for one in working:
            one.stop()


class WorkService(Supervisor):
    """Hears nothing itself: a process that associates, or carries messages from bus to bus."""

    def __init__(self, bus: Bus, codec: Codec, health: Health, live: Live) -> None:
        super().__init__((), bus, codec, health, live)

    @property
    def unstored(self) -> int:
        """Its workers begin again from what was acknowledged or saved."""
        return 0

    def _listen(self) -> None:
        self._stopping.wait()

    def _drain(self) -> None:
        self._bus.close()

    def _strips(self) -> list[Json]:
        return []
