"""The small frame-level network: log-mel, one strided convolution, then dilated blocks with a way past each.

The first blocks look a quarter of a second both ways, the last one a second back: a shot is told from a drum, a step or
a drill by what was heard before it, and looking back costs no delay.

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
        around = [_Block(shape, dilation, slice(dilation, -dilation)) for dilation in shape.dilations]
        back = [_Block(shape, dilation, slice(2 * dilation, None)) for dilation in shape.past]
        self.blocks = nn.Sequential(*around, *back)
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
    """x + relu(convolution(x)), x cut to the frames that the convolution speaks of: its middle tap or its last.

    The convolution is dense: onnxruntime spends as long on a depthwise-separable one of this width, which holds a third
    of the weights.
    """

    def __init__(self, shape: NetworkShape, dilation: int, kept: slice) -> None:
        super().__init__()
        self.kept = kept
        self.body = nn.Sequential(
            nn.Conv2d(shape.channels, shape.channels, (1, 3), dilation=(1, dilation), bias=False),
            nn.BatchNorm2d(shape.channels),
            nn.ReLU(),
            nn.Dropout2d(shape.drop),
        )

    def forward(self, signal: Tensor) -> Tensor:
        kept: Tensor = signal[..., self.kept]
        return kept + self.body(signal)
