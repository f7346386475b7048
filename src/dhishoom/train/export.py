"""A trained network as ONNX beside its card; refused where ONNX and torch do not give the same scores."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import numpy as np
import onnxruntime
import torch

from dhishoom.errors import ModelError
from dhishoom.seams import ModelCard
from dhishoom.train.config import Config
from dhishoom.train.layout import widen
from dhishoom.train.network import Scorer, Trainable

AGREEMENT = 1e-4
"""The largest difference between a score by torch and by ONNX that is let through."""
OPSET = 17


def export_onnx(network: Trainable, config: Config, path: Path) -> float:
    """Write the graph, check it on sound and silence, return the largest difference to torch."""
    window = round(config.timing.window_s * config.network.front_end.sample_rate)
    any_length = ({1: "samples"}, {1: "frames"}) if config.network.kind == "frames" else ({}, {})
    scorer = Scorer(network).eval()
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.onnx.export(
        scorer,
        (torch.zeros(2, window),),
        str(path),
        input_names=["audio"],
        output_names=["scores"],
        dynamic_axes={"audio": {0: "batch"} | any_length[0], "scores": {0: "batch"} | any_length[1]},
        opset_version=OPSET,
        dynamo=False,
    )
    widen(path)
    difference = disagreement(scorer, path, window)
    if difference > AGREEMENT:
        path.unlink()
        raise ModelError(
            f"ONNX and torch differ by {difference:.1e} (limit {AGREEMENT:.0e}), so {path.name} was not kept. "
            "Export with another torch or opset, or look for an operation that ONNX rounds otherwise."
        )
    return difference


def disagreement(scorer: Scorer, path: Path, window: int) -> float:
    """The largest difference between scores by torch and by ONNX on noise, clicks, a tone, silence and clipping."""
    rng = np.random.default_rng(0)
    time = np.arange(window) / window
    sounds = [rng.standard_normal(window) * level for level in (1e-4, 1e-2, 0.3)]
    sounds += [np.zeros(window), np.sin(2 * np.pi * 900 * time), np.sign(rng.standard_normal(window))]
    sounds += [np.where(rng.random(window) < 1e-3, 0.9, 1e-3 * rng.standard_normal(window))]
    audio = np.stack(sounds).astype(np.float32)
    with torch.no_grad():
        by_torch = scorer(torch.as_tensor(audio)).numpy()
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (by_onnx,) = session.run(["scores"], {"audio": audio})
    return float(np.abs(by_torch - by_onnx).max())


def model_card(
    config: Config,
    classes: tuple[str, ...],
    *,
    alert: float,
    possible: float,
    calibration: tuple[tuple[float, float], ...],
    about: Mapping[str, object],
) -> ModelCard:
    """What the listening fold must know of the network, and what people should."""
    timing = config.timing
    return ModelCard(
        name=config.name,
        sample_rate=config.network.front_end.sample_rate,
        hop_s=timing.hop_s,
        step_s=timing.step_s,
        left_s=timing.left_s,
        right_s=timing.right_s,
        guard_s=timing.guard_s,
        classes=classes,
        gunshot_classes=("gunshot",),
        alert=alert,
        possible=possible,
        calibration=calibration,
        licence=config.licence,
        card=about,
    )


def write_card(card: ModelCard, path: Path) -> None:
    """The card as JSON, field by field."""
    text = json.dumps(_finite(asdict(card)), indent=2, ensure_ascii=False, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")


def _finite(value: object) -> object:
    """JSON knows no nan: a figure that could not be told is null."""
    if isinstance(value, Mapping):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
