"""What is loaded, and when: `import dhishoom` at once, the rest only where it is asked for."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = """
    alembic av fastapi matplotlib msgspec onnxruntime pandas pyproj pydantic rich scipy sounddevice soundfile sqlalchemy
    starlette torch typer uvicorn
"""
CORE = ["nouns", "seams", "errors", "core.listening", "core.association", "core.location", "core.rounds"]
END_S = 60.0


def loaded_by(statement: str) -> set[str]:
    """Top-level modules that are there after a statement in a fresh interpreter, this one's own start apart."""
    code = f"import sys; before = set(sys.modules); {statement}; print(*sorted(set(sys.modules) - before))"
    command = [sys.executable, "-c", code]
    told = subprocess.run(command, check=True, capture_output=True, text=True, timeout=END_S).stdout
    return {name.partition(".")[0] for name in told.split()}


def test_import_dhishoom_loads_numpy_at_most() -> None:
    """And nothing heavier: neither science nor web nor database."""
    loaded = loaded_by("import dhishoom")

    assert "dhishoom" in loaded
    assert loaded.isdisjoint(HEAVY.split())
    assert {name for name in loaded if name not in sys.stdlib_module_names} <= {"dhishoom", "numpy"}


@pytest.mark.parametrize("module", CORE)
def test_the_core_is_numpy_and_scipy(module: str) -> None:
    """Whoever uses a fold alone loads no database, no web server, no decoder and no plot."""
    assert loaded_by(f"import dhishoom.{module}").isdisjoint(set(HEAVY.split()) - {"scipy"})


def test_the_list_of_commands_loads_no_mathematics() -> None:
    """`dhishoom -h` answers before NumPy could be loaded."""
    listed = loaded_by("from dhishoom.cli import application; application(['-h'])")

    assert listed.isdisjoint({"numpy", "scipy", "sqlalchemy", "fastapi", "onnxruntime"})


@pytest.mark.parametrize(
    ("command", "spared"),
    [
        ("locate", {"sqlalchemy", "fastapi", "onnxruntime", "matplotlib", "av"}),
        ("init", {"sqlalchemy", "fastapi", "onnxruntime", "matplotlib", "av", "scipy"}),
        ("incidents", {"fastapi", "onnxruntime", "matplotlib", "av", "scipy"}),
        ("models", {"sqlalchemy", "fastapi", "matplotlib", "av", "scipy"}),
    ],
)
def test_a_command_loads_what_it_needs(command: str, spared: set[str]) -> None:
    """Only the one that is asked for is imported, and of the rooms only those it enters."""
    assert loaded_by(f"from dhishoom.cli import application; application([{command!r}])").isdisjoint(spared)
