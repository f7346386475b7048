"""The training loop: rounds of steps, a checkpoint at times, the same result however often it was stopped."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dhishoom.errors import DhishoomError
from dhishoom.train.batches import Material, batch_at
from dhishoom.train.config import Config
from dhishoom.train.library import Samples
from dhishoom.train.losses import Batch, loss_of
from dhishoom.train.network import Scorer, Trainable, network_of
from dhishoom.train.pool import Pool
from dhishoom.train.scoring import Run, Scores

CPU = torch.device("cpu")
_CHECKPOINT_STEPS = 250
_AT_ONCE = 256
_LEAST = 0.3


@dataclass(frozen=True, kw_only=True)
class Course:
    """What a run learns from: rows of a pool, with the spectra [n, bands, frames] of all of it."""

    config: Config
    pool: Pool
    rows: NDArray[np.int64]
    spectra: NDArray[np.float16]


class Learner:
    """The network, its optimiser and its averaged copy; `save` and `load` carry all of it over a stop."""

    def __init__(self, config: Config, device: torch.device = CPU) -> None:
        torch.manual_seed(config.seed)
        self.config, self.device = config, device
        self.network = network_of(config).to(device=device, memory_format=torch.channels_last)
        self.averaged = copy.deepcopy(self.network).eval()
        optimisation = config.optimisation
        self._optimiser = torch.optim.AdamW(
            (weight for weight in self.network.parameters() if weight.requires_grad),
            lr=optimisation.learning_rate,
            weight_decay=optimisation.weight_decay,
        )
        self._schedule = torch.optim.lr_scheduler.OneCycleLR(
            self._optimiser, optimisation.learning_rate, total_steps=optimisation.steps + 1, pct_start=0.1
        )
        self.step = 0
        self.losses: list[float] = []

    def learn(self, batch: Batch) -> float:
        """One step; returns the loss."""
        self.network.train()
        spectrum = torch.as_tensor(batch.spectrum, device=self.device)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.config.optimisation.half):
            told = self.network.taught(spectrum)
        loss = loss_of((told[0].float(), told[1].float()), batch, self.config)
        self._optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 2.0)
        self._optimiser.step()
        self._schedule.step()
        self._average()
        self.step += 1
        self.losses.append(float(loss.detach()))
        return self.losses[-1]

    def _average(self) -> None:
        kept = min(self.config.optimisation.average, (self.step + 1) / (self.step + 10))
        for mine, theirs in zip(self.averaged.state_dict().values(), self.network.state_dict().values(), strict=True):
            if mine.dtype.is_floating_point:
                mine.lerp_(theirs.detach(), 1 - kept)
            else:
                mine.copy_(theirs)

    def save(self, path: Path) -> None:
        """Everything needed to go on, as tensors and plain values."""
        path.parent.mkdir(parents=True, exist_ok=True)
        state = {
            "network": self.network.state_dict(),
            "averaged": self.averaged.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            "schedule": self._schedule.state_dict(),
            "step": self.step,
            "losses": self.losses,
            "random": {self.device.type: _random_state(self.device)},
        }
        torch.save(state, path.with_suffix(".part"))
        path.with_suffix(".part").replace(path)

    def load(self, path: Path) -> None:
        """Go on where `save` left off; on another kind of device with other random numbers."""
        state = torch.load(path, weights_only=True, map_location=self.device)
        self.network.load_state_dict(state["network"])
        self.averaged.load_state_dict(state["averaged"])
        self._optimiser.load_state_dict(state["optimiser"])
        self._schedule.load_state_dict(state["schedule"])
        self.step, self.losses = state["step"], state["losses"]
        if self.device.type in state["random"]:
            _restore_random(self.device, state["random"][self.device.type].cpu())


def device_of(name: str) -> torch.device:
    """`cpu`, `cuda`, or `auto`: a GPU if there is one. Raises DhishoomError for one that is not there."""
    there = torch.cuda.is_available()
    if name == "cuda" and not there:
        raise DhishoomError("PyTorch finds no GPU here. Train with --device cpu, or install its build for your GPU.")
    return torch.device("cuda" if there and name != "cpu" else "cpu")


def _random_state(device: torch.device) -> Tensor:
    return torch.cuda.get_rng_state(device) if device.type == "cuda" else torch.get_rng_state()


def _restore_random(device: torch.device, state: Tensor) -> None:
    if device.type == "cuda":
        torch.cuda.set_rng_state(state, device)
    else:
        torch.set_rng_state(state)


def train(
    course: Course, run_folder: Path, advance: Callable[[int, float], None], device: torch.device = CPU
) -> Learner:
    """Learn all steps, from the last checkpoint if there is one; `advance(step, loss)` is called after each."""
    config = course.config
    torch.set_num_threads(config.optimisation.threads)
    learner = Learner(config, device)
    checkpoint = run_folder / "checkpoint.pt"
    if checkpoint.is_file():
        learner.load(checkpoint)
    for part in _rounds(config, learner.step):
        chance = _chance_at(course, run_folder, part.start, learner)
        for step in range(learner.step, part.stop):
            loss = learner.learn(batch_at(step, config, Material(course.pool, course.spectra, course.rows, chance)))
            advance(learner.step, loss)
            if learner.step % _CHECKPOINT_STEPS == 0:
                learner.save(checkpoint)
    learner.save(checkpoint)
    return learner


def _rounds(config: Config, step: int) -> Iterator[range]:
    """The rounds that still have steps to learn."""
    bounds = np.linspace(0, config.optimisation.steps, config.optimisation.rounds + 1).astype(int)
    for start, stop in itertools.pairwise(bounds):
        if step < stop:
            yield range(int(start), int(stop))


def _chance_at(course: Course, run_folder: Path, start: int, learner: Learner) -> NDArray[np.float64]:
    """How likely each row is drawn in a round: evenly at first, then other sound by how much like gunfire it was.

    Kept in a file, because a run that was stopped must find the same.
    """
    if start == 0:
        return np.full(len(course.rows), 1 / len(course.rows))
    file = run_folder / f"chance-{start}.npy"
    if not file.is_file():
        np.save(file, _hardness(course, learner))
    return np.asarray(np.load(file), np.float64)


def _hardness(course: Course, learner: Learner) -> NDArray[np.float64]:
    parts = [course.rows[at : at + _AT_ONCE] for at in range(0, len(course.rows), _AT_ONCE)]
    pictures = (torch.as_tensor(course.spectra[rows].astype(np.float32), device=learner.device) for rows in parts)
    with torch.no_grad():
        told = [learner.averaged.taught(picture)[0][:, 0] for picture in pictures]
    score = torch.cat(told).sigmoid().cpu().numpy()
    score = (score * (course.pool.shot_weight[course.rows] >= 1)).max(axis=1).astype(np.float64)
    gunfire = np.asarray(course.pool.gunfire[course.rows], np.bool_)
    wanted = np.where(gunfire, 1.0, _LEAST + score)
    wanted[~gunfire] *= (~gunfire).sum() / max(1e-9, wanted[~gunfire].sum())  # as much other sound as before
    return np.asarray(wanted / wanted.sum())


def runner(network: Trainable) -> Run:
    """The network as a function of windows [batch, samples] to scores [batch, frames, classes]."""
    scorer = Scorer(network).cpu().eval()

    def run(windows: Samples) -> Scores:
        with torch.no_grad():
            return np.asarray(scorer(torch.as_tensor(windows)).numpy(), np.float32)

    return run
