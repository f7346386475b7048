"""The docs say what the code does, and point to what is there."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dhishoom import errors
from dhishoom.cli import COMMANDS
from dhishoom.detectors.catalogue import SHIPPED, card_of
from dhishoom.errors import DhishoomError

ROOT = Path(__file__).parent.parent
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])
END_S = 120.0
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)
_CODE = re.compile(r"```.*?```", re.DOTALL)


def links(page: Path) -> Iterator[str]:
    """Addresses of links and images, those in code apart."""
    yield from _LINK.findall(_CODE.sub("", page.read_text(encoding="utf-8")))


def anchors(page: Path) -> set[str]:
    """What can stand after a # in a link to it, as GitHub makes it of the headings."""
    headings = _HEADING.findall(_CODE.sub("", page.read_text(encoding="utf-8")))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_command_option_and_setting_is_in_the_docs_as_it_is_in_the_code() -> None:
    """With its meaning and default: docs/cli.md and docs/settings.md are what `make docs` writes."""
    command = [sys.executable, str(ROOT / "tools" / "write_docs.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=END_S, check=False)

    assert done.returncode == 0, done.stderr


def test_the_pictures_are_as_drawn() -> None:
    """The law of imports is drawn from .importlinter."""
    command = [sys.executable, str(ROOT / "tools" / "draw_architecture.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=END_S, check=False)

    assert done.returncode == 0, done.stderr


def test_every_setting_says_what_it_means() -> None:
    """In its section's docstring, from which docs/settings.md is made."""
    assert re.findall(r".*\(describe it under.*", (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    """Every relative link and image is there, and so is the heading that it names."""
    lost = []
    for link in links(page):
        path, _, anchor = link.partition("#")
        if re.match(r"[a-z]+:", link):
            continue
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors(target)):
            lost.append(link)

    assert lost == []


def test_every_exit_code_is_explained() -> None:
    """Of every error of the tree, and of Ctrl-C."""
    told = re.findall(r"^\| (\d+) \|", (ROOT / "docs" / "cli.md").read_text(encoding="utf-8"), re.MULTILINE)

    kinds = [one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, DhishoomError)]
    assert {str(kind.exit_code) for kind in kinds} | {"0", "130", "141"} <= set(told)


def shown(page: Path) -> Iterator[list[str]]:
    """Commands in a page's console blocks, comments apart."""
    for block in re.findall(r"```(?:console|sh|bash)\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
        for line in block.splitlines():
            for command in re.split(r" && | \| |; ", line.partition("  #")[0].removeprefix("$ ")):
                yield shlex.split(command)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_commands_in_the_docs_exist(page: Path) -> None:
    """Of dhishoom and of make."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    wrong = []
    for words in shown(page):
        name = next((word for word in words[1:] if not word.startswith("-") and "=" not in word), None)
        if words[:1] == ["make"] and name is not None and name not in targets:
            wrong.append(words)
        if words[:1] == ["dhishoom"] and name is not None and name not in {*COMMANDS, "COMMAND"}:
            wrong.append(words)

    assert wrong == []


def test_the_readme_states_the_licence_of_every_model() -> None:
    """As its card does."""
    rows = re.findall(r"^\| `(\S+)` \| ([^:|]+)", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    stated = {name: licence.strip() for name, licence in rows}

    shipped = [path.stem for path in SHIPPED.glob("*.onnx")]
    assert shipped
    assert {name: stated.get(name) for name in shipped} == {name: card_of(name).licence for name in shipped}


def test_every_page_is_reached_from_the_readme() -> None:
    """By links alone, from page to page; decisions by their folder."""
    seen, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in seen or not page.exists():
            continue
        seen.add(page)
        for link in links(page):
            target = (page.parent / link.partition("#")[0]).resolve()
            waiting += sorted(target.glob("*.md")) if target.is_dir() else [target] * (target.suffix == ".md")

    assert [page.name for page in PAGES if page not in seen] == []


def test_every_example_of_a_command_is_one_of_it() -> None:
    """So that `-h` shows how it is used."""
    for name, command in COMMANDS.items():
        assert command.examples
        assert all(one.startswith(f"dhishoom {name}") for one in command.examples)


def test_no_help_is_taken_for_markup() -> None:
    """A word in brackets would be left out on the screen."""
    text = _CODE.sub("", (ROOT / "docs" / "cli.md").read_text(encoding="utf-8"))

    assert re.findall(r"\[[a-z/][a-z. /]*\](?!\()", text) == []
