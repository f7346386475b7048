"""Listening and serving until told to stop: what `run` and `demo` share."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dhishoom.cli import output
from dhishoom.messages import Json
from dhishoom.nouns import Site
from dhishoom.seams import AUDIO_TOPIC
from dhishoom.service.health import Health
from dhishoom.service.intake import Feed
from dhishoom.service.live import Live
from dhishoom.service.pipeline import Listening, Pipeline
from dhishoom.service.run import Service
from dhishoom.service.web_server import WebServer
from dhishoom.settings import Settings
from dhishoom.wiring import AudioCodec, in_frame_of, limits_of, merged_site, open_bus, open_detector, retention_of

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
    service: Service


def assemble(settings: Settings, site: Site, feeds: list[Feed], store: SqlStore) -> Running:
    """Put the service together; nothing runs yet."""
    site = in_frame_of(merged_site(site, feeds), store)
    bus, live = open_bus(settings), Live()
    health = Health(site, lag=lambda: bus.lag(AUDIO_TOPIC))
    listening = Listening(keep=settings.store.keep, limits=limits_of(settings))
    pipeline = Pipeline(site, open_detector(settings), store, listening=listening, publish=live.publish, health=health)
    keep_house = (store, retention_of(settings.store))
    service = Service(feeds, bus, AudioCodec(site), pipeline, live, housekeeping=keep_house)
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
    )
    web.start(app)


def listen_until_stopped(running: Running, *, seconds: float | None, until_done: bool) -> None:
    """Print incidents as they come, until a signal, the end of `seconds`, or of every source where that is asked.

    Everything heard is stored when it returns. Raises the failure of the sources where all of them failed.
    """
    stop = threading.Event()
    with _signals_set(stop):
        running.service.start()
        _watch(running, stop, seconds, until_done=until_done)
        running.service.stop()
        if not running.service.wait(END_S_MAX):
            output.warn(f"not all that was heard could be stored within {END_S_MAX:.0f} s; see the messages above.")
    failures = running.service.failures
    if failures and not running.health.counts.get("chunks_total"):
        raise failures[0]


def _watch(running: Running, stop: threading.Event, seconds: float | None, *, until_done: bool) -> None:
    begun_s, screen, ended = time.monotonic(), _Screen(running.live), False
    while not stop.wait(LOOK_EVERY_S):
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
            elif event.kind == "notice" and event.payload["sensor_id"] is None:
                output.warn(event.payload["detail"])

    def _show(self, incident: Json) -> None:
        essence = incident["status"], incident["rounds"]
        if self._shown.get(incident["id"]) != essence:
            self._shown[incident["id"]] = essence
            output.say(_line(incident))


def _line(incident: Json) -> str:
    rounds = "1 round" if incident["rounds"] == 1 else f"{incident['rounds']} rounds"
    place = incident["position"]
    where = ", ".join(f"{name} {value}" for name, value in place.items()) if place else incident["status"]
    heard_by = f"{len(incident['sensors'])} sensors"
    return f"{incident['time']}  incident {incident['id']} ({incident['revision']}): {rounds}, {where}, {heard_by}"


@contextmanager
def _signals_set(stop: threading.Event) -> Iterator[None]:
    """SIGINT and SIGTERM ask for the end; a second one ends at once."""

    def ask(_: int, __: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
