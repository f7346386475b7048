"""What other sound is taken for, by label."""

from __future__ import annotations

from pathlib import Path

from dhishoom.evaluate.hearing import Answer
from dhishoom.evaluate.names import name_rows
from dhishoom.evaluate.recordings import Recording


def _answer(label: str, heard: str) -> Answer:
    recording = Recording(key=label, path=Path(), source="a", group="b", label=label, train_ok="validate")
    return Answer(
        recording=recording, standing="held out", duration_s=1.0, sounding_s=1.0, score=0.1, heard=heard, events=()
    )


def test_the_commonest_names_of_a_label_come_first() -> None:
    """Eight doors, six of them taken for doors; three knocks are too few to speak of."""
    answers = [_answer("door_slam", name) for name in ["door"] * 6 + ["speech", "hammer"]]
    answers += [_answer("knock", "knock")] * 3
    (row,) = name_rows(answers)
    assert (row.label, row.clips, row.taken_for[0]) == ("door_slam", 8, ("door", 6))
    assert set(row.taken_for[1:]) == {("speech", 1), ("hammer", 1)}


def test_a_model_that_names_nothing_has_no_rows() -> None:
    """Energy knows no classes."""
    assert name_rows([_answer("door_slam", "")] * 9) == ()
