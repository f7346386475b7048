"""Work in the background until a signal or the clock ends it."""

from __future__ import annotations

import threading

from dhishoom.bus_wiring import open_bus
from dhishoom.cli import output
from dhishoom.cli.ending import asked_to_end
from dhishoom.nouns import Site
from dhishoom.service.alert_office import Worker
from dhishoom.service.duty import WorkService
from dhishoom.service.health import Health
from dhishoom.service.live import Live
from dhishoom.settings import Settings
from dhishoom.wiring import AudioCodec

END_S_MAX = 20.0


def worker_service() -> WorkService:
    """One that hears nothing."""
    site = Site()
    return WorkService(open_bus(Settings()), AudioCodec(site), Health(site), Live())


def work_until_stopped(work: Worker | WorkService, stop: threading.Event, seconds: float | None) -> None:
    """Until Ctrl-C, SIGTERM or the end of `seconds`; what fails begins again."""
    if isinstance(work, WorkService):
        service = work
    else:
        service = worker_service()
        service.add_worker(work)
    with asked_to_end(seconds, stop.set):
        service.start()
        stop.wait()
        service.stop()
        if not service.wait(END_S_MAX):
            output.warn(f"not all could be settled within {END_S_MAX:.0f} s; what is left is done again next time.")
