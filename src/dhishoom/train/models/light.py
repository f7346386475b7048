"""The light variant of VGGish: configuration A's eight convolutions, narrow, global pooling, 128 numbers."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from dhishoom.train.models.light_plan import CHANNELS, POOLED, WIDTH


class LightVgg(nn.Module):  # type: ignore[misc]
    """Pictures [n, frames, bands] of log-mel → embeddings [n, 128]; the loudness of a picture is taken away."""

    def __init__(self) -> None:
        super().__init__()
        before = (1, *CHANNELS[:-1])
        pairs = zip(before, CHANNELS, strict=True)
        self.convolutions = nn.ModuleList([nn.Conv2d(one, two, 3, padding=1, bias=False) for one, two in pairs])
        self.norms = nn.ModuleList([nn.BatchNorm2d(channels) for channels in CHANNELS])
        self.dense = nn.Linear(2 * CHANNELS[-1], WIDTH)

    def forward(self, pictures: Tensor) -> Tensor:
        """[n, frames, bands] to [n, 128]."""
        level = pictures.mean(dim=(1, 2), keepdim=True)
        signal = ((pictures - level) * 0.25).unsqueeze(1)
        for index, (convolution, norm) in enumerate(zip(self.convolutions, self.norms, strict=True)):
            signal = torch.relu(norm(convolution(signal)))
            if index in POOLED:
                signal = nn.functional.max_pool2d(signal, 2)
        pooled = torch.cat((signal.mean(dim=(2, 3)), signal.amax(dim=(2, 3))), dim=1)
        told: Tensor = self.dense(pooled)
        return told


def folded(network: LightVgg) -> dict[str, NDArray[np.float32]]:
    """Weights for the graph: each batch norm folded into its convolution, kernels as [height, width, in, out]."""
    weights: dict[str, NDArray[np.float32]] = {}
    for index, (convolution, norm) in enumerate(zip(network.convolutions, network.norms, strict=True)):
        scale = (norm.weight / torch.sqrt(norm.running_var + norm.eps)).detach()
        kernel = convolution.weight.detach() * scale[:, None, None, None]
        weights[f"conv{index}/kernel"] = kernel.permute(2, 3, 1, 0).contiguous().numpy()
        weights[f"conv{index}/bias"] = (norm.bias.detach() - norm.running_mean * scale).numpy()
    weights["dense/kernel"] = network.dense.weight.detach().T.contiguous().numpy()
    weights["dense/bias"] = network.dense.bias.detach().numpy()
    return weights
