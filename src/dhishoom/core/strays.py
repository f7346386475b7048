"""Picks that no shot explains: echoes of a located one, or an incident without a place."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from dhishoom.core.incidents import Blast, blast_of, incident_id_of, score_of
from dhishoom.core.ledger import Ledger, Told
from dhishoom.core.limits import Now
from dhishoom.nouns import NS_PER_S, Detection

ECHOES_NS = 3 * NS_PER_S
"""Echoes of a shot, and the echoes of those, are heard so long after it."""
NEAR_M = 1000.0
SILENCE_FACTOR = 0.5
"""Odds of gunfire for every sensor within `NEAR_M` that heard nothing of it."""
SCORE_MIN = 0.3
"""An unlocated incident less likely than this is not told; its detections stay in the store."""
BLASTS_MAX = 50


def enter_strays(ledger: Ledger, strays: Iterable[Detection], now: Now) -> Ledger:
    """Put every stray where it belongs, in order of time; those beside a located incident tell nothing new."""
    for stray in strays:
        if stray.score < now.limits.alone_min:
            continue
        if any(stray.detection_id in told.detection_ids or _is_beside(stray, told, now) for told in ledger):
            continue
        ledger = _entered(ledger, stray, now)
    return ledger


def _is_beside(stray: Detection, told: Told, now: Now) -> bool:
    """Whether it may be an echo of a located shot, or a sound that only seems alone because a shot drew the eye."""
    if not told.is_located:
        return False
    onsets = [one.onset_ns for blast in told.blasts for one in blast.detections]
    return min(onsets) - now.pass_ns <= stray.onset_ns <= max(onsets) + ECHOES_NS


def _entered(ledger: Ledger, stray: Detection, now: Now) -> Ledger:
    gap_ns = round(now.limits.burst_gap_s * NS_PER_S)
    for at, told in enumerate(ledger):
        if not told.is_located and abs(stray.onset_ns - told.blasts[-1].time_ns) <= gap_ns + now.pass_ns:
            return (*ledger[:at], _extended(told, stray, now), *ledger[at + 1 :])
    blast = _unlocated([stray], now)
    if blast.score < SCORE_MIN:
        return ledger
    return (*ledger, Told(incident_id=incident_id_of([blast]), settled=(blast,)))


def _extended(told: Told, stray: Detection, now: Now) -> Told:
    """The same sound at another sensor, or one more sound."""
    for at, blast in enumerate(told.settled):
        heard = {one.sensor_id for one in blast.detections}
        if stray.sensor_id not in heard and abs(stray.onset_ns - blast.time_ns) <= now.pass_ns:
            grown = _unlocated([*blast.detections, stray], now)
            return replace(told, settled=(*told.settled[:at], grown, *told.settled[at + 1 :]))
    if len(told.settled) >= BLASTS_MAX:
        return told
    return replace(told, settled=(*told.settled, _unlocated([stray], now)))


def _unlocated(detections: list[Detection], now: Now) -> Blast:
    ordered = tuple(sorted(detections, key=lambda one: (one.onset_ns, one.sensor_id)))
    placed = [one for one in ordered if one.sensor_id in now.array.index]
    reason = blast_of(placed, now.array, 0.0).reason if placed else "heard only at sensors whose place is not known"
    return Blast(
        status="unlocated",
        time_ns=ordered[0].onset_ns,
        position=None,
        ellipse=None,
        residual_ms=0.0,
        detections=ordered,
        margin=0.0,
        score=_score(ordered, now),
        reason=reason or "the arrivals fit no one place",
    )


def _score(detections: tuple[Detection, ...], now: Now) -> float:
    """Less likely for every sensor near the first that should have heard it too."""
    score, first = score_of(detections), detections[0].sensor_id
    if first not in now.array.index:
        return score
    near = now.array.distances_m(first) < NEAR_M
    silent = int(near.sum()) - len({one.sensor_id for one in detections} & set(now.array.sensor_ids))
    odds = score / (1 - score) * SILENCE_FACTOR ** max(silent, 0)
    return odds / (1 + odds)
