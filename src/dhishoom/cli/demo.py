"""`dhishoom demo`: a simulated city through the real chain, on the real page."""

from __future__ import annotations

import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from dhishoom.alert_settings import SinkSettings
from dhishoom.cli import output
from dhishoom.cli.run import warn_if_open
from dhishoom.cli.serving import Running, assemble, listen_until_stopped, serve
from dhishoom.service.web_server import WebServer
from dhishoom.settings import ModelSettings, Settings, SimulationSettings, StoreSettings, WebSettings
from dhishoom.wiring import open_feeds, open_store, simulated_streets, site_of

WHAT_TO_LOOK_AT = (
    "Every sound is simulated: street noise, single shots, a burst of three, then fireworks and other sounds that are "
    "no gunfire.\nLook at the strips (red: gunfire), the cards with time, place, rounds and sound, the ellipses on the "
    "map,\nand the list of what was rejected and as what."
)


def demo(
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Do not open the page in a browser.")] = False,
    port: Annotated[int, typer.Option(help="Port of the page, 0 for any that is free.")] = 8765,
    host: Annotated[str, typer.Option(help="Address to serve at.")] = "127.0.0.1",
    seconds: Annotated[float | None, typer.Option(help="Stop after so long; else with Ctrl-C.")] = None,
    seed: Annotated[int, typer.Option(help="Another seed is another evening.")] = 1,
    data: Annotated[Path, typer.Option(help="Folder of what is kept; the only thing the demo leaves behind.")] = Path(
        "dhishoom-data/demo"
    ),
    model: Annotated[str, typer.Option(help="A model's name; else the default.")] = "",
) -> None:
    """Show everything at work: a simulated city of 24 sensors, heard live, on a page in your browser."""
    settings = Settings(
        simulation=SimulationSettings(seed=seed),
        model=ModelSettings(name=model),
        store=StoreSettings(folder=str(data), keep="detections", days=3650.0),
        web=WebSettings(host=host, port=port),
        sink=(SinkSettings(name="cap", kind="cap", folder=str(data / "cap"), sender="demo@dhishoom.invalid"),),
    )
    warn_if_open(host)
    web = WebServer(host, port)
    try:
        feeds, store = open_feeds(settings), open_store(settings.store)
        try:
            earlier = len(store.incidents(limit=1000))
            running = assemble(settings, site_of(settings), feeds, store, page=web.url)
            serve(running, store, settings, web, simulated_streets(feeds))
            _introduce(web, data, seed, earlier)
            if not no_browser:
                webbrowser.open(web.url)
            listen_until_stopped(running, seconds=seconds, until_done=False)
            _conclude(running, data)
        finally:
            web.stop()
            store.close()
    finally:
        web.stop()


def _introduce(web: WebServer, data: Path, seed: int, earlier: int) -> None:
    output.say(f"dhishoom demo, seed {seed}\n  page  {web.url}\n  API   {web.url}/api/v1/incidents\n  data  {data}")
    if earlier:
        output.say(f"{earlier} incidents of earlier demos are shown too; delete {data} to begin afresh.")
    output.say(f"{WHAT_TO_LOOK_AT}\nStop with Ctrl-C.")


def _conclude(running: Running, data: Path) -> None:
    counts = running.health.counts
    output.say(
        f"Heard {counts.get('chunks_total', 0)} chunks ({counts.get('chunks_lost', 0)} lost), "
        f"{counts.get('detections', 0)} detections. All of it is in {data}."
    )
