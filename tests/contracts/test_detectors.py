"""What every detector promises: shapes, range, the same answer in any company, and windows as its card says."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dhishoom.detectors.cards import card_from_json
from dhishoom.detectors.catalogue import SHIPPED, card_of, open_detector
from dhishoom.seams import Detector

NAMES = ["energy", *(path.stem for path in sorted(SHIPPED.glob("*.onnx")))]
RNG = np.random.default_rng(0)


@pytest.fixture(scope="module", params=NAMES)
def detector(request: pytest.FixtureRequest) -> Detector:
    """The baseline and every shipped network."""
    return open_detector(request.param)


def length_of(detector: Detector) -> int:
    """Samples of one window."""
    return round(detector.card.window_s * detector.card.sample_rate)


def street(count: int, rate: int, seed: int = 0) -> np.ndarray:
    """Noise with a bang every 0.7 s, float32 [count]."""
    rng = np.random.default_rng(seed)
    sound = 0.01 * rng.standard_normal(count)
    for first in range(rate // 3, count - rate // 10, round(0.7 * rate)):
        sound[first : first + rate // 10] += (
            0.6 * rng.standard_normal(rate // 10) * np.exp(-np.arange(rate // 10) / 200)
        )
    return np.clip(sound, -1, 1).astype(np.float32)


def windows(detector: Detector, steps: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """One stream, and its windows step by step."""
    card, length = detector.card, length_of(detector)
    step = round(card.step_s * card.sample_rate)
    sound = street(length + (steps - 1) * step, card.sample_rate, seed)
    return sound, np.stack([sound[at * step : at * step + length] for at in range(steps)])


@pytest.mark.parametrize("batch", [1, 2, 9, 20])
def test_shape_and_range_are_as_promised(detector: Detector, batch: int) -> None:
    """[batch, frames, classes], float32, each 0 to 1."""
    card = detector.card
    scores = detector.scores(RNG.standard_normal((batch, length_of(detector))).astype(np.float32).clip(-1, 1))
    assert scores.shape == (batch, round((card.step_s + 2 * card.guard_s) / card.hop_s), len(card.classes))
    assert scores.dtype == np.float32
    assert scores.min() >= 0
    assert scores.max() <= 1


@given(order=st.permutations(range(9)), size=st.integers(1, 9))
@settings(max_examples=15)
@pytest.mark.parametrize("name", NAMES)
def test_a_window_gets_the_same_scores_in_any_company(name: str, order: list[int], size: int) -> None:
    """Alone, or anywhere in a batch of any size: to the last bit."""
    detector = open_detector(name)
    _, batch = windows(detector, 9)
    whole = detector.scores(batch)
    for at in range(0, 9, size):
        some = order[at : at + size]
        assert (detector.scores(batch[some]) == whole[some]).all()


def test_neighbouring_windows_agree_on_the_frames_they_share(detector: Detector) -> None:
    """A peak on the border is judged alike by both: the guard of one is the middle of the other."""
    _, batch = windows(detector, 4)
    shared = round(2 * detector.card.guard_s / detector.card.hop_s)
    scores = detector.scores(batch)
    for left, right in itertools.pairwise(scores):
        np.testing.assert_allclose(
            left[-shared:], right[:shared], atol=2e-3 if detector.card.name == "energy" else 1e-5
        )


def test_a_frame_depends_only_on_sound_that_every_window_scoring_it_holds(detector: Detector) -> None:
    """Noise beyond `left_s - guard_s` before a frame, or `right_s - guard_s` after it, changes nothing."""
    card = detector.card
    _, (sound,) = windows(detector, 1)
    expected = detector.scores(sound[None])[0]
    for frame in (0, len(expected) // 2, len(expected) - 1):
        begins_s = card.left_s - card.guard_s + frame * card.hop_s
        first = math.floor((begins_s - (card.left_s - card.guard_s)) * card.sample_rate)
        last = math.ceil((begins_s + card.hop_s + card.right_s - card.guard_s) * card.sample_rate)
        other = street(len(sound), card.sample_rate, seed=9)
        other[max(0, first) : last] = sound[max(0, first) : last]
        told = detector.scores(other[None])[0, frame]
        np.testing.assert_allclose(told, expected[frame], atol=2e-3 if card.name == "energy" else 1e-5)


@pytest.mark.parametrize("level", [0.0, 1e-6, 0.5, 1.0, -1.0])
def test_constant_sound_gives_finite_scores_and_no_gunshot(detector: Detector, level: float) -> None:
    """Digital silence, an offset, a recorder at its limit."""
    card = detector.card
    scores = detector.scores(np.full((1, length_of(detector)), level, np.float32))
    assert np.isfinite(scores).all()
    assert scores[..., [card.classes.index(name) for name in card.gunshot_classes]].max() < 0.5


def test_the_windows_given_are_left_as_they_were(detector: Detector) -> None:
    """They belong to others."""
    _, batch = windows(detector, 2)
    batch.setflags(write=False)
    kept = batch.copy()
    detector.scores(batch)
    assert (batch == kept).all()


def test_more_threads_give_the_same_scores() -> None:
    """Within float32's last digits."""
    for name in NAMES:
        one, two = open_detector(name, threads=1), open_detector(name, threads=2)
        _, batch = windows(one, 3)
        np.testing.assert_allclose(one.scores(batch), two.scores(batch), atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_its_card_stands_by_itself(name: str) -> None:
    """Read without the network; licence told; thresholds in order; the same when it is written and read."""
    import msgspec

    card = card_of(name)
    assert card.name == name
    assert card.licence
    assert 0 < card.possible <= card.alert < 1
    assert card_from_json(msgspec.json.decode(msgspec.json.encode(card)), where="again") == card
