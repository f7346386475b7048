"""From the scores of one window to detections: which frames are onsets, of what, and exactly when."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d

from dhishoom.core.framing import index_at, time_at
from dhishoom.core.onset import pick
from dhishoom.nouns import GUNSHOT, NS_PER_S, Detection, ModelCard, derived_id

if TYPE_CHECKING:
    from dhishoom.core.listening import Window

CLASSES_TOLD = 5
REJECTIONS_PER_WINDOW_MAX = 2
SHADOW_S = 0.3
SAME_ARRIVAL_S = 0.010
REJECTION_SNR_DB_MIN = 10.0

Scores = NDArray[np.float32]


def calibrated(scores: Scores, card: ModelCard) -> Scores:
    """Gunshot probability of every frame: [..., classes] to [...]."""
    probability = _loudest_gun(scores, card)
    if card.calibration:
        heard, meant = np.array(card.calibration, np.float64).T
        probability = np.interp(probability, heard, meant)
    return np.asarray(np.clip(probability, 0.0, 1.0), np.float32)


def _loudest_gun(scores: Scores, card: ModelCard) -> Scores:
    columns = [card.classes.index(name) for name in card.gunshot_classes]
    loudest: Scores = scores[..., columns].max(axis=-1)
    return loudest


def classes_of(scores: Scores, card: ModelCard) -> dict[str, float]:
    """Probability of every class in a stretch of sound: its largest frame; gunfire comes calibrated as `gunshot`."""
    frames = scores.reshape(-1, len(card.classes))
    if len(frames) == 0:
        return {GUNSHOT: 0.0}
    best = frames.max(axis=0)
    others = {name: float(best[i]) for i, name in enumerate(card.classes) if name not in card.gunshot_classes}
    named = {GUNSHOT: float(calibrated(frames, card).max()), **others}
    return dict(sorted(named.items(), key=lambda item: -item[1]))


def decide(window: Window, scores: Scores, card: ModelCard) -> tuple[Detection, ...]:
    """Detections whose peak lies in the middle of the window, in order of onset.

    A peak is the largest score within the guard on either side (the earliest of equals), so two windows that share a
    border agree on which of them holds it.

    Args:
        scores: [frames, classes], raw, from `guard_s` before the middle to `guard_s` after it.
    """
    shots = calibrated(scores, card)
    frames = [frame for frame in _peaks(_loudest_gun(scores, card), card) if shots[frame] >= card.possible]
    found = [_detection(window, scores, shots, card, frame, GUNSHOT) for frame in frames]
    return _distinct([*found, *_rejections(window, scores, shots, card)])


def _peaks(scores: Scores, card: ModelCard) -> list[int]:
    """Frames of the middle that no frame within the guard exceeds, the earliest of equals."""
    guard = round(card.guard_s / card.hop_s)
    around = sliding_window_view(scores, 2 * guard + 1)
    return [int(frame) for frame in np.flatnonzero(around.argmax(axis=1) == guard) + guard]


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


def _rejections(window: Window, scores: Scores, shots: Scores, card: ModelCard) -> list[Detection]:
    """Loud and sudden sounds that were taken for something else, the surest first, few."""
    columns = [i for i, name in enumerate(card.classes) if name not in card.gunshot_classes]
    if not columns:
        return []
    best = scores[:, columns].max(axis=1)
    shadow = round(SHADOW_S / card.hop_s)
    shaded = maximum_filter1d(shots, 2 * shadow + 1) >= card.possible
    frames = [frame for frame in _peaks(best, card) if best[frame] >= card.reject and not shaded[frame]]
    rejected = []
    for frame in sorted(frames, key=lambda frame: -float(best[frame]))[:REJECTIONS_PER_WINDOW_MAX]:
        label = card.classes[columns[int(scores[frame, columns].argmax())]]
        rejected.append(_detection(window, scores, shots, card, frame, label))
    return [one for one in rejected if one.snr_db >= REJECTION_SNR_DB_MIN]


def _detection(window: Window, scores: Scores, shots: Scores, card: ModelCard, frame: int, label: str) -> Detection:
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
        score=float(shots[frame]),
        label=label,
        classes=dict(list(told.items())[:CLASSES_TOLD]),
        snr_db=arrival.snr_db,
        model=card.name,
    )
