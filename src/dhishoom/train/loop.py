"""The training loop: rounds of steps, a checkpoint after each, the same result however often it was stopped."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset

from dhishoom.train.config import Config
from dhishoom.train.lessons import Batch, Known, Lessons
from dhishoom.train.library import Library, Samples
from dhishoom.train.network import Network, Scorer
from dhishoom.train.onsets import energy_onsets_s
from dhishoom.train.recordings import LIVE_FIRE, Recording
from dhishoom.train.scoring import Run, Scored, Scores, score_all

_CHECKPOINT_STEPS = 250


@dataclass(frozen=True, kw_only=True)
class Course:
    """What a run learns from."""

    config: Config
    recordings: tuple[Recording, ...]
    library: Library
    known: Known


class _Steps(Dataset[Batch]):  # type: ignore[misc]
    """Batches by their step, for a loader that prepares the next while this one is learnt."""

    def __init__(self, lessons: Lessons, steps: range) -> None:
        self._lessons, self._steps = lessons, steps

    def __len__(self) -> int:
        return len(self._steps)

    def __getitem__(self, index: int) -> Batch:
        return self._lessons.batch(self._steps[index])


class Learner:
    """The network, its optimiser and its averaged copy; `save` and `load` carry all of it over a stop."""

    def __init__(self, config: Config) -> None:
        torch.manual_seed(config.seed)
        self.config = config
        self.network = Network(config.network)
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
        loss = loss_of(self.network(torch.as_tensor(batch.audio)), batch, self.config)
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
            "random": torch.get_rng_state(),
        }
        torch.save(state, path.with_suffix(".part"))
        path.with_suffix(".part").replace(path)

    def load(self, path: Path) -> None:
        """Go on where `save` left off."""
        state = torch.load(path, weights_only=True)
        self.network.load_state_dict(state["network"])
        self.averaged.load_state_dict(state["averaged"])
        self._optimiser.load_state_dict(state["optimiser"])
        self._schedule.load_state_dict(state["schedule"])
        self.step, self.losses = state["step"], state["losses"]
        torch.set_rng_state(state["random"])


def loss_of(logits: Tensor, batch: Batch, config: Config) -> Tensor:
    """Frames of gunfire, the worst frame of every window, and what else is heard in the window as a whole."""
    shot, weight = torch.as_tensor(batch.shot), torch.as_tensor(batch.shot_weight)
    gunshot = logits[:, 0]
    balance = weight * (1 + 4 * shot)
    each = functional.binary_cross_entropy_with_logits(gunshot, shot, reduction="none")
    frames = (each * balance).sum() / balance.sum()
    others = functional.binary_cross_entropy_with_logits(
        _pooled(logits[:, 1:]), torch.as_tensor(batch.heard)[:, 1:], reduction="none"
    )
    heard = (others * torch.as_tensor(batch.heard_weight)[:, 1:]).mean()
    settings = config.optimisation
    return frames + settings.hard * _worst(gunshot, shot, weight) + settings.other_classes * heard


def _worst(gunshot: Tensor, shot: Tensor, weight: Tensor) -> Tensor:
    """The likeliest frame must be unlikely where there is no shot, and likely where there is one."""
    negative = gunshot.masked_fill((shot > 0) | (weight < 1), -20.0).amax(dim=1)
    positive = gunshot.masked_fill(shot == 0, -20.0).amax(dim=1)
    has_shot = (shot > 0).any(dim=1).float()
    missed = functional.softplus(-positive) * has_shot
    return (functional.softplus(negative) + missed).mean()


def _pooled(logits: Tensor) -> Tensor:
    """Between mean and maximum over frames: log-mean-exp."""
    return torch.logsumexp(logits, dim=2) - float(np.log(logits.shape[2]))


def train(course: Course, run_folder: Path, advance: Callable[[int, float], None]) -> Learner:
    """Learn all steps, from the last checkpoint if there is one; `advance(step, loss)` is called after each."""
    config = course.config
    torch.set_num_threads(config.optimisation.threads)
    learner = Learner(config)
    checkpoint = run_folder / "checkpoint.pt"
    if checkpoint.is_file():
        learner.load(checkpoint)
    for part in _rounds(config, learner.step):
        known = _known_at(course, run_folder, part.start, learner)
        for batch in _batches(course, known, range(learner.step, part.stop)):
            loss = learner.learn(batch)
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


def _batches(course: Course, known: Known, steps: range) -> Iterator[Batch]:
    config = course.config
    lessons = Lessons(
        course.recordings,
        course.library,
        known,
        timing=config.timing,
        chain=config.chain,
        shares=config.shares,
        batch_size=config.optimisation.batch_size,
        seed=config.seed,
    )
    workers = config.optimisation.workers
    yield from DataLoader(
        _Steps(lessons, steps),
        batch_size=None,
        num_workers=workers,
        prefetch_factor=4 if workers else None,
        generator=torch.Generator(),  # its own, or each start of the loader would draw from the network's randomness
    )


def _known_at(course: Course, run_folder: Path, start: int, learner: Learner) -> Known:
    """What is known when a round begins; kept, because a run that was stopped must find the same."""
    if start == 0:
        return course.known
    file = run_folder / f"known-{start}.npz"
    if not file.is_file():
        found = look_again(course, learner.averaged)
        kept_values = {f"onsets:{key}": np.array(value) for key, value in found.onsets_s.items()}
        kept_values |= {f"hardness:{key}": np.array(value) for key, value in found.hardness.items()}
        np.savez(file, **kept_values)  # type: ignore[arg-type]
    with np.load(file) as kept:
        split = [(*name.split(":", 1), kept[name]) for name in kept.files]
    onsets_s = {key: tuple(value.tolist()) for kind, key, value in split if kind == "onsets"}
    hardness = {key: float(value) for kind, key, value in split if kind == "hardness"}
    return replace(course.known, onsets_s=onsets_s, hardness=hardness)


def first_onsets(recordings: tuple[Recording, ...], library: Library) -> Mapping[str, tuple[float, ...]]:
    """By energy alone, for everything whose onsets nobody stated."""
    return {
        one.key: energy_onsets_s(library.samples(one.key), library.sample_rate)
        for one in recordings
        if not one.onsets_s
    }


def look_again(course: Course, network: Network) -> Known:
    """Where the network itself finds the shots of clips labelled as a whole, and which other sounds it confuses."""
    scored = score_all(course.recordings, course.library, course.config.timing, runner(network))
    onsets = dict(course.known.onsets_s)
    for one in scored:
        if one.recording.source != LIVE_FIRE:
            onsets[one.recording.key] = _agreed_onsets(one, onsets[one.recording.key])
    hardness = {one.recording.key: one.clip_score for one in scored if not one.recording.is_gunfire}
    return replace(course.known, onsets_s=onsets, hardness=hardness)


def _agreed_onsets(scored: Scored, by_energy: tuple[float, ...]) -> tuple[float, ...]:
    """Energy onsets that the network half believes in, and the frame it believes in most."""
    gunshot = scored.scores[:, 0]
    best = int(np.argmax(gunshot))
    peak_s = (best + 0.5) * scored.hop_s
    near = round(0.06 / scored.hop_s)
    believed = []
    for at in by_energy:
        index = int(at / scored.hop_s)
        if gunshot[max(0, index - near) : index + near + 1].max(initial=0.0) >= 0.5 * gunshot[best]:
            believed.append(at)
    return (
        tuple(sorted(believed))
        if any(abs(at - peak_s) < 0.1 for at in believed)
        else tuple(sorted([*believed, peak_s]))
    )


def runner(network: Network) -> Run:
    """The network as a function of windows [batch, samples] to scores [batch, frames, classes]."""
    scorer = Scorer(network).eval()

    def run(windows: Samples) -> Scores:
        with torch.no_grad():
            return np.asarray(scorer(torch.as_tensor(windows)).numpy(), np.float32)

    return run
