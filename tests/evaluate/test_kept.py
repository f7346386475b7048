"""Kept answers: heard once, the same afterwards, forgotten when the model or the recording changes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from dhishoom.detectors.energy import CARD
from dhishoom.evaluate.hearing import Answer, Event
from dhishoom.evaluate.kept import KeptAnswers, identity
from dhishoom.evaluate.recordings import Recording


@pytest.fixture
def recording(tmp_path: Path) -> Recording:
    """Any file."""
    path = tmp_path / "a.wav"
    path.write_bytes(b"sound")
    return Recording(key="a.wav", path=path, source="s", group="g", label="gunshot")


def _answer(recording: Recording) -> Answer:
    return Answer(
        recording=recording, standing="held out", duration_s=1.0, sounding_s=0.9, score=0.8, heard="door",
        events=(Event(0.25, 0.8),), snr_db=(21.5,),
    )  # fmt: skip


def _never() -> Answer:
    raise AssertionError("it was heard again")


def test_a_model_hears_a_recording_once(recording: Recording, tmp_path: Path) -> None:
    """Another run finds the same answer without listening; its standing is told anew."""
    first = KeptAnswers(tmp_path / "kept")
    told = first.get("m", recording, "held out", lambda: _answer(recording))
    first.save()

    again = KeptAnswers(tmp_path / "kept").get("m", recording, "trained on", _never)

    assert again == replace(told, standing="trained on")


def test_another_recording_or_model_is_heard(recording: Recording, tmp_path: Path) -> None:
    """A changed file, and a card with another calibration, are not what was heard; another threshold is."""
    kept = KeptAnswers(tmp_path / "kept")
    kept.get("m", recording, "held out", lambda: _answer(recording))
    recording.path.write_bytes(b"other sound")

    with pytest.raises(AssertionError, match="again"):
        kept.get("m", recording, "held out", _never)
    assert identity(CARD, Path()) == identity(replace(CARD, alert=0.95), Path())
    assert identity(CARD, Path()) != identity(replace(CARD, calibration=((0.0, 0.0), (1.0, 0.9))), Path())


def test_what_cannot_be_read_is_heard_again(recording: Recording, tmp_path: Path) -> None:
    """A cache is never a reason to fail."""
    (tmp_path / "m.json").write_text("{", encoding="utf-8")

    assert KeptAnswers(tmp_path).get("m", recording, "held out", lambda: _answer(recording)) == _answer(recording)
