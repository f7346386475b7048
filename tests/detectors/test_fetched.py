"""Published taggers: taken from a file offline, tried before they are kept, and a second look beside another model."""

from __future__ import annotations

import hashlib
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from dhishoom.cli import application
from dhishoom.detectors.catalogue import open_detector, user_folder
from dhishoom.detectors.fetched import YAMNET, fetch, published
from dhishoom.detectors.second_look import SecondLook
from dhishoom.errors import ModelError
from dhishoom.nouns import ModelCard

JUDGE = {"own": 1.0, "guns": 0.05, "offset": 0.2}
LIFT = [[0.0, 0.0], [0.5, 0.9], [1.0, 1.0]]
TERMS = {"ask": 0.2, "judge": JUDGE, "lift": LIFT, "alert": 0.9, "possible": 0.4}
FIRST = ModelCard(
    name="first", sample_rate=12_000, hop_s=0.02, step_s=1.0, left_s=0.54, right_s=0.44, guard_s=0.04,
    classes=("gunshot", "door"), gunshot_classes=("gunshot",), alert=0.9, possible=0.5,
    calibration=((0.0, 0.0), (0.5, 0.25), (1.0, 1.0)), card={"second_look": {"second": TERMS}},
)  # fmt: skip
SECOND = ModelCard(
    name="second", sample_rate=16_000, hop_s=0.02, step_s=0.96, left_s=0.2475, right_s=0.2475, guard_s=0.0,
    classes=("Speech", "Gunshot, gunfire"), gunshot_classes=("Gunshot, gunfire",), alert=0.5, possible=0.3,
)  # fmt: skip


class _Says:
    """A detector that says what it was told to, at one frame."""

    def __init__(self, card: ModelCard, score: float, frame: int, gun: int) -> None:
        self.card, self._score, self._frame, self._gun = card, score, frame, gun
        self.heard: list[np.ndarray] = []

    def scores(self, windows: np.ndarray) -> np.ndarray:
        self.heard.append(windows)
        frames = round((self.card.step_s + 2 * self.card.guard_s) / self.card.hop_s)
        told = np.zeros((len(windows), frames, len(self.card.classes)), np.float32)
        told[:, self._frame, self._gun] = self._score
        return told


def _pair(first: float, second: float, *, hears: int = 1) -> tuple[np.ndarray, _Says]:
    """Scores of one window, and the second model, which says so much of one of its classes."""
    tagger = _Says(SECOND, second, 3, hears)
    pair = SecondLook(_Says(FIRST, first, 30, 0), tagger)
    window = np.zeros((1, round(pair.card.window_s * pair.card.sample_rate)), np.float32)
    return pair.scores(window)[0], tagger


def test_a_second_look_lifts_what_is_doubtful() -> None:
    """The frame that the first model found likeliest gets at least what the second's gun score stands for."""
    scores, tagger = _pair(0.5, 0.5)

    assert scores[30, 0] == pytest.approx(0.9)
    assert tagger.heard[0].shape == (1, round(SECOND.window_s * SECOND.sample_rate))


def test_a_judge_weighs_what_both_say_of_gunfire() -> None:
    """Log-odds of the first and of the second's gun classes, each with its weight; silence is a ten-thousandth."""
    silence = math.log(1e-4 / (1 - 1e-4))
    odds = math.log(0.9 / 0.1) + 0.05 * silence + 0.2

    scores, _ = _pair(0.9, 0.2, hears=0)

    assert scores[30, 0] == pytest.approx(1 / (1 + math.exp(-odds)), abs=1e-4)


def test_the_surer_the_second_is_of_a_gun_the_likelier_the_shot() -> None:
    """In every frame of the window, however little the lift."""
    silent, doubtful, certain = (_pair(0.3, second)[0][:, 0] for second in (0.0, 0.3, 0.99))

    assert (silent <= doubtful).all()
    assert (doubtful <= certain).all()
    assert silent[30] < doubtful[30] < certain[30]


def test_nobody_is_asked_about_what_is_plainly_nothing() -> None:
    """Below `ask` the second model is not run: it costs ten times the first."""
    scores, tagger = _pair(0.1, 1.0)

    assert tagger.heard == []
    assert scores[30, 0] == pytest.approx(0.05)


def test_two_models_nobody_measured_together_are_refused() -> None:
    """Without terms on the first one's card there is no threshold to alert at."""
    with pytest.raises(ModelError, match="measured the two together"):
        SecondLook(_Says(replace(FIRST, card=None), 0.5, 30, 0), _Says(SECOND, 0.5, 3, 1))


def test_yamnet_is_taken_from_a_file_and_opens_by_name(
    shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Offline: address, licence and checksum are shown, then `yamnet` is a model like any other."""
    monkeypatch.setenv("DHISHOOM_MODELS", str(tmp_path))
    arguments = ["models", "fetch", "yamnet", "--from", str(shared / "weights" / "yamnet.onnx")]

    result = CliRunner().invoke(application(arguments), arguments)

    assert result.exit_code == 0, result.output
    assert "Apache-2.0" in result.output
    assert hashlib.sha256((tmp_path / "yamnet.onnx").read_bytes()).hexdigest() in result.output
    detector = open_detector("yamnet")
    assert len(detector.card.classes) == 521
    assert detector.scores(np.zeros((2, 23_280), np.float32)).shape == (2, 48, 521)
    assert user_folder() == tmp_path


def test_what_is_no_tagger_is_not_kept(tmp_path: Path) -> None:
    """A page that says "not found" must not take the place of a model."""
    file = tmp_path / "x.onnx"
    file.write_text("<html>", encoding="utf-8")
    (tmp_path / "yamnet_class_map.csv").write_text("index,mid,display_name\n0,/m/1,Speech\n", encoding="utf-8")

    with pytest.raises(ModelError, match="cannot be loaded"):
        fetch(YAMNET, tmp_path / "models", file=file)
    assert not list((tmp_path / "models").iterdir())


def test_a_name_that_is_not_published_says_what_is() -> None:
    """The refusal names what can be fetched."""
    with pytest.raises(ModelError, match="yamnet"):
        published("vggish")
