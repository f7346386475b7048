"""`dhishoom` itself: what it says before any command runs."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from dhishoom import __version__
from dhishoom.cli import COMMANDS, main

END_S = 60.0


def present() -> list[str]:
    """Commands whose module is here."""
    return [
        name
        for name, command in COMMANDS.items()
        if importlib.util.find_spec(f"dhishoom.cli.{command.place.partition(':')[0]}")
    ]


def exit_code(*arguments: str) -> int:
    """What the command line ends with in this process."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    return int(ended.value.code or 0)


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """`--version` needs no command."""
    assert exit_code("--version") == 0
    assert capsys.readouterr().out == f"dhishoom {__version__}\n"


@pytest.mark.parametrize("arguments", [(), ("-h",), ("--help",)])
def test_every_command_is_listed(arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    """Without arguments, and when help is asked for; each command with a sentence."""
    exit_code(*arguments)

    told = "".join(capsys.readouterr())
    assert [name for name in COMMANDS if name not in told] == []
    assert "Example" in told


@pytest.mark.parametrize("name", present())
def test_every_command_shows_an_example(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """`dhishoom COMMAND -h` ends with one that names the command."""
    assert exit_code(name, "-h") == 0

    usage, _, examples = capsys.readouterr().out.partition("Example")
    assert "Usage: dhishoom" in usage
    assert f"dhishoom {name}" in examples


def test_a_misspelt_command_is_told_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    """With the exit code of wrong usage."""
    assert exit_code("dtect") == 2
    assert "detect" in capsys.readouterr().err


def test_a_misspelt_option_is_told_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    """With the exit code of wrong usage."""
    assert exit_code("locate", "picks.json", "--jsn") == 2
    assert "--json" in capsys.readouterr().err


def test_no_colour_where_none_is_wanted(tmp_path: Path) -> None:
    """NO_COLOR is obeyed even where colour is forced by the surroundings."""
    surroundings = {**os.environ, "NO_COLOR": "1", "FORCE_COLOR": "1", "TERM": "xterm-256color"}
    for arguments in (["-h"], ["locate", str(tmp_path / "none.json")]):
        command = [sys.executable, "-m", "dhishoom", *arguments]
        done = subprocess.run(command, env=surroundings, capture_output=True, timeout=END_S, check=False)
        assert b"\x1b[3" not in done.stdout + done.stderr


def test_ctrl_c_while_loading_ends_quietly(tmp_path: Path) -> None:
    """No traceback: the signal arrives while the command's own modules are imported."""
    (tmp_path / "sitecustomize.py").write_text(
        "import os, signal, sys\n"
        "class Finder:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'dhishoom.cli':\n"
        "            signal.raise_signal(signal.SIGINT)\n"
        "sys.meta_path.insert(0, Finder())\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "dhishoom", "--version"],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        timeout=END_S,
        check=False,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )

    assert done.returncode == 130
    assert b"Traceback" not in done.stderr
