"""`dhishoom train` and `dhishoom export`: from recordings to a model file with its card."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from dhishoom.errors import DhishoomError

ConfigPath = Annotated[Path, typer.Argument(help="CONFIG.toml of the run; src/dhishoom/train/configs has some.")]
OutFolder = Annotated[Path | None, typer.Option(help="Folder of the run; without it runs/NAME.")]
CacheFolder = Annotated[Path, typer.Option(help="Where decoded sound and soft labels are kept between runs.")]
Fold = Annotated[int | None, typer.Option(min=0, help="Leave this fold out, to measure on it; 0: learn from all.")]
RunFolder = Annotated[Path, typer.Argument(help="Folder of a finished run.")]
Measured = Annotated[list[Path] | None, typer.Option(help="A run that left a fold out; its figures go on the card.")]
Name = Annotated[str | None, typer.Option(help="Name of the model; without it the config's.")]
Target = Annotated[Path, typer.Option(help="Folder for NAME.onnx and NAME.json.")]


def train(
    config: ConfigPath, out: OutFolder = None, cache: CacheFolder = Path("runs/cache"), fold: Fold = None
) -> None:
    """Train a network as CONFIG says; started again, it goes on from its last checkpoint."""
    _need_torch()
    from dhishoom.train.config import read_config, with_fold
    from dhishoom.train.run import run

    settings = read_config(config)
    settings = settings if fold is None else with_fold(settings, fold)
    suffix = f"-fold{settings.data.fold}" if settings.data.fold else ""
    folder = out or Path("runs") / f"{settings.name}{suffix}"
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(f"{settings.name}", total=settings.optimisation.steps)
        run(
            settings,
            folder,
            cache,
            lambda step, loss: progress.update(task, completed=step, description=f"{settings.name} loss {loss:.3f}"),
        )
    typer.echo(str(folder))


def export(run: RunFolder, measured: Measured = None, name: Name = None, out: Target = Path()) -> None:
    """Write a run's network as ONNX with its card; fails unless torch and ONNX give the same scores."""
    _need_torch()
    from dhishoom.train.publish import publish

    card = publish(run, measured or [], out, name)
    typer.echo(f"{out / card.name}.onnx  alert {card.alert:.3f}  possible {card.possible:.3f}  {card.licence}")


def _need_torch() -> None:
    try:
        import torch  # noqa: F401
    except ImportError as error:
        raise DhishoomError("Training needs PyTorch, which is not here. Run: pip install 'dhishoom[train]'") from error
