"""Detections that come after their time was worked through: they join a shot already told, or are asked about again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from dhishoom.core.incidents import Blast, blast_of
from dhishoom.core.ledger import Ledger
from dhishoom.core.limits import Now
from dhishoom.core.propagation import travel_s
from dhishoom.core.weighing import PATH_SIGMA_S
from dhishoom.nouns import NS_PER_S, Detection

GATE_SIGMAS = 3.0


def join_late(ledger: Ledger, late: Iterable[Detection], now: Now) -> tuple[Ledger, list[Detection]]:
    """The ledger with what fits its settled blasts, and the detections that fit none."""
    left = []
    for one in late:
        joined = _joined(ledger, one, now)
        if joined is None:
            left.append(one)
        else:
            ledger = joined
    return ledger, left


def _joined(ledger: Ledger, one: Detection, now: Now) -> Ledger | None:
    for at, told in enumerate(ledger):
        for place, blast in enumerate(told.settled):
            if _fits(one, blast, now):
                grown = blast_of([*blast.detections, one], now.array, blast.margin)
                settled = (*told.settled[:place], grown, *told.settled[place + 1 :])
                return (*ledger[:at], replace(told, settled=settled), *ledger[at + 1 :])
    return None


def _fits(one: Detection, blast: Blast, now: Now) -> bool:
    if blast.position is None or one.sensor_id not in now.array.index:
        return False
    if any(heard.sensor_id == one.sensor_id for heard in blast.detections):
        return any(heard.detection_id == one.detection_id for heard in blast.detections)
    sensor = now.array.places_m[[now.array.index[one.sensor_id]]]
    source = np.array([[blast.position.x_m, blast.position.y_m]])
    travel = travel_s(source, blast.position.z_m, sensor, now.array.air)
    late_s = (one.onset_ns - blast.time_ns) / NS_PER_S - float(travel[0, 0])
    reach_s = blast.ellipse.semi_major_m / now.array.air.speed_m_s if blast.ellipse else 0.0
    return abs(late_s) <= GATE_SIGMAS * float(np.hypot(one.sigma_s, PATH_SIGMA_S)) + reach_s
