"""`dhishoom produce`: a folder of clips as the sound of simulated sensors, on the bus."""

from __future__ import annotations

import itertools
import time
from pathlib import Path
from typing import Annotated, Literal

import typer

from dhishoom.bus_wiring import open_bus, open_spool
from dhishoom.cli import output
from dhishoom.cli.bus_options import base_of, bus_settings
from dhishoom.cli.ending import asked_to_end
from dhishoom.errors import SettingsError, UsageError
from dhishoom.nouns import NS_PER_S, Site
from dhishoom.seams import AUDIO_TOPIC
from dhishoom.sources.clip_players import ClipPlayers, clips_of
from dhishoom.wiring import AudioCodec

SENSORS_MAX = 100_000
SAY_EVERY_S = 10.0


def produce(
    folder: Annotated[Path, typer.Argument(help="Clips to be played.")],
    sensors: Annotated[int, typer.Option(help="How many simulated sensors.")] = 1,
    every: Annotated[float, typer.Option(help="Seconds from one clip of a sensor to its next.")] = 10.0,
    manifest: Annotated[
        Path | None, typer.Option(help="A CSV file with path and label: gunshots and others then come by turns.")
    ] = None,
    seconds: Annotated[float | None, typer.Option(help="Stop after so long; else with Ctrl-C.")] = None,
    count: Annotated[int | None, typer.Option(help="Stop after so many clips.")] = None,
    at_once: Annotated[bool, typer.Option("--at-once", help="Do not wait between clips; needs --count.")] = False,
    form: Annotated[Literal["npy", "flac", "wav"], typer.Option(help="How clips are written.")] = "npy",
    servers: Annotated[str, typer.Option(help="Kafka's host:port; else bus.servers.")] = "",
    config: Annotated[Path | None, typer.Option(help="The settings; else dhishoom.toml, if it is here.")] = None,
    spool: Annotated[Path, typer.Option(help="Where clips wait while the bus is away.")] = Path("dhishoom-data/spool"),
    seed: Annotated[int, typer.Option(help="Another seed is another choice of clips.")] = 0,
) -> None:
    """Play clips as simulated sensors, each sending one every few seconds, spread evenly.

    While the bus is away clips wait in a folder, and catch up in their order.
    """
    if not 1 <= sensors <= SENSORS_MAX:
        raise UsageError(f"--sensors {sensors} is not 1 to {SENSORS_MAX}.")
    if not 0.1 <= every <= 120:
        raise UsageError(f"--every {every:g} is not 0.1 to 120 seconds.")
    if at_once and count is None:
        raise UsageError("--at-once never ends without --count; give it.")

    settings = bus_settings(config, servers)
    if settings.bus.kind == "memory":
        raise SettingsError("there is no bus to send to: give --servers host:port, or [bus] in dhishoom.toml.")
    gunfire, others = clips_of(folder, manifest)
    bus = open_spool(open_bus(settings, base_of(config), patient=True), spool)
    codec = AudioCodec(Site(), form)
    turns = -(-(count or 0) // sensors) + 1 if at_once else 1
    begin_ns = time.time_ns() - round(every * NS_PER_S) * turns
    source = ClipPlayers(
        gunfire, others, sensors=sensors, every_s=every, begin_ns=begin_ns, seed=seed, paced=not at_once
    )
    clips = f"{len(gunfire)} clips of gunfire, {len(others)} others" if manifest else f"{len(others)} clips"
    output.say(f"{clips}; {output.counted(sensors, 'simulated sensor')}. Ctrl-C stops.")
    sent = 0
    with asked_to_end(seconds, source.close):
        said_s = time.monotonic()
        for chunk in itertools.islice(source.chunks(), count):
            value, headers = codec.encode(chunk)
            bus.publish(AUDIO_TOPIC, chunk.sensor_id, value, headers)
            sent += 1
            if time.monotonic() - said_s > SAY_EVERY_S:
                said_s = time.monotonic()
                output.say(f"{sent} clips sent, {bus.waiting} of them wait in {spool}.")
        bus.flush()
    bus.close()
    output.say(f"{sent} clips sent.")
