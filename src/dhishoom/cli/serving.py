"""Listening and serving until told to stop: what `run` and `demo` share."""

from __future__ import annotations

import queue
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dhishoom.alert_wiring import open_alerts
from dhishoom.bus_wiring import open_bus
from dhishoom.cli import output
from dhishoom.detectors.prompt import promptly
from dhishoom.errors import StoreError
from dhishoom.messages import Json
from dhishoom.nouns import Site
from dhishoom.seams import AUDIO_TOPIC
from dhishoom.service.city import CityService
from dhishoom.service.clock_watch import ClockWatch
from dhishoom.service.duty import WorkService
from dhishoom.service.health import Health
from dhishoom.service.intake import Feed
from dhishoom.service.live import Live
from dhishoom.service.pipeline import Listening, Pipeline
from dhishoom.service.run import Service
from dhishoom.service.web_server import WebServer
from dhishoom.settings import Settings
from dhishoom.wiring import AudioCodec, in_frame_of, limits_of, merged_site, open_detector, retention_of

if TYPE_CHECKING:
    from types import FrameType

    from dhishoom.stores.sql import SqlStore

LOOK_EVERY_S = 0.2
END_S_MAX = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """Everything that runs, for as long as it does."""

    site: Site
    live: Live
    health: Health
    service: Service | CityService | WorkService


def assemble(
    settings: Settings, site: Site, feeds: list[Feed], store: SqlStore, *, base: Path = Path(), page: str = ""
) -> Running:
    """Put the service together; nothing runs yet.

    Args:
        base: Paths in the settings are relative to it.
        page: Address of the page, for links in alerts.
    """
    site = in_frame_of(merged_site(site, feeds), store)
    bus, live = open_bus(settings, base), Live()
    health = Health(site, lag=lambda: bus.lag(AUDIO_TOPIC))
    listening = Listening(keep=settings.store.keep, limits=limits_of(settings))
    office = open_alerts(settings, site, store, live.publish, base=base, page=page)
    pipeline = Pipeline(
        site,
        promptly(open_detector(settings)),
        store,
        listening=listening,
        publish=live.publish,
        health=health,
        alerts=office,
    )
    keep_house = (store, retention_of(settings.store))
    workers = (*(office.workers if office else ()), ClockWatch(store, site, health, live.publish))
    service = Service(feeds, bus, AudioCodec(site), pipeline, live, housekeeping=keep_house, workers=workers)
    return Running(site=site, live=live, health=health, service=service)


def serve(running: Running, store: SqlStore, settings: Settings, web: WebServer, streets: Json | None) -> None:
    """Begin to answer on the web server; returns at once."""
    from dhishoom.web.app import create_app

    app = create_app(
        store,
        running.site,
        running.live,
        running.health.sensors,
        health=running.health.health,
        streets=streets,
        simulated=settings.simulation is not None,
        hosts=settings.web.hosts,
        alerts=store,
    )
    web.start(app)


def listen_until_stopped(running: Running, *, seconds: float | None, until_done: bool) -> None:
    """Print incidents as they come, until a signal, the end of `seconds`, or of every source where that is asked.

    Everything heard is stored when it returns. Raises StoreError where the store refused it to the end, and the failure
    of the sources where all of them failed.
    """
    end, screen = _End(), _Screen(running.live)
    with _signals_ask(end):
        running.service.start()
        _watch(running, end, screen, seconds, until_done=until_done)
        running.service.stop()
        if running.service.wait(END_S_MAX):
            screen.refresh()
        else:
            output.warn(f"not all that was heard could be stored within {END_S_MAX:.0f} s; see the messages above.")
    if unstored := running.service.unstored:
        raise StoreError(f"{unstored} detections and incidents could not be stored; the reason is told above.")
    failures = running.service.failures
    if failures and not running.health.counts.get("chunks_total"):
        raise failures[0]


def _watch(running: Running, end: _End, screen: _Screen, seconds: float | None, *, until_done: bool) -> None:
    begun_s, ended = time.monotonic(), False
    while not end.asked_within(LOOK_EVERY_S):
        screen.refresh()
        if seconds is not None and time.monotonic() - begun_s >= seconds:
            return
        if running.service.wait(0.0) and not ended:
            ended = True
            if until_done or running.service.failures:
                return
            output.say("All sources have ended; the page is served until you stop it with Ctrl-C.")


class _Screen:
    """Incidents on standard error: when they are new, and when their status or rounds change."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._seen = 0
        self._shown: dict[str, tuple[str, int]] = {}

    def refresh(self) -> None:
        """Print what is new."""
        for event in self._live.since(self._seen):
            self._seen = event.event_id
            if event.kind == "incident":
                self._show(event.payload)
            elif event.kind == "notice" and _is_for_all(event.payload):
                output.warn(event.payload["detail"])

    def _show(self, incident: Json) -> None:
        essence = incident["status"], incident["rounds"]
        if self._shown.get(incident["id"]) != essence:
            self._shown[incident["id"]] = essence
            output.say(_line(incident))


def _is_for_all(notice: Json) -> bool:
    """What concerns a sensor is on the page; failed deliveries are in the log already."""
    return bool(notice["kind"] == "unknown" or (notice["sensor_id"] is None and notice["kind"] != "alert"))


def _line(incident: Json) -> str:
    rounds = output.counted(incident["rounds"], "round")
    place = incident["position"]
    where = ", ".join(f"{name} {value}" for name, value in place.items()) if place else incident["status"]
    heard_by = output.counted(len(incident["sensors"]), "sensor")
    return f"{incident['time']}  incident {incident['id']} ({incident['revision']}): {rounds}, {where}, {heard_by}"


class _End:
    """Whether the end was asked for.

    A signal interrupts the very thread that waits. It must not set a `threading.Event`, whose lock that thread may hold
    at the moment; a `SimpleQueue` may be put to from anywhere.
    """

    def __init__(self) -> None:
        self._asked: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._twice = False

    def ask(self, _: int = 0, __: FrameType | None = None) -> None:
        """As a handler of signals; the second time it ends at once."""
        if self._twice:
            raise KeyboardInterrupt
        self._twice = True
        self._asked.put(None)

    def asked_within(self, timeout_s: float) -> bool:
        """Wait so long."""
        try:
            self._asked.get(timeout=timeout_s)
        except queue.Empty:
            return False
        return True


@contextmanager
def _signals_ask(end: _End) -> Iterator[None]:
    """SIGINT and SIGTERM ask for the end; a second one ends at once."""
    before = {number: signal.signal(number, end.ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
