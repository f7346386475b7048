"""Frame-level models: a sequence of embeddings [batch, frames, width] → probabilities [batch, classes].

Layouts and names of variables as YouTube-8M's starter code (Abu-El-Haija et al. 2016), Willow's gated NetVLAD (Miech et
al. 2017) and the multi-level attention model (Yu et al. 2018) have them; weights are [in, out] where theirs are.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from dhishoom.errors import ModelError
from dhishoom.train.models.sizes import FrameSizes

Kind = Literal["logistic", "dbof", "lstm", "netvlad", "attention"]
VIDEO, AUDIO = 1024, 128
TINY = 1e-12


def _weights(rows: int, columns: int, deviation: float | None = None) -> nn.Parameter:
    """Drawn with the published deviation, 1 / sqrt(rows) where nothing else is said."""
    return nn.Parameter(torch.randn(rows, columns) * (1 / math.sqrt(rows) if deviation is None else deviation))


def _unit(signal: Tensor, axis: int) -> Tensor:
    """Of length one along an axis."""
    return signal / torch.sqrt((signal * signal).sum(dim=axis, keepdim=True) + TINY)


def _batch_norm(norm: nn.BatchNorm1d, signal: Tensor) -> Tensor:
    """Over the last axis of [batch, frames, features]."""
    flat: Tensor = norm(signal.reshape(-1, signal.shape[-1]))
    return flat.reshape(signal.shape)


class MoeHead(nn.Module):  # type: ignore[misc]
    """Mixture of logistic experts: softmax over the gates of a class, the last of which votes for nothing."""

    def __init__(self, width: int, classes: int, mixtures: int = 2) -> None:
        super().__init__()
        self.classes, self.mixtures = classes, mixtures
        self.gates_weights = _weights(width, classes * (mixtures + 1))
        self.experts_weights = _weights(width, classes * mixtures)
        self.experts_biases = nn.Parameter(torch.zeros(classes * mixtures))

    def forward(self, hidden: Tensor) -> Tensor:
        """[batch, width] to [batch, classes]."""
        gates = (hidden @ self.gates_weights).reshape(-1, self.classes, self.mixtures + 1).softmax(dim=2)
        experts = (hidden @ self.experts_weights + self.experts_biases).reshape(-1, self.classes, self.mixtures)
        return (gates[:, :, : self.mixtures] * experts.sigmoid()).sum(dim=2)


class Logistic(nn.Module):  # type: ignore[misc]
    """FrameLevelLogisticModel: the mean of the frames through one layer."""

    def __init__(self, width: int, classes: int, _: FrameSizes) -> None:
        super().__init__()
        self.fully_connected_weights = _weights(width, classes)
        self.fully_connected_biases = nn.Parameter(torch.zeros(classes))

    def forward(self, frames: Tensor) -> Tensor:
        """[batch, frames, width] to [batch, classes]."""
        mean = _unit(frames, 2).mean(dim=1)
        return (mean @ self.fully_connected_weights + self.fully_connected_biases).sigmoid()


class Dbof(nn.Module):  # type: ignore[misc]
    """Deep bag of frames: each frame on many clusters, the largest over the frames, a hidden layer, experts.

    While it learns, it sees `iterations` frames drawn at random where there are more; afterwards all of them.
    """

    def __init__(self, width: int, classes: int, sizes: FrameSizes) -> None:
        super().__init__()
        self.iterations = sizes.iterations
        self.input_bn = nn.BatchNorm1d(width)
        self.cluster_weights = _weights(width, sizes.clusters)
        self.cluster_bn = nn.BatchNorm1d(sizes.clusters)
        self.hidden1_weights = _weights(sizes.clusters, sizes.hidden)
        self.hidden1_bn = nn.BatchNorm1d(sizes.hidden)
        self.head = MoeHead(sizes.hidden, classes)

    def forward(self, frames: Tensor) -> Tensor:
        """[batch, frames, width] to [batch, classes]."""
        if self.training and frames.shape[1] > self.iterations:
            frames = frames[:, torch.randint(frames.shape[1], (self.iterations,))]
        clusters = _batch_norm(self.input_bn, _unit(frames, 2)) @ self.cluster_weights
        bag = _batch_norm(self.cluster_bn, clusters).sigmoid().amax(dim=1)
        hidden = self.hidden1_bn(bag @ self.hidden1_weights).sigmoid()
        told: Tensor = self.head(hidden)
        return told


class BasicLstmCell(nn.Module):  # type: ignore[misc]
    """TensorFlow's BasicLSTMCell: one kernel for input and state, gates in the order i, j, f, o, forget bias 1."""

    def __init__(self, width: int, cells: int) -> None:
        super().__init__()
        self.kernel = _weights(width + cells, 4 * cells)
        self.bias = nn.Parameter(torch.zeros(4 * cells))

    def forward(self, signal: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        """(output, memory) after one more frame."""
        output, memory = state
        gates = torch.cat((signal, output), dim=1) @ self.kernel + self.bias
        take, new, forget, give = gates.chunk(4, dim=1)
        memory = memory * (forget + 1).sigmoid() + take.sigmoid() * new.tanh()
        return memory.tanh() * give.sigmoid(), memory


class Lstm(nn.Module):  # type: ignore[misc]
    """LstmModel: a stack of cells over the frames; experts on what the last one says at the end."""

    def __init__(self, width: int, classes: int, sizes: FrameSizes) -> None:
        super().__init__()
        widths = [width, *[sizes.cells] * (sizes.layers - 1)]
        self.cells = nn.ModuleList([BasicLstmCell(one, sizes.cells) for one in widths])
        self.head = MoeHead(sizes.cells, classes)
        self.count = sizes.cells

    def forward(self, frames: Tensor) -> Tensor:
        """[batch, frames, width] to [batch, classes]."""
        signals = list(_unit(frames, 2).unbind(dim=1))
        for cell in self.cells:
            zero = torch.zeros_like(signals[0][:, :1]).expand(-1, self.count)
            state = (zero, zero)
            for index, signal in enumerate(signals):
                state = cell(signal, state)
                signals[index] = state[0]
        told: Tensor = self.head(signals[-1])
        return told


class Vlad(nn.Module):  # type: ignore[misc]
    """Where frames lie about soft clusters: residuals summed over the frames, [batch, width * clusters]."""

    def __init__(self, width: int, clusters: int) -> None:
        super().__init__()
        self.cluster_weights = _weights(width, clusters)
        self.cluster_bn = nn.BatchNorm1d(clusters)
        self.cluster_weights2 = nn.Parameter(torch.randn(1, width, clusters) / math.sqrt(width))

    def forward(self, frames: Tensor) -> Tensor:
        """[batch, frames, width] to unit vectors, width-major."""
        soft = _batch_norm(self.cluster_bn, frames @ self.cluster_weights).softmax(dim=2)
        summed = frames.transpose(1, 2) @ soft
        residual = summed - self.cluster_weights2 * soft.sum(dim=1, keepdim=True)
        return _unit(_unit(residual, 1).flatten(1), 1)


class NetVlad(nn.Module):  # type: ignore[misc]
    """Willow's gated NetVLAD; with picture and sound (width 1152) each has its own clusters, sound half as many."""

    def __init__(self, width: int, classes: int, sizes: FrameSizes) -> None:
        super().__init__()
        self.split = VIDEO if width == VIDEO + AUDIO else 0
        clusters = sizes.clusters // 2 if self.split else sizes.clusters
        self.input_bn = nn.BatchNorm1d(width)
        self.video_VLAD = Vlad(VIDEO, sizes.clusters) if self.split else None
        self.audio_VLAD = Vlad(width - self.split, clusters)
        flat = self.split * sizes.clusters + (width - self.split) * clusters
        self.hidden1_weights = _weights(flat, sizes.hidden, 1 / math.sqrt(sizes.clusters))
        self.hidden1_biases = nn.Parameter(torch.zeros(sizes.hidden))
        self.gating_weights_2 = _weights(sizes.hidden, sizes.hidden)
        self.gating_bn = nn.BatchNorm1d(sizes.hidden)
        self.head = MoeHead(sizes.hidden, classes)

    def forward(self, frames: Tensor) -> Tensor:
        """[batch, frames, width] to [batch, classes]."""
        signal = _batch_norm(self.input_bn, _unit(frames, 2))
        vlad = self.audio_VLAD(signal[:, :, self.split :])
        if self.video_VLAD is not None:
            vlad = torch.cat((self.video_VLAD(signal[:, :, : self.split]), vlad), dim=1)
        hidden = vlad @ self.hidden1_weights + self.hidden1_biases
        hidden = hidden * self.gating_bn(hidden @ self.gating_weights_2).sigmoid()
        told: Tensor = self.head(hidden)
        return told


class Attention(nn.Module):  # type: ignore[misc]
    """Which frame to listen to, class by class: [batch, hidden, frames, 1] to [batch, classes]."""

    def __init__(self, hidden: int, classes: int) -> None:
        super().__init__()
        self.att = nn.Conv2d(hidden, classes, 1)
        self.cla = nn.Conv2d(hidden, classes, 1)

    def forward(self, signal: Tensor) -> Tensor:
        """The mean of what each frame says, weighted by how much it is listened to."""
        heed = self.att(signal).sigmoid().clamp(1e-7, 1 - 1e-7)[..., 0]
        heed = heed / heed.sum(dim=2, keepdim=True)
        return (heed * self.cla(signal).sigmoid()[..., 0]).sum(dim=2)


class EmbeddingStack(nn.Module):  # type: ignore[misc]
    """Three layers on every frame: what the second and the third make of it."""

    def __init__(self, width: int, hidden: int, drop: float) -> None:
        super().__init__()
        self.bn0 = nn.BatchNorm2d(width)
        self.conv1 = nn.Conv2d(width, hidden, 1, bias=False)
        self.conv2 = nn.Conv2d(hidden, hidden, 1, bias=False)
        self.conv3 = nn.Conv2d(hidden, hidden, 1, bias=False)
        self.bn1, self.bn2, self.bn3 = (nn.BatchNorm2d(hidden) for _ in range(3))
        self.drop = drop

    def forward(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """[batch, frames, width] to two of [batch, hidden, frames, 1]."""
        signal = self.bn0(frames.transpose(1, 2).unsqueeze(3))
        first = self._layer(self.conv1, self.bn1, signal)
        second = self._layer(self.conv2, self.bn2, first)
        return second, self._layer(self.conv3, self.bn3, second)

    def _layer(self, conv: nn.Module, norm: nn.Module, signal: Tensor) -> Tensor:
        return functional.dropout(functional.relu(norm(conv(signal))), self.drop, self.training)


class MultiLevelAttention(nn.Module):  # type: ignore[misc]
    """Attention on two levels of the stack by one pair of layers, joined by a last one."""

    def __init__(self, width: int, classes: int, sizes: FrameSizes) -> None:
        super().__init__()
        self.emb = EmbeddingStack(width, sizes.hidden, sizes.drop)
        self.attention = Attention(sizes.hidden, classes)
        self.fc_final = nn.Linear(2 * classes, classes)

    def forward(self, frames: Tensor) -> Tensor:
        """[batch, frames, width] to [batch, classes]."""
        second, third = self.emb(frames)
        told: Tensor = self.fc_final(torch.cat((self.attention(third), self.attention(second)), dim=1))
        return told.sigmoid()


KINDS: Mapping[str, Callable[[int, int, FrameSizes], nn.Module]] = {
    "logistic": Logistic, "dbof": Dbof, "lstm": Lstm, "netvlad": NetVlad, "attention": MultiLevelAttention,
}  # fmt: skip


def frame_level(kind: str, width: int, classes: int, sizes: FrameSizes) -> nn.Module:
    """A model of that kind for embeddings of that width. Raises ModelError for a kind there is not."""
    if kind not in KINDS:
        raise ModelError(f"There is no frame-level model {kind!r}. There are: {', '.join(KINDS)}.")
    return KINDS[kind](width, classes, sizes)
