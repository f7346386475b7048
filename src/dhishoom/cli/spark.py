"""`dhishoom spark`: listening inside Spark, for a city whose sound goes through it anyway."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from dhishoom.bus_wiring import open_kafka
from dhishoom.cli import output
from dhishoom.cli.bus_options import base_of, bus_settings
from dhishoom.cli.ending import asked_to_end
from dhishoom.spark.assembly import job_of, paths_of, places_of, plan_of, run_until_stopped
from dhishoom.spark.plan import Plan
from dhishoom.spark.rescore import rescore as rescored
from dhishoom.spark.session import open_session
from dhishoom.wiring import open_detector, site_of

if TYPE_CHECKING:
    from dhishoom.settings import Settings
    from dhishoom.spark.job import Told

MASTER = "local[*,4]"
spark = typer.Typer(help="Listen inside Spark.", no_args_is_help=True)

Config = Annotated[Path | None, typer.Option(help="The settings; else dhishoom.toml, if it is here.")]
Master = Annotated[str, typer.Option(help="Where Spark runs; spark-submit knows it by itself.")]
Jars = Annotated[str, typer.Option(help="A folder with the Kafka connector's jars; else Spark fetches them.")]
Model = Annotated[str, typer.Option(help="A model's name or .onnx file; else that of the settings.")]


@spark.command(epilog="Example: dhishoom spark run --servers localhost:9092 --model energy")
def run(
    config: Config = None,
    servers: Annotated[str, typer.Option(help="Kafka's host:port; else bus.servers.")] = "",
    model: Model = "",
    master: Master = MASTER,
    jars: Jars = "",
    once: Annotated[bool, typer.Option("--once", help="Hear what is there now, then end.")] = False,
    seconds: Annotated[float | None, typer.Option(help="Stop after so long; else with Ctrl-C.")] = None,
) -> None:
    """Listen to Kafka's audio topic batch by batch; keep clips, write both logs, tell the associators.

    Begins where its checkpoint says: killed anywhere and started again, it loses nothing and doubles nothing.
    """
    settings = _with_model(bus_settings(config, servers), model)
    base, stop = base_of(config), threading.Event()
    plan_of(settings, base)  # what is wrong is said before Spark starts
    open_kafka(settings, base).close()
    session = open_session(master, jars)
    try:
        job = job_of(settings, session, base, once=once, tell=_say)
        paths = paths_of(settings, base)
        output.say(f"Listening with Spark. Clips: {paths.clips}. Logs: {paths.log} and {paths.csv}. Ctrl-C stops.")
        with asked_to_end(seconds, stop.set):
            run_until_stopped(job, stop, output.warn)
    finally:
        session.stop()


@spark.command(epilog="Example: dhishoom spark rescore s3a://city/clips --out s3a://city/log-2 --model my-model")
def rescore(
    archive: Annotated[str, typer.Argument(help="Clips in their folders: a path, hdfs:// or s3a://.")],
    out: Annotated[str, typer.Option(help="Where the new Parquet log goes; what was there is replaced.")],
    config: Config = None,
    model: Model = "",
    master: Master = MASTER,
    jars: Jars = "",
) -> None:
    """Hear an archive of clips again with another model, and write a new log."""
    settings = _with_model(bus_settings(config, ""), model)
    open_detector(settings)
    plan = Plan(site=site_of(settings), model=settings.model, places=places_of(settings))
    session = open_session(master, jars)
    try:
        found = rescored(session, plan, archive, out)
    finally:
        session.stop()
    output.say(f"{found.clips} clips heard, {found.gunshots} with a gunshot: {out}")


def _with_model(settings: Settings, name: str) -> Settings:
    if not name:
        return settings
    return msgspec.structs.replace(settings, model=msgspec.structs.replace(settings.model, name=name))


def _say(told: Told) -> None:
    """One line a batch that held something."""
    if told.outcomes:
        shots = sum(one.row.gunshot for one in told.outcomes)
        output.say(
            f"batch {told.batch}: {told.clips} clips, {shots} gunshots, {told.dead} refused, {told.seconds:.1f} s"
        )
