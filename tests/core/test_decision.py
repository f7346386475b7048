"""From scores to detections: peaks, borders, thresholds, rejections."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from dhishoom.core.decision import CANDIDATE_MIN, _least_raw, _peaks, calibrated, candidates, classes_of, decide
from dhishoom.core.listening import Window
from dhishoom.nouns import NS_PER_S, ModelCard, derived_id

from .blasts import noise

RATE = 12_000
CARD = ModelCard(
    name="toy",
    sample_rate=RATE,
    hop_s=0.02,
    step_s=1.0,
    left_s=0.5,
    right_s=0.3,
    guard_s=0.04,
    classes=("firework", "gunshot", "machine_gun", "door"),
    gunshot_classes=("gunshot", "machine_gun"),
    alert=0.9,
    possible=0.5,
)
GUARD, FRAMES = 2, 54
SHARES = st.floats(0, 1, width=32)


def window(bangs_s=(), *, at_ns=0, sensor_id="s1", level=0.3):
    """Faint noise with bangs at seconds from the beginning of the middle."""
    rng = np.random.default_rng(1)
    sound = 0.002 * noise(round(CARD.window_s * RATE), 0, rng)
    for bang_s in bangs_s:
        first = round((CARD.left_s + bang_s) * RATE)
        tail = level * rng.standard_normal(len(sound) - first) * np.exp(-np.arange(len(sound) - first) / 200)
        sound[first:] += tail
    samples = sound.astype(np.float32)
    return Window(sensor_id, at_ns, samples, samples, RATE, at_ns * RATE // NS_PER_S - round(CARD.left_s * RATE), 0.001)


def scores(**peaks):
    """Zeros but for `gunshot=[(frame, score), ...]`; frame 0 is the middle's first."""
    made = np.zeros((FRAMES, len(CARD.classes)), np.float32)
    for name, pairs in peaks.items():
        for frame, score in pairs:
            made[GUARD + frame, CARD.classes.index(name)] = score
    return made


def frame_of(bang_s):
    """The frame of the middle that holds an instant."""
    return int(bang_s / CARD.hop_s)


@given(arrays(np.float32, FRAMES, elements=st.sampled_from([0.0, 0.25, 0.5, 0.75])))
def test_peaks_are_those_of_a_plain_loop(values):
    """The largest within the guard on either side, the earliest of equals, in the middle alone."""
    expected = []
    for frame in range(GUARD, FRAMES - GUARD):
        around = list(values[frame - GUARD : frame + GUARD + 1])
        if values[frame] >= 0.25 and around.index(max(around)) == GUARD:
            expected.append(frame)
    assert _peaks(values, CARD, 0.25) == expected


@given(arrays(np.float32, 104, elements=st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0])))
def test_two_windows_that_share_a_border_tell_each_peak_once(values):
    """Cut into two windows with their guards, the peaks are those of the whole."""
    whole = [frame for frame in _peaks(values, CARD, 0.25) if GUARD <= frame < 102]
    left, right = _peaks(values[:54], CARD, 0.25), _peaks(values[50:], CARD, 0.25)
    assert [*left, *(50 + frame for frame in right)] == whole


@st.composite
def calibrations(draw):
    """Rising pairs."""
    heard = sorted(draw(st.lists(SHARES, min_size=2, max_size=6, unique=True)))
    meant = sorted(draw(st.lists(SHARES, min_size=len(heard), max_size=len(heard))))
    return tuple(zip(heard, meant, strict=True))


@given(calibrations() | st.just(()), SHARES, arrays(np.float32, 20, elements=SHARES))
def test_a_raw_threshold_tells_the_same_frames_as_calibrated_scores_do(calibration, possible, raw):
    """So that raw scores may be compared, whatever the curve."""
    card = replace(CARD, calibration=calibration, possible=possible)
    made = np.zeros((20, 4), np.float32)
    made[:, 1] = raw
    assert ((raw >= _least_raw(calibration, possible)) == (calibrated(made, card) >= possible)).all()


@given(calibrations(), arrays(np.float32, (5, 4), elements=SHARES))
def test_calibration_is_numpys_interpolation_of_the_largest_gun_class(calibration, made):
    """Flat beyond the curve's ends, between 0 and 1."""
    told = calibrated(made, replace(CARD, calibration=calibration))
    heard, meant = zip(*calibration, strict=True)
    np.testing.assert_allclose(told, np.interp(made[:, 1:3].max(axis=1), heard, meant), atol=1e-6)


def test_a_shot_is_told_at_its_sample_with_its_key():
    """Onset to a fraction of a millisecond; id, score, label and likeliest classes follow from what was heard."""
    made = scores(gunshot=[(frame_of(0.333), 0.8)], firework=[(frame_of(0.333), 0.3)])
    (shot,) = decide(window([0.333], at_ns=7 * NS_PER_S), made, CARD)
    assert shot.onset_ns / NS_PER_S == pytest.approx(7.333, abs=0.0003)
    assert shot.detection_id == derived_id("s1", shot.onset_ns // 1_000_000, "gunshot", "toy")
    assert (shot.score, shot.label, shot.model) == (pytest.approx(0.8), "gunshot", "toy")
    assert list(shot.classes) == ["gunshot", "firework", "door"]
    assert shot.sigma_s == pytest.approx(math.hypot(0.001, 0.0002), abs=0.0002)
    assert shot.snr_db > 30


def test_the_guard_belongs_to_the_neighbours():
    """A peak outside the middle is not told, and keeps a smaller one beside it from being told."""
    made = scores(gunshot=[(-1, 0.9), (0, 0.8), (49, 0.8), (50, 0.9)])
    assert decide(window([0.0, 0.99]), made, CARD) == ()


def test_below_the_threshold_nothing_is_told():
    """By the calibrated score."""
    made = scores(gunshot=[(20, 0.6)])
    assert decide(window([0.41]), made, CARD)
    assert not decide(window([0.41]), made, replace(CARD, calibration=((0.0, 0.0), (1.0, 0.7))))


def test_shots_80_ms_apart_are_two_and_one_arrival_is_told_once():
    """A burst is counted; two frames that pick the same arrival are not, and the surer one stays."""
    two = scores(gunshot=[(frame_of(0.3), 0.8), (frame_of(0.38), 0.7)])
    onsets_s = [one.onset_ns / NS_PER_S for one in decide(window([0.3, 0.38], level=0.5), two, CARD)]
    assert onsets_s == pytest.approx([0.3, 0.38], abs=0.001)
    twice = scores(gunshot=[(frame_of(0.3), 0.7), (frame_of(0.3) + 3, 0.8)])
    assert [one.score for one in decide(window([0.333]), twice, CARD)] == [pytest.approx(0.8)]


def test_loud_and_sudden_sounds_are_rejected_by_name():
    """The surest two, at their onsets; their gunshot score is told beside."""
    made = scores(firework=[(10, 0.9), (25, 0.8)], door=[(40, 0.85)], gunshot=[(10, 0.2)])
    told = decide(window([0.21, 0.51, 0.81]), made, CARD)
    assert [(one.label, round(one.onset_ns / NS_PER_S, 2)) for one in told] == [("firework", 0.21), ("door", 0.81)]
    assert [one.score for one in told] == [pytest.approx(0.2), 0.0]
    assert not any(one.is_gunshot for one in told)


def test_steady_sound_is_no_rejection_however_sure_the_model_is():
    """Traffic all day long is not worth a row."""
    made = scores(door=[(frame, 0.99) for frame in range(0, 50, 7)])
    assert decide(window(), made, CARD) == ()


def test_beside_a_shot_nothing_is_rejected():
    """Its echo is not called a door; one half a second later is."""
    near = scores(gunshot=[(10, 0.9)], door=[(20, 0.9)])
    assert [one.label for one in decide(window([0.21, 0.41]), near, CARD)] == ["gunshot"]
    far = scores(gunshot=[(10, 0.9)], door=[(35, 0.9)])
    assert [one.label for one in decide(window([0.21, 0.71]), far, CARD)] == ["gunshot", "door"]


@given(arrays(np.float32, (FRAMES, 4), elements=SHARES))
@settings(max_examples=60)
def test_any_scores_give_ordered_distinct_detections(made):
    """In order of onset, no key twice, shots at or above the threshold, at most two rejections."""
    told = decide(window([0.2, 0.6]), made, CARD)
    assert [one.onset_ns for one in told] == sorted(one.onset_ns for one in told)
    assert len({one.detection_id for one in told}) == len(told)
    assert all(one.score >= CARD.possible for one in told if one.is_gunshot)
    assert sum(not one.is_gunshot for one in told) <= 2


def test_scores_that_are_no_numbers_tell_nothing():
    """A broken model is silent, not loud."""
    assert decide(window([0.3]), np.full((FRAMES, 4), np.nan, np.float32), CARD) == ()


def test_classes_of_nothing_and_of_many_frames():
    """The largest of each class; gunfire under one name; of no frame, no gunfire."""
    made = scores(gunshot=[(3, 0.4)], machine_gun=[(9, 0.6)], door=[(5, 0.7)])
    assert classes_of(made, CARD) == pytest.approx({"door": 0.7, "gunshot": 0.6, "firework": 0.0})
    assert classes_of(made[:0], CARD) == {"gunshot": 0.0}


@given(st.lists(st.tuples(st.integers(0, 49), SHARES), max_size=8))
def test_every_peak_as_likely_a_shot_as_not_is_a_detection_or_a_candidate(peaks):
    """Never both; nothing below even odds is either."""
    strict = replace(CARD, possible=0.8)
    asked, its_own = window((0.2, 0.5)), scores(gunshot=peaks)
    found = [one for one in decide(asked, its_own, strict) if one.is_gunshot]
    more = candidates(asked, its_own, strict)
    assert all(one.score >= 0.8 for one in found)
    assert all(CANDIDATE_MIN <= one.score < 0.8 for one in more)
    both = [*found, *more]
    expected = decide(asked, its_own, replace(CARD, possible=CANDIDATE_MIN))
    assert {one.onset_ns for one in both} == {one.onset_ns for one in expected if one.is_gunshot}
    assert len({one.detection_id for one in both}) == len(both)


def test_a_model_that_tells_of_even_odds_has_no_candidates():
    """Where `possible` is as low, everything is a detection already."""
    assert candidates(window((0.2,)), scores(gunshot=[(10, 0.6)]), CARD) == ()
