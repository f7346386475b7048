"""From runs to a shipped model: one network trained on everything, its figures from those that left folds out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import msgspec

from dhishoom.detectors.cards import ALERT_PER_HOUR, POSSIBLE_PER_HOUR
from dhishoom.errors import ModelError
from dhishoom.seams import ModelCard
from dhishoom.train.calibrate import apply, expected_calibration_error, pairs_of, platt_of
from dhishoom.train.config import Config
from dhishoom.train.export import export_onnx, model_card, write_card
from dhishoom.train.figures import figures, half_of, threshold_for
from dhishoom.train.labels import CLASSES
from dhishoom.train.recordings import LIVE_FIRE
from dhishoom.train.run import HELD_OUT, read_network, read_run_config
from dhishoom.train.scoring import Outcome, read_outcomes

_SOURCES = {
    "yes": "live fire by police in Pittsburgh, six positions (CC BY 4.0, ShotSpotter, Inc., arXiv 2108.07377); SESA "
    "(T. Spadini, CC BY 4.0); ESC-10, and CC BY or CC0 clips of ESC-50 and of game, speech and sample collections",
    "nc": "gunshots and city sounds of UrbanSound8K and ESC-50 clips (CC BY-NC); forest gunshots of the Cornell "
    "Elephant Listening Project (attribution; for the development of detection algorithms)",
}
_SUMMARIES = {
    "frames": "Frame-level gunshot detector: log-mel front end and dilated convolutions in one graph.",
    "vgg": "VGG configuration A on a log-mel picture: one score for a second of sound, to compare with.",
}
_LIMITS = (
    "No recording of car alarms, reversing beeps, nail guns or backfires taught or tested it.",
    "Fireworks are the sound most often taken for gunfire; with fireworks about, use the threshold that counts them.",
    "Live fire comes from one city, one evening and three pistols; rifles and automatic fire from clips alone.",
    "Automatic fire is not told from single shots by this model; that is counted from the onsets.",
    "Echoes within 1.5 s of a shot may be heard as further onsets.",
)


def publish(run: Path, measured: Sequence[Path], target: Path, name: str | None = None) -> ModelCard:
    """Write NAME.onnx and NAME.json to `target`; `measured` are runs of the same config that left folds out."""
    config = msgspec.structs.replace(read_run_config(run), name=name or read_run_config(run).name)
    outcomes = held_out_of(run, measured)
    pairs, error = calibration(outcomes)
    negatives = [one for one in outcomes if one.is_negative and one.label != "firework"]
    alert, possible = (
        float(apply(pairs, [threshold_for(negatives, rate)])[0]) for rate in (ALERT_PER_HOUR, POSSIBLE_PER_HOUR)
    )
    difference = export_onnx(read_network(run), config, target / f"{config.name}.onnx")
    about = _about(config, outcomes, measured, error, difference) | {"trained_on": trained_on(run, config)}
    card = model_card(config, CLASSES, alert=alert, possible=possible, calibration=pairs, about=about)
    write_card(card, target / f"{config.name}.json")
    return card


def publish_folds(measured: Sequence[Path], card: ModelCard, target: Path) -> Path:
    """Write the networks that left folds out, under the shipped one's card, and `folds.json` for `evaluate --folds`.

    Those that left out a position alone come first there: they answer for its live fire.
    """
    folds = []
    for run in sorted(measured, key=lambda run: not read_run_config(run).data.position_only):
        config = read_run_config(run)
        name = f"{card.name}-{'position' if config.data.position_only else 'fold'}{config.data.fold}"
        export_onnx(read_network(run), config, target / f"{name}.onnx")
        write_card(replace(card, name=name), target / f"{name}.json")
        own = [one for one in read_outcomes(run / HELD_OUT) if one.use in config.data.use]
        positions = sorted({one.group for one in own if one.source == LIVE_FIRE})
        groups = sorted({f"{one.source}/{one.group}" for one in own if one.source != LIVE_FIRE})
        folds.append({"model": f"{name}.onnx", "positions": positions, "groups": groups})
    table = target / "folds.json"
    table.write_bytes(msgspec.json.format(msgspec.json.encode({"of": card.name, "folds": folds})) + b"\n")
    return table


def held_out_of(shipped: Path, measured: Sequence[Path]) -> list[Outcome]:
    """What runs said of recordings that they did not learn from.

    Where the shipped one did not learn, its own word counts: its false alarms are those to come. Of several other
    answers that with the median score does; for a firing position those runs answer, if there are any, that left out
    nothing else.
    """
    answers: dict[str, list[Outcome]] = defaultdict(list)
    alone: dict[str, list[Outcome]] = defaultdict(list)
    for run in measured:
        position_only = read_run_config(run).data.position_only
        for one in read_outcomes(run / HELD_OUT):
            (alone if position_only and one.source == LIVE_FIRE else answers)[one.key].append(one)
    answers |= alone | {one.key: [one] for one in read_outcomes(shipped / HELD_OUT)}
    if not answers:
        raise ModelError("No held-out recordings to measure on. Give the runs that left folds out with --measured.")
    return [sorted(several, key=lambda one: one.score)[len(several) // 2] for _, several in sorted(answers.items())]


def calibration(outcomes: Sequence[Outcome]) -> tuple[tuple[tuple[float, float], ...], float]:
    """Calibration on all held-out recordings, and its error on either half when fitted on the other."""
    usable = [one for one in outcomes if one.is_gunfire or one.is_negative]
    stated: list[float] = []
    labels: list[float] = []
    for half in (0, 1):
        told = [one for one in usable if half_of(one) == half]
        stated += apply(_fit([one for one in usable if half_of(one) != half]), [one.score for one in told]).tolist()
        labels += [float(one.is_gunfire) for one in told]
    return _fit(usable), expected_calibration_error(stated, labels)


def _fit(outcomes: Sequence[Outcome]) -> tuple[tuple[float, float], ...]:
    return pairs_of(*platt_of([one.score for one in outcomes], [float(one.is_gunfire) for one in outcomes]))


def trained_on(run: Path, config: Config) -> dict[str, object]:
    """Whose recordings, and of those the firing position and original recordings that were left out."""
    kept_out = read_outcomes(run / HELD_OUT) if config.data.fold else []
    own = [one for one in kept_out if one.use in config.data.use]
    names = {one.group if one.source == LIVE_FIRE else f"{one.source}/{one.group}" for one in own}
    return {"train_ok": list(config.data.use), "left_out": sorted(names)}


def _about(
    config: Config, outcomes: Sequence[Outcome], measured: Sequence[Path], error: float, difference: float
) -> dict[str, object]:
    folds = sorted({read_run_config(run).data.fold for run in measured})
    return {
        "summary": _SUMMARIES[config.network.kind],
        "trained_with": f"dhishoom train src/dhishoom/train/configs/{config.name}.toml",
        "seed": config.seed,
        "steps": config.optimisation.steps,
        "network": msgspec.to_builtins(config.network),
        "data": [_SOURCES[use] for use in config.data.use],
        "examples": config.data.pool,
        "teachers": "YAMNet (Apache-2.0) and EfficientAT mn04 (MIT) gave soft labels of all classes but gunshot."
        if config.data.teachers
        else "none",
        "protocol": f"Measured out of fold (left out: {folds} of {config.data.folds}: of live fire one "
        "position, of clips that share of all groups) and on recordings that never train. Quick scorer of the training "
        "room: peaks of raw frame scores, 100 ms matching, silence filled with noise; see docs/evaluation.md.",
        "metrics": figures(outcomes) | {"expected_calibration_error_cross_fitted": round(error, 4)},
        "thresholds": f"alert: at most {ALERT_PER_HOUR:g} false clip an hour of other sound, fireworks and "
        f"explosions apart; possible: at most {POSSIBLE_PER_HOUR:g}. Both on calibrated scores.",
        "onnx_differs_from_torch_by": difference,
        "limits": list(_LIMITS),
    }
