"""What commands print: results on standard output, everything else on standard error.

rich leaves colour out where NO_COLOR is set or the stream is no terminal.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from rich.console import RenderableType

PIPED_WIDTH = 200
"""Columns where nobody sees a terminal, so that `| grep` finds whole rows."""
BROKEN_PIPE = 141
INTERRUPTED = 130
"""128 and the number of the signal, as shells say it."""

T = TypeVar("T")


def results() -> Console:
    """Standard output."""
    return Console(width=None if sys.stdout.isatty() else PIPED_WIDTH, highlight=False, soft_wrap=False)


def messages() -> Console:
    """Standard error."""
    return Console(stderr=True, highlight=False, width=None if sys.stderr.isatty() else PIPED_WIDTH)


def counted(count: int, thing: str, things: str = "") -> str:
    """How many of a thing: `1 sensor`, `2 sensors`; `things` where a plain s does not make them many."""
    return f"{count} {thing if count == 1 else things or f'{thing}s'}"


def say(message: str) -> None:
    """One line for people, on standard error."""
    messages().print(escape(message), soft_wrap=True)


def warn(message: str) -> None:
    """Something is wrong and the rest goes on."""
    messages().print(f"[yellow]warning:[/] {escape(message)}", soft_wrap=True)


def fail(message: str) -> None:
    """Something could not be done."""
    messages().print(f"[red]error:[/] {escape(message)}", soft_wrap=True)


def print_json(message: object) -> None:
    """One JSON object on one line, at once; ends the command quietly where nobody reads any more (`| head`)."""
    with _quiet_on_broken_pipe():
        sys.stdout.write(json.dumps(message, ensure_ascii=False, allow_nan=False) + "\n")
        sys.stdout.flush()


def print_result(renderable: RenderableType) -> None:
    """A table or a line on standard output."""
    with _quiet_on_broken_pipe():
        results().print(renderable)


@contextmanager
def _quiet_on_broken_pipe() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(BROKEN_PIPE) from None


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]], *, right: Iterable[str] = ()) -> Table:
    """A table of text cells; the columns named in `right` are numbers and stand to the right."""
    made = Table(title=escape(title) if title else None, title_justify="left", header_style="bold")
    numbers = set(right)
    for column in columns:
        made.add_column(column, justify="right" if column in numbers else "left", overflow="fold")
    for row in rows:
        made.add_row(*(escape(cell) for cell in row))
    return made


def progress(items: Iterable[T], doing: str, total: int | None) -> Iterator[T]:
    """The items, with a bar on standard error while a terminal shows it; it vanishes at the end."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = messages()
    columns: tuple[Any, ...] = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        yield from bar.track(items, total=total, description=escape(doing))
