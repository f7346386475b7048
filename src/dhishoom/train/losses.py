"""What is learnt: frames of gunfire, the worst frame of a window, what else is heard, what a teacher makes of it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from dhishoom.train.config import Config
from dhishoom.train.vgg import pooled


class Batch(NamedTuple):
    """Examples of one step: spectrum [batch, bands, frames], targets [batch, frames], [batch, classes], [batch, k]."""

    spectrum: NDArray[np.float32]
    shot: NDArray[np.float32]
    shot_weight: NDArray[np.float32]
    heard: NDArray[np.float32]
    heard_weight: NDArray[np.float32]
    taught: NDArray[np.float32]


def loss_of(told: tuple[Tensor, Tensor], batch: Batch, config: Config) -> Tensor:
    """Of logits [batch, classes, frames] and what the network makes of the teacher's opinion [batch, k]."""
    logits, opinion = told
    shot, weight, heard, heard_weight, taught = (
        torch.as_tensor(column, device=logits.device)
        for column in (batch.shot, batch.shot_weight, batch.heard, batch.heard_weight, batch.taught)
    )
    if logits.shape[2] == 1:
        shot, weight = pooled(shot, weight)
    gunshot = logits[:, 0]
    balance = weight * (1 + 4 * shot)
    each = functional.binary_cross_entropy_with_logits(gunshot, shot, reduction="none")
    frames = (each * balance).sum() / balance.sum()
    others = functional.binary_cross_entropy_with_logits(_pooled(logits[:, 1:]), heard[:, 1:], reduction="none")
    told_of_others = (others * heard_weight[:, 1:]).mean()
    settings = config.optimisation
    told_of = settings.taught * functional.mse_loss(opinion, taught) + settings.other_classes * told_of_others
    return frames + settings.hard * _worst(gunshot, shot, weight) + told_of


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
