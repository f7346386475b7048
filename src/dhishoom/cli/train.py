"""`dhishoom train` and `dhishoom export`: from recordings to a model file with its card."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from dhishoom.detectors.catalogue import DEFAULT
from dhishoom.errors import DhishoomError, UsageError

ConfigPath = Annotated[
    Path | None, typer.Argument(metavar="[CONFIG.toml]", help="Of the run; src/dhishoom/train/configs has some.")
]
PositionOnly = Annotated[bool, typer.Option(help="Of the fold leave out its firing position, and no clips.")]
Device = Annotated[Literal["auto", "cpu", "cuda"], typer.Option(help="What multiplies; auto: a GPU if there is one.")]
FromReviews = Annotated[Path | None, typer.Option(help="Instead: a store whose detections were reviewed.")]
Model = Annotated[str, typer.Option(help="The model that goes on learning from the reviews.")]
OutFolder = Annotated[Path | None, typer.Option(help="Folder of the run; without it runs/NAME.")]
CacheFolder = Annotated[Path, typer.Option(help="Where decoded sound and soft labels are kept between runs.")]
Fold = Annotated[int | None, typer.Option(min=0, help="Leave this fold out, to measure on it; 0: learn from all.")]
RunFolder = Annotated[Path, typer.Argument(help="Folder of a finished run.")]
Measured = Annotated[list[Path] | None, typer.Option(help="A run that left a fold out; its figures go on the card.")]
Name = Annotated[str | None, typer.Option(help="Name of the model; without it the config's.")]
FoldsFolder = Annotated[Path | None, typer.Option(help="Write the networks of --measured here, to evaluate with.")]
Target = Annotated[Path, typer.Option(help="Folder for NAME.onnx and NAME.json.")]


def train(
    config: ConfigPath = None,
    out: OutFolder = None,
    cache: CacheFolder = Path("runs/cache"),
    fold: Fold = None,
    position_only: PositionOnly = False,
    device: Device = "auto",
    from_reviews: FromReviews = None,
    model: Model = DEFAULT,
    name: Name = None,
) -> None:
    """Train a network as CONFIG says; started again, it goes on from its last checkpoint.

    With --from-reviews a model goes on learning from what people said of its detections.
    """
    _need_torch()
    if from_reviews is not None:
        if device == "cuda":
            raise UsageError("--from-reviews learns on the processor, within minutes; leave --device out.")
        _from_reviews(from_reviews, model, name or f"{model}-site", out)
        return
    if config is None:
        raise UsageError("name a CONFIG.toml to train from, or a store with --from-reviews.")
    from dhishoom.train.config import read_config, with_fold
    from dhishoom.train.run import run

    settings = read_config(config)
    settings = settings if fold is None else with_fold(settings, fold, position_only=position_only)
    part = "position" if position_only else "fold"
    suffix = f"-{part}{settings.data.fold}" if settings.data.fold else ""
    folder = out or Path("runs") / f"{settings.name}{suffix}"
    with _progress() as progress:
        task = progress.add_task(f"{settings.name}", total=settings.optimisation.steps)
        run(
            settings,
            folder,
            cache,
            lambda step, loss: progress.update(task, completed=step, description=f"{settings.name} loss {loss:.3f}"),
            device,
        )
    typer.echo(str(folder))


def _from_reviews(store: Path, model: str, name: str, out: Path | None) -> None:
    from dhishoom.cli.records import opened
    from dhishoom.detectors.catalogue import model_files, user_folder
    from dhishoom.settings import FILE_NAME
    from dhishoom.train.reviews import STEPS, learn_from
    from dhishoom.train.site_sounds import reviewed_sounds

    with opened(store, Path(FILE_NAME)) as kept:
        sounds = reviewed_sounds(kept)
    folder = out or user_folder()
    with _progress() as progress:
        task = progress.add_task(name, total=STEPS)
        card = learn_from(
            model_files().get(model, Path(model)),
            sounds,
            folder,
            name,
            lambda step, loss: progress.update(task, completed=step, description=f"{name} loss {loss:.3f}"),
        )
    typer.echo(f"{folder / card.name}.onnx  from {sum(not one.shot for one in sounds)} dismissed sounds")


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True))


def export(
    run: RunFolder, measured: Measured = None, name: Name = None, out: Target = Path(), folds: FoldsFolder = None
) -> None:
    """Write a run's network as ONNX with its card; fails unless torch and ONNX give the same scores."""
    _need_torch()
    from dhishoom.train.publish import publish, publish_folds

    card = publish(run, measured or [], out, name)
    if folds is not None:
        typer.echo(f"{publish_folds(measured or [], card, folds)}  for dhishoom evaluate --folds")
    typer.echo(f"{out / card.name}.onnx  alert {card.alert:.3f}  possible {card.possible:.3f}  {card.licence}")


def _need_torch() -> None:
    try:
        import torch  # noqa: F401
    except ImportError as error:
        raise DhishoomError("Training needs PyTorch, which is not here. Run: pip install 'dhishoom[train]'") from error
