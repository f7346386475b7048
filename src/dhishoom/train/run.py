"""One training run in its folder: config, checkpoint, loss curve, what it says of the recordings held out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import torch

from dhishoom.errors import DhishoomError, ModelError
from dhishoom.train.config import Config
from dhishoom.train.course import prepare
from dhishoom.train.labels import CLASSES
from dhishoom.train.loop import Learner, device_of, runner, train
from dhishoom.train.network import Trainable, network_of
from dhishoom.train.scoring import outcome, score_all, write_outcomes

CHECKPOINT, CONFIG, HELD_OUT, LOSS = "checkpoint.pt", "config.json", "held-out.json", "loss.png"


def run(
    config: Config, folder: Path, cache: Path, advance: Callable[[int, float], None], device: str = "cpu"
) -> Learner:
    """Train (or go on training) in `folder`, then score what was held out; decoded sound is kept in `cache`."""
    chosen = device_of(device)  # before minutes are spent on a pool
    folder.mkdir(parents=True, exist_ok=True)
    _same_config(config, folder / CONFIG)
    course, held_out, library = prepare(config, cache)
    learner = train(course, folder, advance, chosen)
    rate = config.network.front_end.sample_rate
    scored = score_all(held_out, library, config.timing, runner(learner.averaged), rate)
    write_outcomes([outcome(one, CLASSES) for one in scored], folder / HELD_OUT)
    plot_loss(learner.losses, folder / LOSS)
    return learner


def _same_config(config: Config, file: Path) -> None:
    """A folder belongs to one config: going on with another would be neither."""
    if file.is_file() and read_run_config(file.parent) != config:
        raise ModelError(f"{file.parent} was begun with another config. Give --out another folder, or remove that one.")
    file.write_bytes(msgspec.json.format(msgspec.json.encode(config)))


def read_run_config(folder: Path) -> Config:
    """The config that a run was begun with; raises ModelError where it cannot be read."""
    try:
        return msgspec.json.decode((folder / CONFIG).read_bytes(), type=Config)
    except (OSError, msgspec.MsgspecError) as error:
        raise ModelError(f"{folder} is no training run: {error}. `dhishoom train` makes one.") from error


def read_network(folder: Path) -> Trainable:
    """The averaged network of a run, ready to score."""
    network = network_of(read_run_config(folder))
    try:
        state = torch.load(folder / CHECKPOINT, weights_only=True, map_location="cpu")
    except OSError as error:
        raise ModelError(f"{folder} has no checkpoint yet: {error}. Let `dhishoom train` finish.") from error
    network.load_state_dict(state["averaged"])
    network.eval()
    return network


def plot_loss(losses: Sequence[float], path: Path, smooth: int = 50) -> None:
    """Loss over steps, and its running mean, as a picture."""
    try:
        import matplotlib as mpl
    except ImportError as error:
        raise DhishoomError("No matplotlib for the loss curve. Run: pip install 'dhishoom[plots]'") from error
    mpl.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 3.5), layout="constrained")
    axes.plot(losses, color="0.8", linewidth=0.8)
    means = [sum(losses[max(0, at - smooth) : at + 1]) / min(at + 1, smooth + 1) for at in range(len(losses))]
    axes.plot(means, color="C3", label=f"mean of {smooth} steps")
    axes.set(xlabel="step", ylabel="loss", yscale="log")
    axes.legend(frameon=False)
    figure.savefig(path, dpi=120)
    pyplot.close(figure)
