"""From the scores of one window to detections: which frames are onsets, of what, and exactly when."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dhishoom.core.framing import time_at
from dhishoom.core.onset import pick
from dhishoom.nouns import GUNSHOT, NS_PER_S, Detection, ModelCard, derived_id

if TYPE_CHECKING:
    from dhishoom.core.listening import Window

CLASSES_TOLD = 5
REJECTIONS_PER_WINDOW_MAX = 2
SHADOW_S = 0.3
REJECTION_SNR_DB_MIN = 10.0

Scores = NDArray[np.float32]


def calibrated(scores: Scores, card: ModelCard) -> Scores:
    """Gunshot probability of every frame: [..., classes] to [...]."""
    columns = [card.classes.index(name) for name in card.gunshot_classes]
    probability = scores[..., columns].max(axis=-1)
    if card.calibration:
        heard, meant = np.array(card.calibration, np.float64).T
        probability = np.interp(probability, heard, meant)
    return np.asarray(np.clip(probability, 0.0, 1.0), np.float32)


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
    found = [_detection(window, scores, shots, card, frame, GUNSHOT) for frame in _peaks(shots, card, card.possible)]
    others = _rejections(window, scores, shots, card)
    distinct = {detection.detection_id: detection for detection in (*others, *found)}
    return tuple(sorted(distinct.values(), key=lambda detection: detection.onset_ns))


def _peaks(scores: Scores, card: ModelCard, threshold: float) -> list[int]:
    guard = round(card.guard_s / card.hop_s)
    peaks = []
    for frame in np.flatnonzero(scores[guard : len(scores) - guard] >= threshold) + guard:
        around = scores[frame - guard : frame + guard + 1]
        if int(np.argmax(around)) == guard:
            peaks.append(int(frame))
    return peaks


def _rejections(window: Window, scores: Scores, shots: Scores, card: ModelCard) -> list[Detection]:
    """Loud and sudden sounds that were taken for something else, the surest first, few."""
    columns = [i for i, name in enumerate(card.classes) if name not in card.gunshot_classes]
    if not columns:
        return []
    best = scores[:, columns].max(axis=1)
    shadow = round(SHADOW_S / card.hop_s)
    rejected: list[Detection] = []
    for frame in sorted(_peaks(best, card, card.reject), key=lambda frame: -best[frame]):
        near = shots[max(0, frame - shadow) : frame + shadow + 1]
        if near.max() >= card.possible or len(rejected) == REJECTIONS_PER_WINDOW_MAX:
            continue
        label = card.classes[columns[int(np.argmax(scores[frame, columns]))]]
        detection = _detection(window, scores, shots, card, frame, label)
        if detection.snr_db >= REJECTION_SNR_DB_MIN:
            rejected.append(detection)
    return rejected


def _detection(window: Window, scores: Scores, shots: Scores, card: ModelCard, frame: int, label: str) -> Detection:
    near_ns = window.middle_start_ns + round((frame * card.hop_s - card.guard_s + card.hop_s / 2) * NS_PER_S)
    near = near_ns * window.raw_rate / NS_PER_S - window.raw_start_index
    arrival = pick(window.raw, window.raw_rate, near)
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
