"""From the scores of one window to detections: which frames are onsets, of what, and exactly when."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d

from dhishoom.core.framing import Window, index_at, time_at
from dhishoom.core.onset import pick
from dhishoom.nouns import GUNSHOT, NS_PER_S, Detection, ModelCard, derived_id

CANDIDATE_MIN = 0.5
"""As likely gunfire as not."""
CLASSES_TOLD = 5
REJECTIONS_PER_WINDOW_MAX = 2
SHADOW_S = 0.3
SAME_ARRIVAL_S = 0.010
REJECTION_SNR_DB_MIN = 10.0
RISE_DB_MIN = 6.0
"""Of the level of 5 ms over the mean before: what steady sound does not reach, and every bang that matters exceeds."""
CELL_S = 0.005
NEAR_CELLS, FLOOR_CELLS = 7, 50
TINY = 1e-12

Scores = NDArray[np.float32]


def calibrated(scores: Scores, card: ModelCard) -> Scores:
    """Gunshot probability of every frame: [..., classes] to [...]."""
    return _probability(_loudest_gun(scores, card), card)


def _probability(loudest: Scores, card: ModelCard) -> Scores:
    if card.calibration:
        heard, meant = _curve(card.calibration)
        loudest = np.interp(loudest, heard, meant)
    return np.asarray(np.minimum(np.maximum(loudest, 0.0), 1.0), np.float32)


def _loudest_gun(scores: Scores, card: ModelCard) -> Scores:
    guns, _ = _columns(card.classes, card.gunshot_classes)
    return scores[..., guns[0]] if len(guns) == 1 else np.asarray(scores[..., guns].max(axis=-1), np.float32)


@lru_cache(maxsize=64)
def _curve(calibration: tuple[tuple[float, float], ...]) -> NDArray[np.float64]:
    """[2, n]: raw scores, then what they mean."""
    return np.array(calibration, np.float64).T.copy()


@lru_cache(maxsize=64)
def _least_raw(calibration: tuple[tuple[float, float], ...], possible: float) -> float:
    """The least raw score that means `possible` or more, infinite if none does: so that raw scores can be compared."""
    low, high = 0, int(np.float32(1.0).view(np.int32)) + 1
    while low < high:  # The bits of floats that are not negative rise as they do.
        middle = (low + high) // 2
        raw = np.int32(middle).view(np.float32)
        meant = np.interp(raw, *_curve(calibration)) if calibration else raw
        low, high = (low, middle) if np.float32(meant) >= possible else (middle + 1, high)
    return float(np.int32(low).view(np.float32)) if low <= int(np.float32(1.0).view(np.int32)) else np.inf


@lru_cache(maxsize=64)
def _columns(classes: tuple[str, ...], guns: tuple[str, ...]) -> tuple[list[int], list[int]]:
    """Where the classes of gunfire lie, and all others."""
    others = [index for index, name in enumerate(classes) if name not in guns]
    return [classes.index(name) for name in guns], others


def classes_of(scores: Scores, card: ModelCard) -> dict[str, float]:
    """Probability of every class in a stretch of sound: its largest frame; gunfire comes calibrated as `gunshot`."""
    frames = scores.reshape(-1, len(card.classes))
    if len(frames) == 0:
        return {GUNSHOT: 0.0}
    _, others = _columns(card.classes, card.gunshot_classes)
    best = frames.max(axis=0).tolist()
    named = {GUNSHOT: float(calibrated(frames, card).max()), **{card.classes[at]: best[at] for at in others}}
    return dict(sorted(named.items(), key=lambda item: -item[1]))


def decide(window: Window, scores: Scores, card: ModelCard) -> tuple[Detection, ...]:
    """Detections whose peak lies in the middle of the window, in order of onset.

    A peak is the largest score within the guard on either side (the earliest of equals), so two windows that share a
    border agree on which of them holds it.

    Args:
        scores: [frames, classes], raw, from `guard_s` before the middle to `guard_s` after it.
    """
    guns = _loudest_gun(scores, card)
    least = _least_raw(card.calibration, card.possible)
    shots = _peaks(guns, card, least) if guns.max() >= least else []
    found = [_detection(window, scores, card, frame, GUNSHOT) for frame in shots]
    found += _rejections(window, scores, guns >= least, card)
    return _distinct(found) if len(found) > 1 else tuple(found)


def candidates(window: Window, scores: Scores, card: ModelCard) -> tuple[Detection, ...]:
    """What is as likely gunfire as not, yet no detection: a shot only if other sensors bear it out; in order of onset.

    Args:
        scores: As `decide` takes them.
    """
    least, most = (_least_raw(card.calibration, score) for score in (CANDIDATE_MIN, card.possible))
    guns = _loudest_gun(scores, card)
    if guns.max() < least or least >= most:
        return ()
    found = _distinct([_detection(window, scores, card, frame, GUNSHOT) for frame in _peaks(guns, card, least)])
    return tuple(one for one in found if one.score < card.possible)


def _peaks(scores: Scores, card: ModelCard, least: float = 0.0) -> list[int]:
    """Frames of the middle at or above `least` that no frame within the guard exceeds, the earliest of equals."""
    guard = round(card.guard_s / card.hop_s)
    middle = scores[guard : len(scores) - guard]
    peak = middle >= least
    for at in range(guard):
        peak &= (middle > scores[at : at + len(middle)]) & (middle >= scores[2 * guard - at :][: len(middle)])
    return (np.flatnonzero(peak) + guard).tolist()


def _distinct(found: list[Detection]) -> tuple[Detection, ...]:
    """In order of onset; of those of one label that picked the same arrival, the surest."""
    kept: list[Detection] = []
    for one in sorted(found, key=lambda one: (one.label, one.onset_ns)):
        same = kept and kept[-1].label == one.label and one.onset_ns - kept[-1].onset_ns < SAME_ARRIVAL_S * NS_PER_S
        if not same:
            kept.append(one)
        elif one.score > kept[-1].score:
            kept[-1] = one
    return tuple(sorted(kept, key=lambda one: one.onset_ns))


def _rejections(window: Window, scores: Scores, shots: NDArray[np.bool_], card: ModelCard) -> list[Detection]:
    """Loud and sudden sounds far from any shot that were taken for something else, the surest first, few."""
    _, others = _columns(card.classes, card.gunshot_classes)
    if not others:
        return []
    best = scores[:, others].max(axis=1)
    shadow = round(SHADOW_S / card.hop_s)
    frames = [
        frame
        for frame in _peaks(best, card, card.reject)
        if not shots[max(0, frame - shadow) : frame + shadow + 1].any()
    ]
    if not frames:
        return []
    rises_db = _rises_db(window, np.array(frames), card)
    sudden = [frame for frame, rise_db in zip(frames, rises_db, strict=True) if rise_db >= RISE_DB_MIN]
    rejected = []
    for frame in sorted(sudden, key=lambda frame: -float(best[frame]))[:REJECTIONS_PER_WINDOW_MAX]:
        label = card.classes[others[int(scores[frame, others].argmax())]]
        rejected.append(_detection(window, scores, card, frame, label))
    return [one for one in rejected if one.snr_db >= REJECTION_SNR_DB_MIN]


def _rises_db(window: Window, frames: NDArray[np.int_], card: ModelCard) -> Scores:
    """How far the level about each frame exceeds the mean level of the quarter second before it.

    Levels are of the sound's first difference, where rumble is weak, over cells of 5 ms.
    """
    size = round(CELL_S * card.sample_rate)
    count = (len(window.audio) - 1) // size
    steps = (window.audio[1 : count * size + 1] - window.audio[: count * size]).reshape(count, size)
    levels_db = 10 * np.log10(np.einsum("ij,ij->i", steps, steps) / size + TINY)
    at = ((frames + 0.5) * card.hop_s + card.left_s - card.guard_s) / CELL_S
    cells = np.minimum(at.astype(np.intp), count - 1)
    total = np.concatenate(([0.0], np.cumsum(levels_db)))
    begin = np.maximum(0, cells - FLOOR_CELLS - NEAR_CELLS)
    end = np.maximum(begin + 1, cells - NEAR_CELLS)
    loudest = maximum_filter1d(levels_db, 2 * NEAR_CELLS + 1)[cells]
    rises: Scores = loudest - (total[end] - total[begin]) / (end - begin)
    return rises


def _detection(window: Window, scores: Scores, card: ModelCard, frame: int, label: str) -> Detection:
    near_ns = window.middle_start_ns + round((frame * card.hop_s - card.guard_s + card.hop_s / 2) * NS_PER_S)
    arrival = pick(window.raw, window.raw_rate, index_at(near_ns, window.raw_rate) - window.raw_start_index)
    fraction_ns = round(arrival.sample * NS_PER_S / window.raw_rate)
    onset_ns = time_at(window.raw_start_index, window.raw_rate) + fraction_ns
    told = classes_of(scores[frame : frame + 1], card)
    return Detection(
        detection_id=derived_id(window.sensor_id, onset_ns // 1_000_000, label, card.name),
        sensor_id=window.sensor_id,
        onset_ns=onset_ns,
        sigma_s=float(np.hypot(arrival.sigma_s, window.clock_sigma_s)),
        score=told[GUNSHOT],
        label=label,
        classes=dict(list(told.items())[:CLASSES_TOLD]),
        snr_db=arrival.snr_db,
        model=card.name,
    )
