"""`dhishoom bridge`: sound of sensors that speak MQTT, taken on to Kafka."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Annotated

import typer

from dhishoom.bus_wiring import open_bridged, open_kafka
from dhishoom.cli import output
from dhishoom.cli.working import work_until_stopped
from dhishoom.service.bridge import Bridge
from dhishoom.settings import FILE_NAME, read_settings


def bridge(
    config: Annotated[
        Path, typer.Option(help="The settings; bridge.servers and bus.servers say from where to where.")
    ] = Path(FILE_NAME),
    seconds: Annotated[float | None, typer.Option(help="Stop after so long; else with Ctrl-C.")] = None,
) -> None:
    """Take sound from the MQTT broker of bridge.servers to the Kafka of bus.servers, at least once and in order.

    Run one; the MQTT broker keeps what comes while it is away.
    """
    settings = read_settings(config)
    there = config.parent
    open_kafka(settings, there).close()  # what is wrong is said at once
    open_bridged(settings, there).close()
    work = Bridge(lambda: open_bridged(settings, there), lambda: open_kafka(settings, there))
    output.say(f"From MQTT at {settings.bridge.servers} to Kafka at {settings.bus.servers}. Ctrl-C stops.")
    work_until_stopped(work, threading.Event(), seconds)
    output.say(f"{work.carried} messages carried.")
