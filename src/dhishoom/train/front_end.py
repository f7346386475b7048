"""Log-mel spectrum and its local normalisation, inside the graph, so that nobody can compute it differently.

A strided convolution with windowed sines and cosines gives the power at chosen frequencies, a matrix gathers them into
mel bands. Higher frequencies are taken more sparsely, as bands there are wider than the gaps: it saves a third of the
cost of the whole detector. What fixed weights can do in one operation is not left to several: at this size a network
spends as much on moving numbers as on multiplying them.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from dhishoom.train.shapes import FrontEnd

_POOL = 5
_FLOOR = 1e-9
"""Added to the power: about 90 dB below full scale, so that digital silence is finite."""


class LogMel(nn.Module):  # type: ignore[misc]
    """Audio [batch, samples] → [batch, 2 * bands, 1, frames], free of the recording's level.

    The first half is each band over its own background (what is sudden), the second each band over the mean of all
    bands' background (what colour it has). Background is the mean of the `background` frames before: finite and
    causal, so a frame's value does not depend on where a window begins. The mean over bands is a convolution, because
    onnxruntime sums a mean in another order where the batch is one.
    """

    def __init__(self, shape: FrontEnd) -> None:
        super().__init__()
        frequencies = _frequencies_hz(shape)
        waves = torch.from_numpy(_waves(shape, frequencies))
        self.waves = nn.Conv2d(1, 2 * len(frequencies), (1, shape.frame), stride=(1, shape.hop), bias=False)
        self.waves.weight = _fixed(waves[:, None, None])
        mel = torch.from_numpy(_mel_matrix(shape, frequencies)).repeat(1, 2)
        self.mel = nn.Conv2d(2 * len(frequencies), shape.bands, 1)
        self.mel.weight = _fixed(mel[:, :, None, None])
        self.mel.bias = _fixed(torch.full((shape.bands,), _FLOOR))
        self.background = shape.background
        self.past = nn.Sequential(
            nn.AvgPool2d((1, _POOL), stride=1), _mean_of_every(shape.background // _POOL, shape.bands)
        )
        self.mean = nn.Conv2d(shape.bands, 1, 1, bias=False)
        self.mean.weight = _fixed(torch.full((1, shape.bands, 1, 1), 1 / shape.bands))

    def forward(self, audio: Tensor) -> Tensor:
        """Two views of every frame that has a whole background before it."""
        return self.views(self.spectrum(audio))

    def spectrum(self, audio: Tensor) -> Tensor:
        """Log of the mel power [batch, bands, 1, frames]: what does not change while a network learns."""
        waves = self.waves(audio[:, None, None])
        return torch.log(self.mel(waves * waves))

    def views(self, log_mel: Tensor) -> Tensor:
        """Each band over its own background, then over the mean of all bands' background."""
        background = self.past(log_mel[..., :-1])
        now = log_mel[..., self.background :]
        over_own = now - background
        over_all = now - self.mean(background)
        return torch.cat([over_own, over_all], dim=1) * 0.25


def lost_above(spectrum: NDArray[np.float32], shape: FrontEnd, corner_hz: float, order: int) -> NDArray[np.float32]:
    """Log of the mel power [..., bands, frames] as it would be behind a Butterworth low pass; the floor stays."""
    centres_hz = 700.0 * (10.0 ** (_mel_edges(shape)[1:-1] / 2595.0) - 1.0)
    lost = np.log1p((centres_hz / corner_hz) ** (2 * order)).astype(np.float32)
    return np.asarray(np.logaddexp(spectrum - lost[:, None], np.float32(np.log(_FLOOR))), np.float32)


def _fixed(weight: Tensor) -> nn.Parameter:
    return nn.Parameter(weight, requires_grad=False)


def _frequencies_hz(shape: FrontEnd) -> NDArray[np.float64]:
    spacing = shape.sample_rate / shape.frame
    bins = np.arange(1, int(shape.high_hz / spacing) + 1)
    every = np.where(bins * spacing <= 1000.0, 1, np.where(bins * spacing <= 3000.0, 2, 4))
    return np.asarray(bins[bins % every == 0] * spacing)


def _mean_of_every(count: int, bands: int) -> nn.Conv2d:
    """The mean of `count` values of each band, `_POOL` apart; two short means cost half of one long one."""
    mean = nn.Conv2d(bands, bands, (1, count), dilation=(1, _POOL), groups=bands, bias=False)
    mean.weight = _fixed(torch.full((bands, 1, 1, count), 1 / count))
    return mean


def _waves(shape: FrontEnd, frequencies: NDArray[np.float64]) -> NDArray[np.float32]:
    """Hann-windowed cosines, then sines, scaled so that a full-scale sine has power 1."""
    time = np.arange(shape.frame) / shape.sample_rate
    window = 0.5 - 0.5 * np.cos(2 * np.pi * (np.arange(shape.frame) + 0.5) / shape.frame)
    phase = 2 * np.pi * frequencies[:, None] * time
    scale = window * 2 / window.sum()
    return np.concatenate([np.cos(phase) * scale, np.sin(phase) * scale]).astype(np.float32)


def _mel_matrix(shape: FrontEnd, frequencies: NDArray[np.float64]) -> NDArray[np.float32]:
    """Triangles evenly spaced in mel (O'Shaughnessy's 2595 log10(1 + f / 700)); each sums to one, none is empty."""
    edges = _mel_edges(shape)
    at = _mel(frequencies)
    rising = (at - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - at) / (edges[2:] - edges[1:-1])[:, None]
    weights = np.maximum(0.0, np.minimum(rising, falling))
    nearest = np.abs(at - edges[1:-1, None]).argmin(axis=1)
    empty = weights.sum(axis=1) == 0
    weights[empty, nearest[empty]] = 1.0
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), dtype=np.float32)


def _mel_edges(shape: FrontEnd) -> NDArray[np.float64]:
    return np.linspace(_mel(shape.low_hz), _mel(shape.high_hz), shape.bands + 2)


def _mel(frequency_hz: NDArray[np.float64] | float) -> NDArray[np.float64]:
    return np.asarray(2595.0 * np.log10(1.0 + np.asarray(frequency_hz) / 700.0))
