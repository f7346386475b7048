"""A shipped model's figures: from runs that left recordings out, and its card says what it had not learnt from."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

pytest.importorskip("torch", reason="torch is not installed (pip install 'dhishoom[train]')")

from dhishoom.train.config import Config, Data, with_fold
from dhishoom.train.publish import held_out_of, trained_on
from dhishoom.train.run import CONFIG, HELD_OUT
from dhishoom.train.scoring import Outcome, write_outcomes

WHOLE = Config(name="t", licence="CC0", data=Data(use=("yes",)))


def _outcome(source: str, score: float, use: str = "yes") -> Outcome:
    return Outcome(
        key=f"{source}/a", source=source, group="FP1" if source == "live_fire" else "a", label="gunshot", use=use,
        duration_s=1.0, onsets_s=(), events=(), score=score, heard="rain",
    )  # fmt: skip


def _run(folder: Path, config: Config, *outcomes: Outcome) -> Path:
    folder.mkdir()
    (folder / CONFIG).write_bytes(msgspec.json.encode(config))
    write_outcomes(outcomes, folder / HELD_OUT)
    return folder


def test_a_position_is_told_by_the_run_that_left_out_nothing_else(tmp_path: Path) -> None:
    """It learnt from every clip, as the shipped one did; of clips the other run answers, which left them out."""
    whole = _run(tmp_path / "whole", WHOLE)
    both = _run(tmp_path / "both", with_fold(WHOLE, 1), _outcome("live_fire", 0.2), _outcome("sesa", 0.4))
    alone = _run(tmp_path / "alone", with_fold(WHOLE, 1, position_only=True), _outcome("live_fire", 0.9))

    scores = {one.source: one.score for one in held_out_of(whole, [both, alone])}

    assert scores == {"live_fire": 0.9, "sesa": 0.4}
    assert {one.source: one.score for one in held_out_of(whole, [both])} == {"live_fire": 0.2, "sesa": 0.4}


def test_of_what_no_run_may_learn_from_the_shipped_one_tells(tmp_path: Path) -> None:
    """Its alert must hold for its own false alarms, not for those of a typical run; of others the median counts."""
    runs = [
        _run(tmp_path / str(fold), with_fold(WHOLE, fold), _outcome("kaggle851", score, "validate"))
        for fold, score in ((1, 0.1), (2, 0.9), (3, 0.5))
    ]
    silent = _run(tmp_path / "silent", WHOLE)
    whole = _run(tmp_path / "whole", WHOLE, _outcome("kaggle851", 0.8, "validate"))

    assert [one.score for one in held_out_of(whole, runs)] == [0.8]
    assert [one.score for one in held_out_of(silent, runs)] == [0.5]


def test_a_card_lists_what_was_left_out(tmp_path: Path) -> None:
    """By position and original recording; what may never teach is no news."""
    config = with_fold(WHOLE, 1)
    run = _run(
        tmp_path / "r",
        config,
        _outcome("live_fire", 0.2),
        _outcome("sesa", 0.4),
        _outcome("kaggle851", 0.1, "validate"),
    )

    assert trained_on(run, config) == {"train_ok": ["yes"], "left_out": ["FP1", "sesa/a"]}
    assert trained_on(run, WHOLE) == {"train_ok": ["yes"], "left_out": []}
