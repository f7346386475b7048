"""`dhishoom doctor`: whether everything is here that dhishoom needs, and the command for what is not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from dhishoom.cli import checks, output, reach
from dhishoom.cli.checks import Check, Needs
from dhishoom.errors import SettingsError
from dhishoom.settings import FILE_NAME, Settings, read_settings

WORDS = {"ok": ("OK", "green"), "fix": ("FIX", "bold red"), "note": ("--", "dim")}
NOT_WELL = 1


def doctor(
    config: Annotated[Path, typer.Option(help="The settings to check.")] = Path(FILE_NAME),
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line for each thing checked.")] = False,
) -> None:
    """Check what dhishoom needs: OK, or FIX with what mends it; -- is not here and not needed.

    Looks at Python, the page, decoders, extras, the model and its card, the settings, the microphone, the store, its
    disk, whether a bus, a database and sinks elsewhere answer, the port and the clock. Changes nothing. Ends with 1 if
    anything needs mending.
    """
    found = []
    for check in examined(config):
        found.append(check)
        if as_json:
            told = {"name": check.name, "state": check.state, "detail": check.detail, "fix": check.fix}
            output.print_json({"type": "check", **told})
        else:
            output.print_result(_line(check))
    wrong = sum(check.state == "fix" for check in found)
    if wrong:
        output.say(f"{wrong} to fix.")
        raise typer.Exit(NOT_WELL)
    output.say("All is well.")


def examined(config: Path) -> Iterator[Check]:
    """Every check, in the order in which things are needed."""
    settings, told = _settings(config)
    needs = Needs() if settings is None else checks.needs_of(settings)
    chosen = Settings() if settings is None else settings
    yield checks.python()
    yield checks.page()
    yield from checks.decoders(needs)
    yield from checks.extras()
    yield told
    yield checks.model(chosen)
    yield checks.microphone(needs)
    yield from checks.store(chosen.store, config.parent)
    yield from reach.elsewhere(chosen)
    yield checks.port(chosen.web)
    yield checks.clock(needs)


def _settings(config: Path) -> tuple[Settings | None, Check]:
    """The settings, None where there are none or they cannot be understood."""
    if config == Path(FILE_NAME) and not config.exists():
        return None, Check(name="settings", state="note", detail=f"no {FILE_NAME} here", fix="dhishoom init")
    try:
        settings = read_settings(config)
    except SettingsError as error:
        return None, Check(name="settings", state="fix", detail=str(error), fix=f"mend {config}")
    sensors = output.counted(len(settings.sensor), "sensor")
    return settings, Check(name="settings", state="ok", detail=f"{config}: {sensors}")


def _line(check: Check) -> Text:
    word, style = WORDS[check.state]
    fix = f"\n{'':17} {check.fix}" if check.fix and check.state != "ok" else ""
    rest = f" {check.name:<12} {check.detail}{fix}"
    return Text.assemble((f"{word:<4}", style), rest, no_wrap=True, overflow="ignore")  # commands are copied whole
