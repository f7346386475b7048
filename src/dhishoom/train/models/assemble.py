"""An embedder and a frame-level model become one detector: `audio` → `scores` [batch, frames, classes].

The sequence says whether, each second by itself says where: a second's score is the sequence's, times its share of the
likeliest second; it stands on the frame of 20 ms where the level rises most.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnx.compose
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper
from torch import nn

from dhishoom.detectors.cards import write_card
from dhishoom.detectors.tagger import FLOOR_FRAMES, GUN_CLASSES, HOP_S
from dhishoom.errors import ModelError
from dhishoom.nouns import GUNSHOT, ModelCard
from dhishoom.train.calibrate import apply, pairs_of, platt_of
from dhishoom.train.figures import threshold_for
from dhishoom.train.models.embedders import read_embedder_card, session
from dhishoom.train.models.graphs import AUDIO, EMBEDDING, IR_VERSION, OPSET, Graph, write
from dhishoom.train.models.sequences import FRAMES, HELD_OUT, LENGTH, RATE
from dhishoom.train.recordings import Recording
from dhishoom.train.scoring import Outcome

SEQUENCE, PROBABILITIES, SCORES = "sequence_in", "probabilities", "scores"
AGREEMENT = 1e-4
CHECKED = 64
"""Sequences on which torch and ONNX are compared."""
ALERT_PER_HOUR, POSSIBLE_PER_HOUR = 1.0, 20.0
STEP_S = 4.8
TINY = 1e-10


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """What a frame-level model is, for its card."""

    kind: str
    classes: tuple[str, ...]
    minutes: float
    examples: int

    @property
    def name(self) -> str:
        """`light-netvlad-2`: embedder, kind, number of classes."""
        return f"{self.kind}-{len(self.classes)}"

    @property
    def guns(self) -> tuple[str, ...]:
        """Its classes that mean gunfire; explosions are none."""
        return tuple(one for one in (GUNSHOT, *GUN_CLASSES) if one in self.classes)

    def gun_score(self, scores: NDArray[np.float32]) -> NDArray[np.float32]:
        """The largest of its gun classes, of [..., classes]."""
        return np.asarray(scores[..., [self.classes.index(one) for one in self.guns]].max(axis=-1), np.float32)


def write_detector(
    model: nn.Module,
    trained: Trained,
    embedder: Path,
    sequences: NDArray[np.float32],
    judged_scores: NDArray[np.float32],
    judged_rows: NDArray[np.int64],
    judged: Sequence[Recording],
    out: Path,
) -> ModelCard:
    """Write `EMBEDDER-KIND-CLASSES.onnx` and its card; thresholds and calibration from recordings that never teach.

    Args:
        sequences: [judged, frames, width], embeddings of those recordings; on a few, torch and ONNX have to agree.
    """
    outcomes = _outcomes(trained.gun_score(judged_scores), judged_rows, judged)
    usable = [one for one in outcomes if one.is_gunfire or one.is_negative]
    pairs = pairs_of(*platt_of([one.score for one in usable], [float(one.is_gunfire) for one in usable]))
    negatives = [one for one in outcomes if one.is_negative and one.label != "firework"]
    alert, possible = (
        min(1.0, float(apply(pairs, [min(1.0, threshold_for(negatives, rate))])[0]))
        for rate in (ALERT_PER_HOUR, POSSIBLE_PER_HOUR)
    )
    path = out / f"{embedder.stem}-{trained.name}.onnx"
    width = read_embedder_card(embedder.with_suffix(".json")).width
    write(detector_graph(embedder, exported(model, sequences[:CHECKED]), width, len(trained.classes)), path)
    card = _card(path.stem, trained, embedder, alert=max(alert, possible), possible=possible, calibration=pairs)
    write_card(card, path.with_suffix(".json"))
    return card


def _outcomes(scores: NDArray[np.float32], rows: NDArray[np.int64], judged: Sequence[Recording]) -> list[Outcome]:
    """One a recording: the largest of its sequences."""
    return [
        Outcome(
            key=one.key,
            source=one.source,
            group=one.group,
            label=one.label,
            use=one.use,
            duration_s=float(np.sum(rows == number)) * STEP_S,
            onsets_s=(),
            events=(),
            score=float(scores[rows == number].max()),
            heard="",
        )
        for number, one in enumerate(judged)
        if np.any(rows == number)
    ]


def exported(model: nn.Module, sequences: NDArray[np.float32]) -> onnx.ModelProto:
    """A frame-level model as ONNX, refused where it and torch disagree on sequences [n, frames, width] of sound.

    Of sound, for what an embedder never says is not what a network learnt to scale: there rounding alone may differ.
    """
    example = torch.from_numpy(sequences)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "frame_level.onnx"
        torch.onnx.export(
            model.eval(),
            (example,),
            str(path),
            input_names=[SEQUENCE],
            output_names=[PROBABILITIES],
            dynamic_axes={SEQUENCE: {0: "batch"}, PROBABILITIES: {0: "batch"}},
            opset_version=OPSET,
            dynamo=False,
        )
        by_onnx = session(path).run([PROBABILITIES], {SEQUENCE: example.numpy()})[0]
        with torch.no_grad():
            difference = float(np.abs(model(example).numpy() - by_onnx).max())
        if not difference <= AGREEMENT:
            raise ModelError(f"ONNX and torch differ by {difference:.1e} (limit {AGREEMENT:.0e}); nothing was kept.")
        return onnx.load(str(path))


def detector_graph(embedder: Path, frame_level: onnx.ModelProto, width: int, classes: int) -> bytes:
    """Both in one graph, with the placing of scores around them."""
    first = onnx.compose.add_prefix(onnx.load(str(embedder)), "embedder/").graph
    second = onnx.compose.add_prefix(frame_level, "frames/").graph
    graph = Graph()
    before, after = f"embedder/{EMBEDDING}", f"frames/{PROBABILITIES}"
    graph.nodes += [helper.make_node("Identity", [AUDIO], [f"embedder/{AUDIO}"]), *first.node]
    _with_seconds_alone(graph, before, f"frames/{SEQUENCE}", width)
    graph.nodes += second.node
    cells = _cells(graph, after, classes)
    _placed(graph, cells, classes)
    graph.weights += [*first.initializer, *second.initializer]
    axes: list[str | int] = ["batch", FRAMES * _cell_frames(), classes]
    made = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "detector",
            [helper.make_tensor_value_info(AUDIO, TensorProto.FLOAT, ["batch", "samples"])],
            [helper.make_tensor_value_info(SCORES, TensorProto.FLOAT, axes)],
            graph.weights,
        ),
        opset_imports=[helper.make_opsetid("", OPSET)],
        producer_name="dhishoom",
    )
    made.ir_version = IR_VERSION
    content: bytes = made.SerializeToString()
    return content


def _cell_frames() -> int:
    return round(STEP_S / FRAMES / HOP_S)


def _with_seconds_alone(graph: Graph, embeddings: str, sequences: str, width: int) -> None:
    """Sequences [batch, frames, width], then each frame by itself, repeated: [batch * (1 + frames), frames, width]."""
    graph.add("Reshape", [embeddings, graph.hold("as_seconds", [-1, 1, width])], "seconds")
    graph.add("Tile", ["seconds", graph.hold("repeats", [1, FRAMES, 1])], "seconds_alone")
    graph.add("Concat", [embeddings, "seconds_alone"], sequences, axis=0)


def _cells(graph: Graph, told: str, classes: int) -> str:
    """[batch, frames, classes]: the sequence's score, shared out by what each second says alone."""
    graph.add("Shape", [AUDIO], "sizes_of_audio")
    zero, one = graph.hold("place_0", [0]), graph.hold("place_1", [1])
    graph.add("Slice", ["sizes_of_audio", zero, one], "batch_size")
    end = graph.hold("no_end", [np.iinfo(np.int64).max])
    graph.add("Slice", [told, zero, "batch_size", zero], "whole_flat")
    graph.add("Slice", [told, "batch_size", end, zero], "alone_flat")
    graph.add("Reshape", ["whole_flat", graph.hold("as_whole", [-1, 1, classes])], "whole_told")
    graph.add("Reshape", ["alone_flat", graph.hold("as_alone", [-1, FRAMES, classes])], "alone_told")
    graph.add("ReduceMax", ["alone_told"], "likeliest", axes=[1], keepdims=1)
    graph.add("Add", ["likeliest", graph.hold("tiny", np.array(TINY))], "likeliest_above_zero")
    graph.add("Div", ["alone_told", "likeliest_above_zero"], "shares")
    return graph.add("Mul", ["whole_told", "shares"], "cells")


def _placed(graph: Graph, cells: str, classes: int) -> None:
    """Each cell's scores on its frame with the steepest rise of the level, zero elsewhere."""
    frame = round(HOP_S * RATE)
    frames = FRAMES * _cell_frames()
    pads = graph.hold("past_of_level", [0, FLOOR_FRAMES, 0, 0])
    graph.add("Slice", [AUDIO, "place_0", graph.hold("sounding", [frames * frame]), "place_1"], "middle")
    graph.add("Reshape", ["middle", graph.hold("as_frames", [-1, frames, frame])], "level_frames")
    graph.add("Mul", ["level_frames", "level_frames"], "level_squares")
    graph.add("ReduceMean", ["level_squares"], "level_flat", axes=[2], keepdims=0)
    graph.add("Pad", ["level_flat", pads], "level_padded", mode="edge")
    graph.add("Unsqueeze", ["level_padded", "place_1"], "level_channel")
    graph.add("AveragePool", ["level_channel"], "floor_long", kernel_shape=[FLOOR_FRAMES])
    graph.add("Squeeze", ["floor_long", "place_1"], "floor_flat")
    graph.add("Slice", ["floor_flat", "place_0", graph.hold("frames_count", [frames]), "place_1"], "floor")
    graph.add("Add", ["floor", "tiny"], "floor_above_zero")
    graph.add("Div", ["level_flat", "floor_above_zero"], "rise_flat")
    graph.add("Reshape", ["rise_flat", graph.hold("as_cells", [-1, FRAMES, _cell_frames()])], "rise")
    graph.add("ArgMax", ["rise"], "steepest", axis=2, keepdims=0)
    depth = graph.hold("depth", np.array(_cell_frames()), np.int64)
    graph.add("OneHot", ["steepest", depth, graph.hold("off_and_on", np.array([0.0, 1.0]))], "on_steepest")
    graph.add("Unsqueeze", ["on_steepest", graph.hold("place_3", [3])], "on_steepest_of_class")
    graph.add("Unsqueeze", [cells, graph.hold("place_2", [2])], "cells_of_frame")
    graph.add("Mul", ["on_steepest_of_class", "cells_of_frame"], "placed")
    graph.add("Reshape", ["placed", graph.hold("as_scores", [-1, frames, classes])], SCORES)


def _card(
    name: str,
    trained: Trained,
    embedder: Path,
    *,
    alert: float,
    possible: float,
    calibration: tuple[tuple[float, float], ...],
) -> ModelCard:
    own = read_embedder_card(embedder.with_suffix(".json"))
    taught = "the teacher EfficientAT mn04 (MIT)" if len(trained.classes) > 2 else "the recordings' own labels"
    return ModelCard(
        name=name,
        sample_rate=RATE,
        hop_s=HOP_S,
        step_s=STEP_S,
        left_s=0.0,
        right_s=(LENGTH - round(STEP_S * RATE)) / RATE,
        guard_s=0.0,
        classes=trained.classes,
        gunshot_classes=trained.guns,
        alert=alert,
        possible=possible,
        calibration=calibration,
        licence=own.licence,
        card={
            "summary": f"Frame-level {trained.kind}, {len(trained.classes)} classes, on five embeddings of {own.name}.",
            "trained_with": "python -m dhishoom.train.models.learn",
            "trained_on": {"train_ok": ["yes"], "left_out": list(HELD_OUT)},
            "taught_by": taught,
            "sequences": trained.examples,
            "minutes": round(trained.minutes, 2),
            "parameters_of_embedder": own.parameters,
            "thresholds": "alert: at most 1 false clip an hour of recordings that never train, fireworks and "
            "explosions apart; possible: at most 20; calibrated on the same.",
            "limits": [
                "Judges 4.8 s at a time: an alert comes up to five seconds late, and shots within a second are one.",
                "To answer a question about its forerunner's method; the shipped model is better and faster.",
            ],
        },
    )
