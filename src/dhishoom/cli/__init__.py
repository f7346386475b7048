"""The command line, one file a command. Only the command that is asked for is imported."""

from __future__ import annotations

import importlib
import importlib.util
import logging
import os
import sys
from collections.abc import Callable, Sequence
from typing import Annotated, Any, NamedTuple

import typer

from dhishoom import __version__
from dhishoom.errors import DhishoomError


class Command(NamedTuple):
    """Where a command is, what is said of it before it is imported, and how it is used."""

    place: str
    summary: str
    examples: tuple[str, ...]


COMMANDS = {
    "demo": Command(
        "demo:demo",
        "A simulated city, heard live, on a page in your browser.",
        ("dhishoom demo", "dhishoom demo --no-browser --port 0 --seconds 60 --seed 7"),
    ),
    "run": Command(
        "run:run",
        "Listen as dhishoom.toml says, and serve the page.",
        ("dhishoom run", "dhishoom run --config /etc/dhishoom/dhishoom.toml --port 9000"),
    ),
    "listen": Command(
        "listen:listen",
        "Listen to a microphone or a stream, and print what is heard.",
        ("dhishoom listen", "dhishoom listen rtsp://camera.example/live --json"),
    ),
    "detect": Command(
        "detect:detect",
        "Find gunshots in recordings of any format and length.",
        ("dhishoom detect night.wav recordings/ --json", "dhishoom detect night.wav --labels audacity --plot figures"),
    ),
    "replay": Command(
        "replay:replay",
        "Play multi-sensor recordings with their clocks and places.",
        ("dhishoom replay sensors/", "dhishoom replay sensors/ --json"),
    ),
    "locate": Command(
        "locate:locate",
        "Associate picks and locate the shots they are of.",
        ("dhishoom locate picks.json", "dhishoom locate picks.json --temperature 31 --json"),
    ),
    "incidents": Command(
        "records:incidents",
        "Incidents in the store, newest first.",
        ("dhishoom incidents --since 24h", "dhishoom incidents --store dhishoom-data/demo --json"),
    ),
    "detections": Command(
        "records:detections",
        "Detections in the store, newest first.",
        ("dhishoom detections --sensor roof-3 --since 2h", "dhishoom detections --label gunshot --json"),
    ),
    "review": Command(
        "records:review",
        "Say of an incident whether it was gunfire.",
        ("dhishoom review 5d0c8f1b2a3e4d6f confirmed --note 'three casings found' --reviewer 'Desk 2'",),
    ),
    "alerts": Command(
        "alerts:alerts",
        "What was told to whom, and what could not be.",
        ("dhishoom alerts list --state dead", "dhishoom alerts acknowledge 5d0c8f1b2a3e4d6f --by 'Desk 2'"),
    ),
    "sink": Command(
        "sink:sink",
        "Who is told of shots, and whether telling them works.",
        ("dhishoom sink list", "dhishoom sink test desk"),
    ),
    "produce": Command(
        "produce:produce",
        "Send a folder of clips over the bus, as simulated sensors.",
        ("dhishoom produce clips --sensors 300 --every 10 --manifest clips/manifest.csv --servers localhost:9092",),
    ),
    "consume": Command(
        "consume:consume",
        "Print what arrives on a topic of Kafka.",
        ("dhishoom consume --servers localhost:9092", "dhishoom consume --topic detections --json"),
    ),
    "bridge": Command(
        "bridge:bridge",
        "Take sound from MQTT to Kafka.",
        ("dhishoom bridge --config dhishoom.toml",),
    ),
    "associate": Command(
        "associate:associate",
        "Make incidents of a city's detections, region by region.",
        ("dhishoom associate", "dhishoom associate --region 2/4"),
    ),
    "evaluate": Command(
        "evaluate:evaluate",
        "Measure models and the locator on labelled recordings.",
        ("dhishoom evaluate clips/manifest.csv --pittsburgh pittsburgh --out evaluation",),
    ),
    "calibrate": Command(
        "calibrate:calibrate",
        "Set a site's thresholds by its quiet hours and reviews.",
        (
            "dhishoom calibrate quiet-night/ --per-day 1",
            "dhishoom calibrate --store dhishoom-data --write dhishoom.toml",
        ),
    ),
    "models": Command(
        "models:models",
        "Models that are here, and their cards.",
        ("dhishoom models list", "dhishoom models show dhishoom-small-open-1 --json"),
    ),
    "init": Command(
        "init:init",
        "Write a dhishoom.toml to fill in.",
        ("dhishoom init && dhishoom run", "dhishoom init --replay sensors/"),
    ),
    "doctor": Command(
        "doctor:doctor",
        "Check what dhishoom needs; say how to mend what is missing.",
        ("dhishoom doctor", "dhishoom doctor --config /etc/dhishoom/dhishoom.toml --json"),
    ),
    "spark": Command(
        "spark:spark",
        "Listen inside Spark, or hear an archive again with it.",
        ("dhishoom spark run --servers localhost:9092", "dhishoom spark rescore clips --out log-2 --model my-model"),
    ),
    "dataset": Command(
        "dataset:dataset",
        "Choose and fetch recordings to learn from and to measure on.",
        ("dhishoom dataset audioset --segments eval_segments.csv --out set", "dhishoom dataset esc50 --out esc50"),
    ),
    "train": Command(
        "train:train",
        "Train a network from labelled recordings.",
        ("dhishoom train src/dhishoom/train/configs/dhishoom-small-open-1.toml --fold 2",),
    ),
    "export": Command(
        "train:export",
        "Write a trained network as ONNX with its card.",
        ("dhishoom export runs/my-model --name my-model --out models",),
    ),
}
INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit: 0, an error's `exit_code`, or 130 after Ctrl-C (docs/cli.md)."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    try:
        application(given)(given, prog_name="dhishoom")
    except DhishoomError as error:
        from dhishoom.cli.output import fail

        fail(str(error))
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def application(arguments: Sequence[str]) -> typer.Typer:
    """All commands by name; of them, only the first that the arguments name is imported."""
    app = typer.Typer(
        name="dhishoom",
        help="Open-source, real-time gunshot detection: what, where, when and how many rounds.",
        epilog=_shown(("dhishoom demo", "dhishoom COMMAND -h")),
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_common)
    completing = any(name.endswith("_COMPLETE") for name in os.environ if name.startswith("_DHISHOOM"))
    asked = next((argument for argument in arguments if not argument.startswith("-")), None)
    for name, command in COMMANDS.items():
        if completing or name == asked:
            _register(app, name, command)
        else:
            app.command(name, help=command.summary)(_not_asked)
    return app


def _tell_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"dhishoom {__version__}")
        raise typer.Exit


def _common(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", is_eager=True, callback=_tell_version)
    ] = False,
) -> None:
    pass


def _not_asked() -> None:
    """Stands for a command in the list of all."""


def _shown(examples: Sequence[str]) -> str:
    """Examples as the end of a help text; typer joins single lines and keeps paragraphs."""
    title = "Example:" if len(examples) == 1 else "Examples:"
    return "\n\n".join((title, *(f"  {example}" for example in examples)))


def _register(app: typer.Typer, name: str, command: Command) -> None:
    module, _, attribute = command.place.partition(":")
    path = f"dhishoom.cli.{module}"
    if importlib.util.find_spec(path) is None:
        raise DhishoomError(f"`dhishoom {name}` is not part of this installation. Install dhishoom again.")
    found: typer.Typer | Callable[..., Any] = getattr(importlib.import_module(path), attribute)
    if isinstance(found, typer.Typer):
        app.add_typer(found, name=name, epilog=_shown(command.examples))
    else:
        app.command(name, epilog=_shown(command.examples))(found)
