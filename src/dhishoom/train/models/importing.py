"""VGGish's published weights become an ONNX network with a card, tried with the published smoke test first."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dhishoom.detectors.front_ends import VGGISH
from dhishoom.detectors.postprocessing import Postprocessor, read_postprocessor
from dhishoom.errors import ModelError
from dhishoom.train.models.checkpoints import read_checkpoint
from dhishoom.train.models.embedders import FOLDER, EmbedderCard, session, write_embedder_card
from dhishoom.train.models.vggish import FORMS, PARAMETERS, Form, recognised

WITHIN = 0.1
SMOKE_HZ, SMOKE_S = 1000.0, 3.0
BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Smoke:
    """Of a 1 kHz sine of three seconds: mean and deviation of embeddings and of their eight bits; None: not stated."""

    mean: float
    deviation: float
    quantised_mean: float | None = None
    quantised_deviation: float | None = None

    def agrees(self, other: Smoke) -> bool:
        """Whether every stated figure is within a tenth of the other's."""
        pairs = (
            (self.deviation, other.deviation),
            (self.quantised_mean, other.quantised_mean),
            (self.quantised_deviation, other.quantised_deviation),
        )
        near = [abs(own - its) <= WITHIN * abs(own) for own, its in pairs if own is not None and its is not None]
        return all(near) and abs(self.mean - other.mean) <= max(WITHIN * abs(self.mean), 0.01 * self.deviation)


PUBLISHED = {False: Smoke(0.000657, 0.343, 126.0, 89.3), True: Smoke(0.131, 0.238)}
"""vggish_smoke_test.py of tensorflow/models, since 2023; before, when the last layer had its ReLU."""


@dataclass(frozen=True, slots=True)
class Imported:
    """What was put where, and whether it behaves as published."""

    path: Path
    card: EmbedderCard
    form: Form
    smoke: Smoke
    as_published: bool


def import_vggish(
    file: Path, folder: Path, *, name: str = "vggish", last_relu: bool | None = None, pca: Path | None = None
) -> Imported:
    """Read weights in any published form, and keep them as `folder/embedders/NAME.onnx` with a card.

    Args:
        last_relu: Whether the embedding goes through a ReLU; None: as the smoke test says.
        pca: Parameters of the postprocessor; with them the smoke test is whole.
    Raises:
        ModelError: Another network, a damaged file, one that would execute code, or nobody can tell about the ReLU.
    """
    from dhishoom.train.models.graphs import vggish_graph, write

    arrays = read_checkpoint(file)
    try:
        form, weights = recognised(arrays)
    except ModelError as error:
        raise ModelError(f"{file}: {error} Name VGGish's own weights.") from error
    how = read_postprocessor(pca) if pca else None
    path = folder / FOLDER / f"{name}.onnx"
    trial = path.with_suffix(".trial")
    try:
        write(vggish_graph(weights, VGGISH, last_relu=False), trial)
        plain = _smoke_embeddings(trial)
        relu = _decided(plain, how) if last_relu is None else last_relu
        if relu:
            write(vggish_graph(weights, VGGISH, last_relu=True), trial)
        smoke = smoke_of(np.maximum(plain, 0) if relu else plain, how)
        as_published = PUBLISHED[relu].agrees(smoke)
        card = _card(name, file, form, smoke, relu=relu, as_published=as_published)
        trial.replace(path)
        write_embedder_card(card, path.with_suffix(".json"))
    except OSError as error:
        raise ModelError(
            f"{path} cannot be written: {error.strerror or error}. Free some space or set DHISHOOM_MODELS."
        ) from error
    finally:
        trial.unlink(missing_ok=True)
    return Imported(path, card, form, smoke, as_published)


def _decided(plain: NDArray[np.float32], how: Postprocessor | None) -> bool:
    """Whether these weights were published with a last ReLU."""
    for relu, published in PUBLISHED.items():
        if published.agrees(smoke_of(np.maximum(plain, 0) if relu else plain, how)):
            return relu
    raise ModelError(
        f"These weights behave like none that were published (embeddings of a 1 kHz sine: mean {plain.mean():.3g}, "
        f"deviation {plain.std():.3g}), so nobody can tell whether a ReLU follows the last layer. Say --last-relu "
        "(the PyTorch and Keras ports, TF-slim before 2020) or --no-last-relu."
    )


def _smoke_embeddings(path: Path) -> NDArray[np.float32]:
    time = np.arange(round(SMOKE_S * VGGISH.sample_rate)) / VGGISH.sample_rate
    sine = np.sin(2 * np.pi * SMOKE_HZ * time).astype(np.float32)
    return np.asarray(session(path).run(["embedding"], {"audio": sine[None]})[0][0], np.float32)


def smoke_of(embeddings: NDArray[np.float32], how: Postprocessor | None) -> Smoke:
    """The four figures of the published smoke test; the last two need a postprocessor."""
    mean, deviation = float(embeddings.mean()), float(embeddings.std())
    if how is None:
        return Smoke(mean, deviation)
    quantised = how.quantise(embeddings)
    return Smoke(mean, deviation, float(quantised.mean()), float(quantised.std()))


def _card(name: str, file: Path, form: Form, smoke: Smoke, *, relu: bool, as_published: bool) -> EmbedderCard:
    digest = hashlib.sha256()
    with file.open("rb") if file.is_file() else file.with_name(f"{file.name}.index").open("rb") as content:
        while block := content.read(BLOCK):
            digest.update(block)
    return EmbedderCard(
        name=name,
        front_end=VGGISH.name,
        width=128,
        parameters=PARAMETERS,
        licence="Apache-2.0" if as_published else "",
        summary="VGGish: VGG configuration A on 64 log-mel bands, 128 numbers every 0.96 s.",
        sha256=digest.hexdigest(),
        origin=f"{file.name}, in {FORMS[form]}'s form",
        last_relu=relu,
        checks={
            "smoke_mean": round(smoke.mean, 6),
            "smoke_deviation": round(smoke.deviation, 6),
            "smoke_quantised_mean": smoke.quantised_mean,
            "smoke_quantised_deviation": smoke.quantised_deviation,
            "as_published": as_published,
        },
    )
