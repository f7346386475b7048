"""Everything that runs at once in a service: sources in their threads, a loop that hears, and what goes on besides."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial

from dhishoom.core.timestamps import to_rfc3339
from dhishoom.errors import DhishoomError
from dhishoom.messages import Json
from dhishoom.seams import Bus
from dhishoom.service.alert_office import Worker
from dhishoom.service.health import Health
from dhishoom.service.intake import Codec, Feed, Feeder
from dhishoom.service.live import Live
from dhishoom.service.retention import ClipKeeper, Retention, retain

log = logging.getLogger("dhishoom")

RETAIN_EVERY_S = 60.0
RESTART_S = 5.0
"""A worker that failed begins again after so long."""
WORKERS_END_S_MAX = 8.0


class Supervisor:
    """Threads for sources, listening, housekeeping and more. A failure in one is told, and the rest goes on.

    Args:
        feeds: Where sound comes from.
        housekeeping: The store's clips and what is kept of them; None: nothing is removed.
        workers: What else goes on until the end, each in a thread of its own, such as the delivery of alerts.

    Attributes:
        failures: What went wrong with sources, in the order of its happening.
    """

    def __init__(
        self,
        feeds: Sequence[Feed],
        bus: Bus,
        codec: Codec,
        health: Health,
        live: Live,
        *,
        housekeeping: tuple[ClipKeeper, Retention] | None = None,
        workers: Sequence[Worker] = (),
    ) -> None:
        self.failures: list[DhishoomError] = []
        self._bus, self._codec, self._health, self._live = bus, codec, health, live
        self._housekeeping = housekeeping
        self._feeds = [(feed, Feeder(feed, bus, codec, self._lose)) for feed in feeds]
        self._feeding: list[threading.Thread] = []
        self._workers = [(worker, threading.Event()) for worker in workers]
        self._stopping = threading.Event()
        self._ended = threading.Event()

    def start(self) -> None:
        """Begin to listen; returns at once."""
        for worker, ended in self._workers:
            self._thread(worker.name, partial(self._keep_up, worker, ended))
        self._feeding = [
            self._thread(f"source {feed.name}", partial(self._feed, feed, feeder)) for feed, feeder in self._feeds
        ]
        self._thread("listening", self._listen_to_the_end)
        if self._housekeeping is not None:
            self._thread("housekeeping", self._keep_house)

    def stop(self) -> None:
        """Ask for the end: sources close, what is on the bus is heard, everything is stored. Safe twice."""
        self._stopping.set()
        for _, feeder in self._feeds:
            feeder.stop()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until everything is stored after the end; False after `timeout_s`."""
        return self._ended.wait(timeout_s)

    def add_worker(self, worker: Worker) -> None:
        """Something else that goes on until the end; before `start`."""
        self._workers.append((worker, threading.Event()))

    def supervise(self, worker: Worker) -> None:
        """Keep more work going in a thread of its own, until it ends by itself."""
        self._thread(worker.name, partial(self._keep_up, worker, threading.Event()))

    def _thread(self, name: str, work: Callable[[], None]) -> threading.Thread:
        thread = threading.Thread(target=self._supervised, args=(name, work), name=name, daemon=True)
        thread.start()
        return thread

    def _supervised(self, name: str, work: Callable[[], None]) -> bool:
        """Nothing that fails in one place may end the rest; whether it has not."""
        try:
            work()
            return True
        except DhishoomError as error:
            self._fail(name, error)
        except Exception as error:
            log.exception("%s failed", name)
            self._fail(name, DhishoomError(f"{name} failed: {type(error).__name__}: {error}. Please report it."))
        return False

    def _keep_up(self, worker: Worker, ended: threading.Event) -> None:
        """Begin again whatever fails; a worker that returns has come to its end."""
        try:
            while not self._supervised(worker.name, worker.run) and not self._stopping.wait(RESTART_S):
                pass
        finally:
            ended.set()

    def _end_workers(self) -> None:
        for worker, _ in self._workers:
            worker.stop()
        until_s = time.monotonic() + WORKERS_END_S_MAX
        for _, ended in self._workers:
            ended.wait(max(0.0, until_s - time.monotonic()))

    def _fail(self, name: str, error: DhishoomError) -> None:
        log.error("%s: %s", name, error)
        self.failures.append(error)
        self._notice("failure", f"{name}: {error}")

    def _feed(self, feed: Feed, feeder: Feeder) -> None:
        feeder.run()
        if not self._stopping.is_set():
            log.info("%s has ended", feed.name)

    def _listen_to_the_end(self) -> None:
        try:
            self._listen()
            self._drain()
        finally:
            self._tell()
            self._end_workers()
            self._stopping.set()
            self._ended.set()

    def _listen(self) -> None:
        """Hear what is on the bus until `_stopping` is set, or nothing more can come."""
        raise NotImplementedError

    def _drain(self) -> None:
        """Settle and store what was heard."""
        raise NotImplementedError

    def _strips(self) -> list[Json]:
        """Strips since they were last asked for."""
        raise NotImplementedError

    def _tell(self) -> None:
        """Strips of all sensors together, and sensors whose state has changed."""
        if strips := self._strips():
            self._live.publish("strips", {"items": strips})
        if changed := self._health.changed():
            self._live.publish("sensors", {"items": changed})

    def _keep_house(self) -> None:
        assert self._housekeeping is not None
        keeper, retention = self._housekeeping
        keeper.adopt_clips()
        while True:
            try:
                removed = retain(keeper, retention, now_ns=time.time_ns())
                self._health.count("clips_removed", removed)
            except DhishoomError as error:
                self._fail("housekeeping", error)
            if self._stopping.wait(RETAIN_EVERY_S):
                return

    def _lose(self, count: int) -> None:
        self._health.count("chunks_lost", count)

    def _notice(self, kind: str, detail: str) -> None:
        notice = {"sensor_id": None, "time": to_rfc3339(time.time_ns()), "kind": kind, "detail": detail}
        self._live.publish("notice", notice)
