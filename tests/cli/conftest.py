"""Commands as a user runs them, in this process; recordings made when a test asks for them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import soundfile
import typer
from typer.testing import CliRunner

from dhishoom.errors import DhishoomError

RATE = 12_000


@dataclass(frozen=True, slots=True)
class Run:
    """What a command left behind."""

    exit_code: int
    out: str
    err: str


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Run]:
    """Runs one command function with arguments; an error of ours becomes its exit code, as `dhishoom` does it."""
    monkeypatch.setenv("NO_COLOR", "1")

    def invoke(command: Callable[..., None], *arguments: object, stdin: bytes = b"") -> Run:
        app = typer.Typer()
        app.command()(command)
        result = CliRunner().invoke(app, [str(argument) for argument in arguments], input=stdin)
        if isinstance(result.exception, DhishoomError):
            return Run(result.exception.exit_code, result.stdout, result.stderr + str(result.exception))
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Run(result.exit_code, result.stdout, result.stderr)

    return invoke


def bangs(seconds: float, at_s: tuple[float, ...], *, rate: int = RATE, seed: int = 0) -> np.ndarray:
    """Quiet noise with sharp bursts that decay within a few hundredths of a second."""
    generator = np.random.default_rng(seed)
    sound = 0.001 * generator.standard_normal(round(seconds * rate))
    burst = generator.standard_normal(round(0.2 * rate)) * np.exp(-np.arange(round(0.2 * rate)) / (0.02 * rate))
    for onset_s in at_s:
        start = round(onset_s * rate)
        end = min(len(sound), start + len(burst))
        sound[start:end] += 0.5 * burst[: end - start]
    return np.clip(sound, -1, 1).astype(np.float32)


@pytest.fixture
def write_bangs(tmp_path: Path) -> Callable[..., Path]:
    """Writes bursts at the given seconds as `tmp_path/NAME`."""

    def write(name: str, *at_s: float, seconds: float = 6.0, rate: int = RATE) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, bangs(seconds, at_s, rate=rate), rate)
        return path

    return write
