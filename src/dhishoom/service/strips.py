"""The moving strip of a sensor: how loud each twentieth of a second was, and what it was taken for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dhishoom.core.decision import calibrated
from dhishoom.core.framing import index_at
from dhishoom.core.listening import Window
from dhishoom.core.timestamps import to_rfc3339
from dhishoom.messages import Json
from dhishoom.nouns import GUNSHOT, NS_PER_S, Detection, ModelCard

STEP_S = 0.05
QUIET = "quiet"


def strip_of(window: Window, scores: NDArray[np.float32], found: Sequence[Detection], card: ModelCard) -> Json:
    """One decided window as an item of the `strips` event."""
    return {
        "sensor_id": window.sensor_id,
        "time": to_rfc3339(window.middle_start_ns),
        "step_s": STEP_S,
        "peaks": [round(peak, 3) for peak in peaks_of(window, card.step_s)],
        "label": _label(found),
        "score": round(float(calibrated(scores, card).max(initial=0.0)), 3),
    }


def peaks_of(window: Window, step_s: float) -> list[float]:
    """Largest magnitude of each `STEP_S` of the window's middle."""
    low = index_at(window.middle_start_ns, window.raw_rate) - window.raw_start_index
    count = max(1, round(step_s / STEP_S))
    bounds = low + np.arange(count) * (STEP_S * window.raw_rate)
    high = index_at(window.middle_start_ns + round(step_s * NS_PER_S), window.raw_rate) - window.raw_start_index
    peaks: list[float] = np.maximum.reduceat(np.abs(window.raw[:high]), bounds.astype(np.intp)).tolist()
    return peaks


def _label(found: Sequence[Detection]) -> str:
    """Gunfire goes before the loudest of the rest."""
    if not found:
        return QUIET
    return max(found, key=lambda one: (one.label == GUNSHOT, one.snr_db)).label
