"""`dhishoom run`: the service on the operator's dhishoom.toml."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from dhishoom.cli import output
from dhishoom.cli.city import assemble_city
from dhishoom.cli.serving import assemble, listen_until_stopped, serve
from dhishoom.errors import SettingsError
from dhishoom.messages import Json
from dhishoom.service.web_server import WebServer
from dhishoom.settings import FILE_NAME, ModelSettings, Settings, read_settings
from dhishoom.wiring import open_feeds, open_store, site_of

STREETS_BYTES_MAX = 64 << 20
LOOPBACK = ("127.0.0.1", "::1", "localhost")


def run(
    config: Annotated[Path, typer.Option(help="The settings; `dhishoom init` writes them.")] = Path(FILE_NAME),
    host: Annotated[str | None, typer.Option(help="Address to serve at; else web.host.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to serve at, 0 for any; else web.port.")] = None,
    model: Annotated[str | None, typer.Option(help="Which one listens; else model.name.")] = None,
    seconds: Annotated[float | None, typer.Option(help="Stop after so long; else with Ctrl-C.")] = None,
    until_done: Annotated[bool, typer.Option("--until-done", help="Stop when every source has ended.")] = False,
    associate: Annotated[
        bool, typer.Option(help="With Kafka: be ready to associate; not where `dhishoom associate` runs.")
    ] = True,
) -> None:
    """Listen as dhishoom.toml says, store what is heard, and serve the page.

    Paths in dhishoom.toml are relative to the folder it lies in. With bus.kind = "kafka" any number of these share the
    sensors: start more, or kill some.
    """
    settings = with_model(with_address(read_settings(config), host, port), model)
    base = config.parent
    streets = read_streets(base / settings.site.streets) if settings.site.streets else None
    warn_if_open(settings.web.host)
    web = WebServer(settings.web.host, settings.web.port)
    try:
        feeds = open_feeds(settings, base)
        store = open_store(settings.store, base)
        try:
            site = site_of(settings)
            if settings.bus.kind == "kafka":
                running = assemble_city(settings, site, feeds, store, base=base, page=web.url, associate=associate)
            else:
                running = assemble(settings, site, feeds, store, base=base, page=web.url)
            serve(running, store, settings, web, streets)
            sensors = output.counted(len(running.site.sensors), "sensor")
            output.say(f"{sensors} of {running.site.name!r}. Page: {web.url}  (Ctrl-C stops)")
            listen_until_stopped(running, seconds=seconds, until_done=until_done)
        finally:
            web.stop()
            store.close()
    finally:
        web.stop()


def with_address(settings: Settings, host: str | None, port: int | None) -> Settings:
    """The settings, with what the command line says of the address."""
    web = settings.web
    web = msgspec.structs.replace(web, host=web.host if host is None else host, port=web.port if port is None else port)
    return msgspec.structs.replace(settings, web=web)


def with_model(settings: Settings, name: str | None) -> Settings:
    """The settings, with the model that the command line names; its own thresholds then, and no second look."""
    if name is None:
        return settings
    return msgspec.structs.replace(settings, model=ModelSettings(name=name))


def warn_if_open(host: str) -> None:
    """Say what it means to serve beyond this machine."""
    if host not in LOOPBACK:
        output.warn(
            f"the page is served at {host}: whoever reaches this machine can listen to what is kept and review it, for "
            "there are no accounts. Put a proxy with a login before it, and name its host in web.hosts."
        )


def read_streets(path: Path) -> Json:
    """GeoJSON to draw under the map."""
    try:
        if path.stat().st_size > STREETS_BYTES_MAX:
            raise SettingsError(f"site.streets: {path} is larger than {STREETS_BYTES_MAX >> 20} MiB; cut it down.")
        streets = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise SettingsError(f"site.streets: {path} cannot be read as GeoJSON: {error}. Mend or remove it.") from error
    if not isinstance(streets, dict) or streets.get("type") != "FeatureCollection":
        raise SettingsError(f"site.streets: {path} is no GeoJSON FeatureCollection; export it as one.")
    return streets
