"""The small frame-level network: log-mel, one strided convolution, then dilated blocks with a way past each.

No convolution is padded in time, so a score depends only on the sound around its instant, never on where the window
that holds it begins. Signals are [batch, channels, 1, frames]: torch and onnxruntime are faster with four axes than
with three.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from dhishoom.train.config import Config
from dhishoom.train.front_end import LogMel
from dhishoom.train.shapes import NetworkShape
from dhishoom.train.vgg import Vgg

_STRIDE = 2
_FIRST_KERNEL = 5


class Network(nn.Module):  # type: ignore[misc]
    """Audio [batch, samples] → logits [batch, classes, frames], a frame every two hops of the front end."""

    def __init__(self, shape: NetworkShape) -> None:
        super().__init__()
        self.shape = shape
        self.log_mel = LogMel(shape.front_end)
        self.first = nn.Sequential(
            nn.Conv2d(2 * shape.front_end.bands, shape.channels, (1, _FIRST_KERNEL), stride=(1, _STRIDE), bias=False),
            nn.BatchNorm2d(shape.channels),
            nn.ReLU(),
        )
        self.blocks = nn.Sequential(*(_Block(shape.channels, dilation, shape.drop) for dilation in shape.dilations))
        self.head = nn.Conv2d(shape.channels, shape.classes, 1)
        self.opinion = nn.Linear(2 * shape.channels, shape.taught)
        nn.init.constant_(self.head.bias, -3.0)

    def forward(self, audio: Tensor) -> Tensor:
        """Logits of every frame whose whole context is there."""
        logits: Tensor = self.head(self._hidden(self.log_mel.spectrum(audio)))
        return logits.squeeze(2)

    def taught(self, spectrum: Tensor) -> tuple[Tensor, Tensor]:
        """Logits, and a guess at what a teacher makes of the window [batch, taught]; the guess is never exported."""
        hidden = self._hidden(spectrum.unsqueeze(2))
        pooled = torch.cat([hidden.mean(dim=(2, 3)), hidden.amax(dim=(2, 3))], dim=1)
        return self.head(hidden).squeeze(2), self.opinion(pooled)

    def _hidden(self, spectrum: Tensor) -> Tensor:
        hidden: Tensor = self.blocks(self.first(self.log_mel.views(spectrum)))
        return hidden


Trainable = Network | Vgg


def network_of(config: Config) -> Trainable:
    """The network that a config names, untrained."""
    if config.network.kind == "vgg":
        return Vgg(config.network, config.timing.frames)
    return Network(config.network)


class Scorer(nn.Module):  # type: ignore[misc]
    """What is exported: audio [batch, samples] → scores [batch, frames, classes], each 0 to 1."""

    def __init__(self, network: Trainable) -> None:
        super().__init__()
        self.network = network

    def forward(self, audio: Tensor) -> Tensor:
        """Sigmoid of the logits, frames before classes."""
        return self.network(audio).sigmoid().transpose(1, 2)


class _Block(nn.Module):  # type: ignore[misc]
    """x + relu(convolution(x)), the edges of x cut off to fit.

    The convolution is dense: onnxruntime spends as long on a depthwise-separable one of this width, which holds a third
    of the weights.
    """

    def __init__(self, channels: int, dilation: int, drop: float) -> None:
        super().__init__()
        self.dilation = dilation
        self.body = nn.Sequential(
            nn.Conv2d(channels, channels, (1, 3), dilation=(1, dilation), bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Dropout2d(drop),
        )

    def forward(self, signal: Tensor) -> Tensor:
        kept: Tensor = signal[..., self.dilation : -self.dilation]
        return kept + self.body(signal)
