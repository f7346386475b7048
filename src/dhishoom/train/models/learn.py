"""The learning system, start to end: `python -m dhishoom.train.models.learn --shared ../shared --out models`.

The light variant learns to say what the teacher says and whether a gun is heard; then it stays as it is, and
frame-level models learn on its embeddings, for two classes or for AudioSet's 527. Each stage has a time limit.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from dhishoom.detectors.front_ends import VGGISH
from dhishoom.train.models.assemble import Trained, write_detector
from dhishoom.train.models.embedders import FOLDER, EmbedderCard, write_embedder_card
from dhishoom.train.models.frame_level import KINDS, frame_level
from dhishoom.train.models.graphs import write
from dhishoom.train.models.light import LightVgg, folded
from dhishoom.train.models.light_plan import WIDTH, light_graph, parameters
from dhishoom.train.models.sequences import HELD_OUT, Sequences, Teacher, sequences_of
from dhishoom.train.models.sizes import SMALL
from dhishoom.train.recordings import LIVE_FIRE, Recording, read_live_fire, read_manifest

TAUGHT_WEIGHT = 20.0
BATCH = 32
RATE_OF_EMBEDDER = 2e-3
RATES = {"logistic": 3e-2}
"""Of frame-level models; 2e-3 for those not named. One layer on unit vectors needs larger steps."""


def may_teach(recording: Recording) -> bool:
    """What anyone may use, but for the positions held out."""
    held_out = recording.source == LIVE_FIRE and recording.group in HELD_OUT
    return recording.use == "yes" and not held_out


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Minutes for the embedder and for each frame-level model, and passes over the examples at most."""

    embedder_min: float
    frame_level_min: float
    passes: int


class Judge(nn.Module):  # type: ignore[misc]
    """The light variant with heads on the mean of a sequence: what the teacher says, and whether a gun is heard."""

    def __init__(self, taught: int) -> None:
        super().__init__()
        self.embedder = LightVgg()
        self.opinion = nn.Linear(WIDTH, taught)
        self.gunshot = nn.Linear(WIDTH, 1)

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Logits [batch, 527] and [batch]."""
        embedded = self.embedder(pictures.flatten(0, 1)).reshape(len(pictures), -1, WIDTH)
        mean, most = embedded.mean(dim=1), embedded.amax(dim=1)
        return self.opinion(mean), self.gunshot(most)[:, 0]


def train_embedder(rows: Sequences, limit_min: float, passes: int, tell: Callable[[str], object]) -> LightVgg:
    """Learn until the time is up; the rate falls to nothing by then."""
    judge = Judge(rows.taught.shape[1])
    optimiser = torch.optim.AdamW(judge.parameters(), lr=RATE_OF_EMBEDDER, weight_decay=1e-3)
    began = time.monotonic()
    for number, chosen in enumerate(_batches(rows.gunshot, passes)):
        share = max((time.monotonic() - began) / (60 * limit_min), number * BATCH / (passes * len(rows.gunshot)))
        if share >= 1:
            break
        optimiser.param_groups[0]["lr"] = RATE_OF_EMBEDDER * 0.5 * (1 + np.cos(np.pi * share))
        opinion, gunshot = judge(torch.from_numpy(rows.pictures[chosen].astype(np.float32)))
        loss = TAUGHT_WEIGHT * nn.functional.binary_cross_entropy_with_logits(
            opinion, torch.from_numpy(rows.taught[chosen])
        ) + nn.functional.binary_cross_entropy_with_logits(gunshot, torch.from_numpy(rows.gunshot[chosen]).float())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        if number % 20 == 0:
            tell(f"embedder: {100 * share:.0f} % of its time, loss {loss.item():.4f}")
    judge.eval()
    return judge.embedder


def embedded(network: LightVgg, pictures: NDArray[np.float16]) -> NDArray[np.float32]:
    """[n, frames, 128] of sequences of pictures."""
    parts = []
    with torch.no_grad():
        for at in range(0, len(pictures), BATCH):
            piece = torch.from_numpy(pictures[at : at + BATCH].astype(np.float32))
            parts.append(network(piece.flatten(0, 1)).reshape(len(piece), -1, WIDTH).numpy())
    return np.concatenate(parts)


def train_frame_level(
    kind: str, embeddings: NDArray[np.float32], targets: NDArray[np.float32], limit_min: float, passes: int
) -> nn.Module:
    """A frame-level model of its small size on fixed embeddings."""
    torch.manual_seed(0)
    model = frame_level(kind, WIDTH, targets.shape[1], SMALL[kind])
    rate = RATES.get(kind, 2e-3)
    optimiser = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=1e-3)
    began = time.monotonic()
    weight = TAUGHT_WEIGHT if targets.shape[1] > 2 else 1.0
    for number, chosen in enumerate(_batches(targets[:, 0] > 0.5, passes)):
        share = max((time.monotonic() - began) / (60 * limit_min), number * BATCH / (passes * len(targets)))
        if share >= 1:
            break
        optimiser.param_groups[0]["lr"] = rate * 0.5 * (1 + np.cos(np.pi * share))
        told = model(torch.from_numpy(embeddings[chosen])).clamp(1e-6, 1 - 1e-6)
        loss = weight * nn.functional.binary_cross_entropy(told, torch.from_numpy(targets[chosen]))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return model.eval()


def _batches(gunshot: NDArray[np.bool_], passes: int) -> Iterator[NDArray[np.int64]]:
    """Rows in another order every pass; the last few of a pass are left out."""
    rng = np.random.default_rng(0)
    for _ in range(passes):
        order = rng.permutation(len(gunshot))
        for at in range(0, len(order) - BATCH + 1, BATCH):
            yield order[at : at + BATCH]


def told(model: nn.Module, embeddings: NDArray[np.float32]) -> NDArray[np.float32]:
    """[n, classes]."""
    with torch.no_grad():
        return np.asarray(model(torch.from_numpy(embeddings)).numpy(), np.float32)


def all_recordings(shared: Path) -> list[Recording]:
    """Clips and live fire."""
    return read_manifest(shared / "data" / "clips" / "manifest.csv") + read_live_fire(shared / "data" / "pittsburgh")


def _sequences(recordings: Sequence[Recording], teacher: Teacher | None, copies: int, file: Path) -> Sequences:
    """Kept in `file` between runs."""
    if file.is_file():
        with np.load(file) as kept:
            return Sequences(**{name: kept[name] for name in kept.files})
    rows = sequences_of(recordings, teacher, copies=copies)
    file.parent.mkdir(parents=True, exist_ok=True)
    np.savez(
        file, pictures=rows.pictures, gunshot=rows.gunshot, taught=rows.taught, recording=rows.recording
    )  # fmt: skip
    return rows


def learn(shared: Path, out: Path, cache: Path, kinds: Sequence[str], limits: Limits) -> None:
    """Everything, from recordings to detectors that `detect --model` takes."""
    recordings = all_recordings(shared)
    teacher = Teacher(shared / "weights", shared / "audioset" / "class_labels_indices.csv")
    taught = [one for one in recordings if may_teach(one)]
    judged = [one for one in recordings if one.use == "validate"]
    rows = _sequences(taught, teacher, 2, cache / "taught.npz")
    quiet = _sequences(judged, None, 0, cache / "judged.npz")
    print(f"{len(rows.gunshot)} sequences of {len(taught)} recordings, {rows.gunshot.sum()} with gunfire")
    network, minutes = _embedder(rows, limits, cache / "embedder.pt")
    path = _keep_embedder(network, out, minutes, len(rows.gunshot))
    embeddings, heard = embedded(network, rows.pictures), embedded(network, quiet.pictures)
    two = np.stack((rows.gunshot, ~rows.gunshot), axis=1).astype(np.float32)
    for kind in kinds:
        for classes, targets in ((("gunshot", "other"), two), (teacher.classes, rows.taught)):
            began = time.monotonic()
            model = train_frame_level(kind, embeddings, targets, limits.frame_level_min, 4 * limits.passes)
            minutes = (time.monotonic() - began) / 60
            trained = Trained(kind=kind, classes=classes, minutes=minutes, examples=len(targets))
            scores = told(model, heard)
            card = write_detector(model, trained, path, heard, scores, quiet.recording, judged, out)
            print(f"{card.name}: {minutes:.1f} min, alert {card.alert:.3f}, possible {card.possible:.3f}")


def _embedder(rows: Sequences, limits: Limits, file: Path) -> tuple[LightVgg, float]:
    """Taught, or as the last run left it, with the minutes it took."""
    if file.is_file():
        kept = torch.load(file, weights_only=True)
        network = LightVgg().eval()
        network.load_state_dict(kept["network"])
        return network, float(kept["minutes"])
    torch.manual_seed(0)
    began = time.monotonic()
    network = train_embedder(rows, limits.embedder_min, limits.passes, print)
    minutes = (time.monotonic() - began) / 60
    torch.save({"network": network.state_dict(), "minutes": minutes}, file)
    return network, minutes


def _keep_embedder(network: LightVgg, out: Path, minutes: float, examples: int) -> Path:
    weights = folded(network)
    path = out / FOLDER / "light.onnx"
    write(light_graph(weights, VGGISH), path)
    card = EmbedderCard(
        name="light",
        front_end=VGGISH.name,
        width=WIDTH,
        parameters=parameters(weights),
        licence="Apache-2.0",
        summary="VGG configuration A, narrow, with global pooling, on VGGish's pictures of levelled sound.",
        checks={"minutes": round(minutes, 1), "sequences": examples, "left_out": list(HELD_OUT)},
    )
    write_embedder_card(card, path.with_suffix(".json"))
    return path


def main() -> None:
    """As the arguments say."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shared", type=Path, default=Path("../shared"), help="recordings and the teacher")
    parser.add_argument("--out", type=Path, default=Path("models"), help="folder for the models")
    parser.add_argument("--cache", type=Path, default=Path("runs/cache/frame-level"), help="pictures between runs")
    parser.add_argument("--kind", action="append", choices=list(KINDS), help="frame-level model; may be given again")
    parser.add_argument("--embedder-min", type=float, default=15.0, help="minutes for the embedder")
    parser.add_argument("--frame-level-min", type=float, default=1.0, help="minutes for each frame-level model")
    parser.add_argument("--passes", type=int, default=12, help="over the examples, at most")
    given = parser.parse_args()
    limits = Limits(embedder_min=given.embedder_min, frame_level_min=given.frame_level_min, passes=given.passes)
    learn(given.shared, given.out, given.cache, given.kind or list(KINDS), limits)


if __name__ == "__main__":
    main()
