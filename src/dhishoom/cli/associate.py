"""`dhishoom associate`: detections of one region of a city become incidents."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Annotated

import typer

from dhishoom.bus_wiring import open_duty, open_kafka, region_of
from dhishoom.cli import output
from dhishoom.cli.city import WHOLE_CITY
from dhishoom.cli.working import work_until_stopped, worker_service
from dhishoom.settings import FILE_NAME, read_settings
from dhishoom.wiring import in_frame_of, limits_of, open_store, site_of


def associate(
    region: Annotated[str, typer.Option(help="2/4: the second of four regions of about as many sensors.")] = WHOLE_CITY,
    config: Annotated[Path, typer.Option(help="The settings.")] = Path(FILE_NAME),
    seconds: Annotated[float | None, typer.Option(help="Stop after so long; else with Ctrl-C.")] = None,
) -> None:
    """Make incidents of a city's detections, region by region, and tell the alerts that follow.

    A region is worked by one process at a time; start more of the same region to stand by. Workers are then started
    with `dhishoom run --no-associate`.
    """
    settings = read_settings(config)
    base = config.parent
    open_kafka(settings, base).close()  # what is wrong is said at once
    store = open_store(settings.store, base)
    try:
        limits = limits_of(settings)
        site = in_frame_of(site_of(settings), store)
        mine = region_of(site, region, limits)
        service = worker_service()
        duty = open_duty(settings, mine, store, store, service.supervise, limits=limits, base=base)
        output.say(f"Region {mine.name}: {len(mine.site.sensors)} of {len(site.sensors)} sensors. Ctrl-C stops.")
        service.add_worker(duty)
        work_until_stopped(service, threading.Event(), seconds)
    finally:
        store.close()
