"""The command line, one file a command. Only the command that is asked for is imported."""

from __future__ import annotations

import importlib
import importlib.util
import logging
import os
import sys
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import typer

from dhishoom import __version__
from dhishoom.errors import DhishoomError

COMMANDS = {
    "demo": ("demo:demo", "A simulated city, heard live, on a page in your browser."),
    "run": ("run:run", "Listen as dhishoom.toml says, and serve the page."),
    "listen": ("listen:listen", "Listen to a microphone or a stream, and print what is heard."),
    "detect": ("detect:detect", "Find gunshots in recordings of any format and length."),
    "replay": ("replay:replay", "Play multi-sensor recordings with their clocks and places."),
    "locate": ("locate:locate", "Associate picks and locate the shots they are of."),
    "incidents": ("records:incidents", "Incidents in the store, newest first."),
    "detections": ("records:detections", "Detections in the store, newest first."),
    "review": ("records:review", "Say of an incident whether it was gunfire."),
    "evaluate": ("evaluate:evaluate", "Measure models and the locator on labelled recordings."),
    "models": ("models:models", "Models that are here, and their cards."),
    "init": ("init:init", "Write a dhishoom.toml to fill in."),
    "doctor": ("doctor:doctor", "Check what dhishoom needs; say how to mend what is missing."),
    "train": ("train:train", "Train a network from labelled recordings."),
    "export": ("train:export", "Write a trained network as ONNX with its card."),
}
"""Where each command is, and what is said of it before it is imported."""
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
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_common)
    completing = any(name.endswith("_COMPLETE") for name in os.environ if name.startswith("_DHISHOOM"))
    asked = next((argument for argument in arguments if not argument.startswith("-")), None)
    for name, (place, summary) in COMMANDS.items():
        if completing or name == asked:
            _register(app, name, place)
        else:
            app.command(name, help=summary)(_not_asked)
    return app


def _common(
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.", is_eager=True)] = False,
) -> None:
    if version:
        typer.echo(f"dhishoom {__version__}")
        raise typer.Exit


def _not_asked() -> None:
    """Stands for a command in the list of all."""


def _register(app: typer.Typer, name: str, place: str) -> None:
    module, _, attribute = place.partition(":")
    path = f"dhishoom.cli.{module}"
    if importlib.util.find_spec(path) is None:
        raise DhishoomError(f"`dhishoom {name}` is not part of this installation. Install dhishoom again.")
    found: typer.Typer | Callable[..., Any] = getattr(importlib.import_module(path), attribute)
    if isinstance(found, typer.Typer):
        app.add_typer(found, name=name)
    else:
        app.command(name)(found)
