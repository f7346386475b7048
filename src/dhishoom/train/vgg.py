"""VGG configuration A (Simonyan and Zisserman 2015) on a log-mel picture: what the field used before, to compare with.

Eight convolutions and three dense layers, as VGGish has them (Hershey et al. 2017), with an embedding of 128 numbers
before the scores. One score for the whole of a window's middle: it knows that a shot was heard, not when.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from dhishoom.train.front_end import LogMel
from dhishoom.train.shapes import NetworkShape

_PLAN = (64, "pool", 128, "pool", 256, 256, "pool", 512, 512, "pool", 512, 512, "pool")
"""Channels of configuration A, and where it halves the picture."""
_DENSE = 4096
_EMBEDDING = 128


class Vgg(nn.Module):  # type: ignore[misc]
    """Audio [batch, samples] → logits [batch, classes, frames], the same for every frame.

    `width` of the shape scales every layer but the embedding: a quarter is what a run without an accelerator allows.
    """

    def __init__(self, shape: NetworkShape, frames: int) -> None:
        super().__init__()
        self.shape, self.frames = shape, frames
        self.log_mel = LogMel(shape.front_end)
        layers: list[nn.Module] = []
        channels = 1
        for step in _PLAN:
            if isinstance(step, str):
                layers.append(nn.MaxPool2d(2))
            else:
                wide = max(1, round(step * shape.width))
                layers += [nn.Conv2d(channels, wide, 3, padding=1), nn.BatchNorm2d(wide), nn.ReLU()]
                channels = wide
        self.picture = nn.Sequential(*layers, _Halves())
        dense = round(_DENSE * shape.width)
        self.dense = nn.Sequential(
            nn.Flatten(),
            nn.Linear(channels * (shape.front_end.bands // 32) * 2, dense),
            nn.ReLU(),
            nn.Dropout(shape.drop),
            nn.Linear(dense, dense),
            nn.ReLU(),
            nn.Linear(dense, _EMBEDDING),
            nn.ReLU(),
        )
        self.head = nn.Linear(_EMBEDDING, shape.classes)
        self.opinion = nn.Linear(_EMBEDDING, shape.taught)

    def forward(self, audio: Tensor) -> Tensor:
        """One set of logits for the window, told of every frame of its middle."""
        logits: Tensor = self.head(self._embedded(self.log_mel.spectrum(audio)))
        return logits[:, :, None].expand(-1, -1, self.frames)

    def taught(self, spectrum: Tensor) -> tuple[Tensor, Tensor]:
        """Logits [batch, classes, 1], and a guess at what a teacher makes of the window."""
        embedded = self._embedded(spectrum.unsqueeze(2))
        return self.head(embedded)[:, :, None], self.opinion(embedded)

    def _embedded(self, spectrum: Tensor) -> Tensor:
        """[batch, 128] of the log-mel picture of the window's middle, its mean taken away."""
        frames = int(spectrum.shape[3])
        picture = spectrum[:, :, 0, frames // 4 : frames - frames // 6].unsqueeze(1)
        level = picture.mean(dim=(2, 3), keepdim=True)
        embedded: Tensor = self.dense(self.picture((picture - level) * 0.25))
        return embedded


class _Halves(nn.Module):  # type: ignore[misc]
    """The mean of either half of the time [..., time] to [..., 2]; an odd middle counts in both.

    ONNX has no pooling to a size that does not divide what is pooled.
    """

    def forward(self, picture: Tensor) -> Tensor:
        """Of any length."""
        length = int(picture.shape[-1])
        half = (length + 1) // 2
        first, last = picture[..., :half], picture[..., length - half :]
        return torch.cat([first.mean(dim=-1, keepdim=True), last.mean(dim=-1, keepdim=True)], dim=-1)


def pooled(shot: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Frame targets [batch, frames] for one score a window: a shot anywhere, or surely none anywhere."""
    any_shot = (shot > 0).any(dim=1, keepdim=True).float()
    none = (weight >= 1).all(dim=1, keepdim=True).float()
    return any_shot, torch.maximum(any_shot, none)
