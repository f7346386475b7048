"""Learning from what people said: a shipped network goes on from its ONNX file, with a site's reviewed sounds.

Reviewed sounds are few. So the network is held to what it was: on simulated gunfire and on the site's confirmed shots
its answers must stay what they were, and only the dismissed sounds must go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import numpy_helper
from torch import nn
from torch.nn import functional

from dhishoom.core.silence import fill
from dhishoom.detectors.cards import read_card
from dhishoom.errors import ModelError
from dhishoom.train.augment import Chain, far_away, record
from dhishoom.train.export import export_onnx, write_card
from dhishoom.train.gunfire import blast
from dhishoom.train.library import Samples, resample
from dhishoom.train.network import Network
from dhishoom.train.recordings import LIVE_FIRE, Recording
from dhishoom.train.shapes import NetworkShape, Timing
from dhishoom.train.targets import frame_targets

if TYPE_CHECKING:
    from dhishoom.nouns import ModelCard

STEPS = 200
LEARNING_RATE = 1e-4
MARGIN = 1.0
"""Log-odds below the `possible` threshold to which a dismissed sound is pressed."""
STAY = 4.0
LATE_BLOCKS = 2
"""Only these and the head learn: what a sound is made of is known, what it means at this site is not."""
PATIENCE = 10
"""Steps in a row without a dismissed sound near the threshold, after which nothing more is changed."""
BATCH = 24
SEED = 1


class Reviewed(NamedTuple):
    """One detection's sound with a verdict: `onset_s` from its first sample; `shot` if it was confirmed."""

    sound: Samples
    sample_rate: int
    onset_s: float
    shot: bool


def learn_from(
    model: Path, reviewed: Sequence[Reviewed], target: Path, name: str, advance: Callable[[int, float], None]
) -> ModelCard:
    """Fine-tune a model on reviewed sounds; write NAME.onnx and NAME.json to `target`.

    Raises ModelError where nothing was dismissed or the model was not made here.
    """
    if not any(not one.shot for one in reviewed):
        raise ModelError("No dismissed detection has its sound kept: there is no mistake to learn from.")
    card = read_card(model.with_suffix(".json"))
    network, timing = network_of_file(model, card), _timing(card)
    _learn(network, timing, _limit(card), reviewed, advance)
    difference = export_onnx(network, _shape_only(card, network, timing), target / f"{name}.onnx")
    counts = {"dismissed": sum(not one.shot for one in reviewed), "confirmed": sum(one.shot for one in reviewed)}
    about: dict[str, object] = dict(card.card or {}) | {
        "summary": f"{card.name}, taught by the reviews of one site.",
        "went_on_from": card.name,
        "reviews": counts,
        "onnx_differs_from_torch_by": difference,
    }
    about.pop("second_look", None)
    tuned = replace(card, name=name, card=about)
    write_card(tuned, target / f"{name}.json")
    return tuned


def network_of_file(model: Path, card: ModelCard) -> Network:
    """A network with the weights of an exported one; its batch norms are folded into the convolutions already."""
    shape = _network_shape(card)
    network: Network = Network(shape).eval()
    convolutions = [part for part in network.modules() if isinstance(part, nn.Conv2d)]
    stored = list(_convolutions(model))
    if [tuple(part.weight.shape) for part in convolutions] != [weight.shape for weight, _ in stored]:
        raise ModelError(
            f"{model} is not the network its card describes, so it cannot go on learning. Export it again."
        )
    with torch.no_grad():
        for part, (weight, bias) in zip(convolutions, stored, strict=True):
            part.weight.copy_(torch.from_numpy(weight.copy()))
            if part.bias is not None and bias is not None:
                part.bias.copy_(torch.from_numpy(bias.copy()))
        for (_, bias), norm in zip(_with_norm(stored), _norms(network), strict=True):
            norm.running_mean.zero_()
            norm.running_var.fill_(1 - norm.eps)
            norm.weight.fill_(1.0)
            norm.bias.copy_(torch.from_numpy(bias.copy()))
    return network


def _convolutions(model: Path) -> Iterator[tuple[NDArray[np.float32], NDArray[np.float32] | None]]:
    graph = onnx.load(str(model)).graph
    kept = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
    for node in graph.node:
        if node.op_type == "Conv":
            yield kept[node.input[1]], kept[node.input[2]] if len(node.input) > 2 else None


def _norms(network: Network) -> list[Any]:
    return [part for part in network.modules() if isinstance(part, nn.BatchNorm2d)]


def _with_norm(
    stored: Sequence[tuple[NDArray[np.float32], NDArray[np.float32] | None]],
) -> list[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """Those that a batch norm was folded into: after the front end's four, before the head."""
    return [(weight, bias) for weight, bias in stored[4:-1] if bias is not None]


def _network_shape(card: ModelCard) -> NetworkShape:
    about = (card.card or {}).get("network")
    if about is None:
        raise ModelError(f"The card of {card.name} does not describe its network, so it cannot go on learning.")
    try:
        return msgspec.convert(about, NetworkShape)
    except msgspec.ValidationError as error:
        raise ModelError(f"The card of {card.name}: network: {error}. Export the model again.") from error


def _limit(card: ModelCard) -> float:
    """The log-odds of the raw score that is just a possible shot."""
    raw = card.possible
    if card.calibration:
        heard, meant = np.array(card.calibration, np.float64).T
        raw = float(np.interp(card.possible, meant, heard))
    return float(np.log(raw / (1 - raw)))


def _timing(card: ModelCard) -> Timing:
    return Timing(hop_s=card.hop_s, left_s=card.left_s, step_s=card.step_s, right_s=card.right_s, guard_s=card.guard_s)


def _learn(
    network: Network,
    timing: Timing,
    limit: float,
    reviewed: Sequence[Reviewed],
    advance: Callable[[int, float], None],
) -> None:
    """Press dismissed sounds below a limit (log-odds), hold every other answer where it was; stop once they are."""
    torch.manual_seed(SEED)
    before = Network(network.shape).eval()
    before.load_state_dict(network.state_dict())
    late = [*network.blocks[-LATE_BLOCKS:].parameters(), *network.head.parameters()]
    optimiser = torch.optim.Adam(late, lr=LEARNING_RATE)
    quiet_steps = 0
    for step in range(STEPS):
        audio, shot, weight, dismissed = _batch(np.random.default_rng([SEED, step]), network.shape, timing, reviewed)
        logits = network(audio)
        with torch.no_grad():
            known = before(audio)
        over = functional.relu(logits[:, 0].amax(dim=1) - limit + MARGIN) * dismissed
        kept = 1 - dismissed
        away = (logits - known).square()
        stay = (away[:, 0].mean(dim=1) * kept).mean() + away[:, 1:].mean()
        missed = functional.binary_cross_entropy_with_logits(logits[:, 0], shot, reduction="none") * weight * shot
        loss = over.mean() + STAY * stay + missed.sum() / max(1.0, float(shot.sum())) * 0.1
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        advance(step + 1, float(loss.detach()))
        quiet_steps = quiet_steps + 1 if float(over.detach().max()) <= MARGIN / 2 else 0
        if quiet_steps >= PATIENCE:
            break


def _batch(
    rng: np.random.Generator, shape: NetworkShape, timing: Timing, reviewed: Sequence[Reviewed]
) -> tuple[torch.Tensor, ...]:
    """A third dismissed sounds, a third confirmed ones (simulated where there are none), a third simulated gunfire.

    audio [batch, window], shot and weight [batch, frames], dismissed [batch].
    """
    dismissed = [one for one in reviewed if not one.shot]
    confirmed = [one for one in reviewed if one.shot]
    rows = []
    for number in range(BATCH):
        chosen = dismissed if number % 3 == 0 else confirmed if number % 3 == 1 else []
        one = chosen[rng.integers(len(chosen))] if chosen else None
        rows.append(_row(rng, shape.front_end.sample_rate, timing, one))
    return tuple(torch.as_tensor(np.stack(parts).astype(np.float32)) for parts in zip(*rows, strict=True))


_GENTLE = Chain(
    distance=0.0, mix=0.0, codec=0.0, clip=0.05, quantise=0.1, limit=0.05, wind=0.1, colour=0.5, low_pass=0.2
)
_SHOT = Recording(key="", path=Path(), source=LIVE_FIRE, group="", label="gunshot", use="yes")


def _row(rng: np.random.Generator, rate: int, timing: Timing, one: Reviewed | None) -> tuple[Any, ...]:
    at_s = float(rng.uniform(timing.first_frame_s + 0.1, timing.window_s - timing.right_s - 0.1))
    length = round(timing.window_s * rate)
    if one is None:
        sound = blast(rng, length, rate, at_s)
        sound = far_away(rng, sound, rate, Chain().distance_max_m) if rng.random() < 0.7 else sound
    else:
        sound = _placed(one, at_s, length, rate)
    audio = record(rng, sound, rate, _GENTLE)
    shots = (at_s,) if one is None or one.shot else ()
    shot, weight = frame_targets(_SHOT, shots, (), timing)
    return audio, shot, weight, np.float32(not shots)


def _placed(one: Reviewed, at_s: float, length: int, rate: int) -> Samples:
    """The sound with its onset at an instant of a window; what was not kept is filled as the listening fold does."""
    sound = resample(one.sound, one.sample_rate, rate)
    start = round((one.onset_s - at_s) * rate)
    window = np.zeros(length, np.float32)
    known = sound[max(0, start) : max(0, start + length)]
    first = max(0, -start)
    window[first : first + len(known)] = known
    missing = np.ones(length, np.bool_)
    missing[first : first + len(known)] = False
    return fill(window, missing, 0, rate)


def _shape_only(card: ModelCard, network: Network, timing: Timing) -> Any:
    """As much of a config as an export needs."""
    from dhishoom.train.config import Config

    return Config(name=card.name, licence=card.licence, network=network.shape, timing=timing)
