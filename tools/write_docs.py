"""Write what is known better elsewhere: commands, options and settings by the code, the README's figures by evaluation.

What stands between the marks `<!-- written by make docs -->` and `<!-- end -->` is replaced; the rest is handwork.
`--check` only says what is out of date.
"""

from __future__ import annotations

import argparse
import difflib
import importlib
import inspect
import itertools
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import msgspec
import typer
from typer.models import ArgumentInfo
from typer.utils import get_params_from_function

from dhishoom.cli import COMMANDS
from dhishoom.detectors.catalogue import DEFAULT
from dhishoom.sections import Section
from dhishoom.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
NOT_DESCRIBED = "(describe it under Attributes in the docstring of {})"
BEGIN, END = "<!-- written by make docs -->", "<!-- end -->"
_LISTED = re.compile(r"^ {4}([a-z_0-9, ]+): (.*)$")


def commands() -> Iterator[tuple[str, Callable[..., Any], str]]:
    """Every command by its whole name, those of groups as `models list`, with its own examples if it has some."""
    for name, command in COMMANDS.items():
        module, _, attribute = command.place.partition(":")
        found = getattr(importlib.import_module(f"dhishoom.cli.{module}"), attribute)
        if not isinstance(found, typer.Typer):
            yield name, found, ""
            continue
        for one in found.registered_commands:
            if one.callback is not None:
                yield f"{name} {one.name or one.callback.__name__}", one.callback, str(one.epilog or "")


def command_text() -> str:
    """All commands: what each does, its arguments and options, examples."""
    return "\n".join("\n".join(_command(*one)) for one in commands())


def _command(name: str, function: Callable[..., Any], epilog: str) -> Iterator[str]:
    found = list(parameters(function))
    usage = " ".join((f"dhishoom {name}", *(one.names for one in found if one.is_argument)))
    yield f"### `{usage.replace('`', '')}`\n"
    yield inspect.getdoc(function) + "\n"
    if found:
        rows = (f"| {one.names} | {_cell(one.meaning)} | {one.default} |".replace("|  |", "| |") for one in found)
        yield from ("| | | default |", "|---|---|---|", *rows, "")
    group, _, inner = name.partition(" ")
    shown = [one for one in COMMANDS[group].examples if not inner or one.startswith(f"dhishoom {name}")]
    if not shown and epilog:
        shown = [epilog.partition(":")[2].strip()]
    if shown:
        yield from ("```console", *shown, "```", "")


@dataclass(frozen=True)
class Parameter:
    """An argument or option as the docs show it."""

    names: str
    meaning: str
    default: str
    is_argument: bool


def parameters(function: Callable[..., Any]) -> Iterator[Parameter]:
    """Of a command, in the order of its signature."""
    for name, parameter in get_params_from_function(function).items():
        info, kind = parameter.default, parameter.annotation
        is_argument = isinstance(info, ArgumentInfo)
        names = _metavar(name, info, kind) if is_argument else _names(name, info, kind)
        if is_argument and info.default is not ...:
            names = f"`[{names.strip('`')}]`"
        choices = [str(choice) for choice in _choices(kind)]
        which = f" One of {', '.join(f'`{choice}`' for choice in choices)}." if choices else ""
        default = "" if info.default is ... else _default(info.default)
        yield Parameter(names, f"{info.help or ''}{which}", default, is_argument)


def _metavar(name: str, info: Any, kind: Any) -> str:
    named = (info.metavar or name.upper()).strip("[]")
    return f"`{named}{'...' if _is_list(kind) and not named.endswith('...') else ''}`"


def _names(name: str, info: Any, kind: Any) -> str:
    """`--json`; a switch without names of its own can be switched off as well."""
    named = [one for one in info.param_decls or () if one.startswith("-")]
    option = f"--{name.replace('_', '-')}"
    if not named:
        named = [option, f"--no-{option[2:]}"] if kind is bool else [option]
    return ", ".join(f"`{one}`" for one in named)


def _choices(kind: Any) -> Iterator[object]:
    if get_origin(kind) is Literal:
        yield from get_args(kind)
    elif isinstance(kind, type) and issubclass(kind, Enum):
        yield from (member.value for member in kind)
    else:
        for inner in get_args(kind):
            yield from _choices(inner)


def _default(value: Any) -> str:
    if value is None or value in (False, "", (), []):
        return ""
    if value == DEFAULT:
        return "the default model"
    return "yes" if value is True else f"`{value}`"


def _cell(text: str | None) -> str:
    return " ".join((text or "").replace("|", "\\|").split())


def setting_text() -> str:
    """All tables of dhishoom.toml: what each is for, its keys, their defaults and meaning."""
    return "\n".join("\n".join(_section(title, section)) for title, section in sections(Settings, ""))


def sections(section: type[Section], title: str) -> Iterator[tuple[str, type[Section]]]:
    """Every table with its title as it is written, outer ones first."""
    inner = [(field, section_in(field.type)) for field in msgspec.structs.fields(section)]
    if title:
        yield title, section
    for field, found in inner:
        if found is not None:
            name = f"{title.strip('[]')}.{field.encode_name}" if title else field.encode_name
            yield from sections(found, f"[[{name}]]" if _is_list(field.type) else f"[{name}]")


def section_in(kind: Any) -> type[Section] | None:
    """The table that a setting is, or is a list of."""
    if isinstance(kind, type) and issubclass(kind, Section):
        return kind
    return next((found for one in get_args(kind) if (found := section_in(one))), None)


def _is_list(kind: Any) -> bool:
    """Whether several may be given."""
    return get_origin(kind) in (tuple, list)


def _section(title: str, section: type[Section]) -> Iterator[str]:
    summary, meanings = described(section)
    yield f"### `{title}`\n"
    yield f"{summary}\n"
    yield from ("| key | default | |", "|---|---|---|")
    for field in msgspec.structs.fields(section):
        if section_in(field.type) is None:
            meaning = meanings.get(field.encode_name, NOT_DESCRIBED.format(section.__name__))
            yield f"| `{field.encode_name}` | {_value(field)} | {_cell(meaning)} |".replace("|  |", "| |")
    yield ""


def described(section: type[Section]) -> tuple[str, dict[str, str]]:
    """What a section's docstring says of it, and of each key under `Attributes:`."""
    before, _, after = (inspect.getdoc(section) or "").partition("Attributes:\n")
    meanings: dict[str, str] = {}
    names: list[str] = []
    for line in after.splitlines():
        if match := _LISTED.match(line):
            names = [name.strip() for name in match[1].split(",")]
        for name in names:
            meanings[name] = f"{meanings.get(name, '')} {match[2] if match else line}".strip()
    told = re.sub(r"^`\[.*?\]+`[.:]? ?", "", " ".join(before.split()))
    return told[:1].upper() + told[1:], meanings


def _value(field: Any) -> str:
    if field.default is msgspec.NODEFAULT and field.default_factory is msgspec.NODEFAULT:
        return "must be given"
    value = field.default
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, str):
        return f'`"{value}"`' if value else '`""`'
    if value is None:
        return ""
    return "`[]`" if isinstance(value, tuple) else f"`{value}`"


def figures_text() -> str:
    """Of the evaluation's first table, what the default model reaches, alone and with a second look, beside YAMNet."""
    evaluation = (DOCS / "evaluation.md").read_text(encoding="utf-8")
    _, _, rest = evaluation.partition("## At a glance\n\n")
    legend, _, table = rest.partition("\n\n")
    head, rule, *rows = ([cell.strip() for cell in line.strip("|").split("|")] for line in _lines_of(table))
    shown = [head.index(name) for name in ("measure", f"`{DEFAULT}`", f"`{DEFAULT}+yamnet`", "`yamnet`", "must")]
    lines = ("| " + " | ".join(line[at] for at in shown) + " |" for line in (head, rule, *rows))
    return "\n".join([*lines, "", legend, ""])


def _lines_of(text: str) -> Iterator[str]:
    return itertools.takewhile(lambda line: line.startswith("|"), text.splitlines())


def ancestor_text() -> str:
    """What `make ancestor` wrote about the learning system before this one."""
    _, _, rest = (
        (DOCS / "ancestor.md").read_text(encoding="utf-8").partition("<!-- written by tools/compare_models.py -->\n\n")
    )
    return rest.partition("<!-- until here -->")[0]


PAGES = {
    "docs/evaluation.md": ancestor_text,
    "docs/cli.md": command_text,
    "docs/settings.md": setting_text,
    "README.md": figures_text,
}


def main() -> None:
    """Write every page, or say whether they are as they should be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; end with 1 if a page is out of date")
    check = parser.parse_args().check
    stale = []
    for name, text in PAGES.items():
        path = ROOT / name
        before = path.read_text(encoding="utf-8")
        head, _, rest = before.partition(BEGIN)
        after = f"{head}{BEGIN}\n\n{text()}{END}{rest.partition(END)[2]}"
        if after != before:
            stale += difflib.unified_diff(
                before.splitlines(), after.splitlines(), name, "as the code is", lineterm="", n=0
            )
            if not check:
                path.write_text(after, encoding="utf-8")
    if check and stale:
        sys.exit("\n".join(["out of date; run `make docs`:", *stale[:60]]))


if __name__ == "__main__":
    main()
