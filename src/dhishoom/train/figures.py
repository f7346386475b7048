"""The figures a card states, from outcomes on held-out recordings; the evaluation room has the long form."""

from __future__ import annotations

import hashlib
import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from scipy.stats import chi2

from dhishoom.train.recordings import LIVE_FIRE
from dhishoom.train.scoring import Outcome

_HIT_S = 0.1
_ECHO_S = 1.5
_RESAMPLES = 200


class Matched(NamedTuple):
    """Live fire: the score of every listed arrival (0 where no event is near), of echoes and of false events."""

    hits: list[float]
    echoes: list[float]
    false: list[float]


def match_live_fire(outcomes: Sequence[Outcome]) -> Matched:
    """Events within 100 ms of a listed arrival are hits, within 1.5 s after one echoes, the rest are false."""
    result = Matched([], [], [])
    for one in outcomes:
        taken = dict.fromkeys(one.onsets_s, 0.0)
        for at, value in sorted(one.events, key=lambda event: -event[1]):
            near = [onset for onset, score in taken.items() if abs(at - onset) <= _HIT_S and score == 0.0]
            if near:
                taken[min(near, key=lambda onset: abs(at - onset))] = value
            elif any(-_HIT_S <= at - onset <= _ECHO_S for onset in taken):
                result.echoes.append(value)
            else:
                result.false.append(value)
        result.hits.extend(taken.values())
    return result


def share_at(scores: Sequence[float], threshold: float) -> float:
    """Share of scores at or above a threshold; nan of none."""
    return float(np.mean(np.asarray(scores) >= threshold)) if len(scores) else math.nan


def average_precision(positives: Sequence[float], negatives: Sequence[float]) -> float:
    """Area under precision and recall over clips, by steps, ties counted against us; nan without positives."""
    order = sorted([(-score, 1) for score in positives] + [(-score, 0) for score in negatives])
    found, total = 0, 0.0
    for rank, (_, is_positive) in enumerate(order, start=1):
        found += is_positive
        total += is_positive * found / rank
    return total / len(positives) if positives else math.nan


def area_under_roc(positives: Sequence[float], negatives: Sequence[float]) -> float:
    """Probability that a positive scores above a negative, ties half; nan where either is missing."""
    if not positives or not negatives:
        return math.nan
    ranked = np.sort(np.asarray(negatives))
    below, upto = np.searchsorted(ranked, positives, "left"), np.searchsorted(ranked, positives, "right")
    return float(np.mean((below + upto) / 2) / len(ranked))


def threshold_for(negatives: Sequence[Outcome], false_clips_per_hour: float) -> float:
    """The lowest threshold at which no more clips an hour are false."""
    allowed = int(false_clips_per_hour * hours(negatives))
    worst = sorted((one.score for one in negatives), reverse=True)
    return float(np.nextafter(np.float32(worst[allowed]), np.float32(2.0))) if allowed < len(worst) else 0.0


def hours(outcomes: Sequence[Outcome]) -> float:
    """Length of all together."""
    return sum(one.duration_s for one in outcomes) / 3600


def poisson(count: int, exposure: float) -> tuple[float, float]:
    """Exact 95 % interval of a rate from a count (Garwood 1936)."""
    low = chi2.ppf(0.025, 2 * count) / 2 if count else 0.0
    return float(low / exposure), float(chi2.ppf(0.975, 2 * count + 2) / 2 / exposure)


def by_groups(outcomes: Sequence[Outcome], figure: Callable[[Sequence[Outcome]], float]) -> dict[str, object]:
    """A figure with its 95 % interval by resampling original recordings (bootstrap over groups)."""
    groups: dict[str, list[Outcome]] = defaultdict(list)
    for one in outcomes:
        groups[f"{one.source}/{one.group}"].append(one)
    names = sorted(groups)
    rng = np.random.default_rng(0)
    drawn = [
        figure([one for index in rng.integers(0, len(names), len(names)) for one in groups[names[index]]])
        for _ in range(_RESAMPLES)
    ]
    low, high = np.nanpercentile(drawn, [2.5, 97.5]) if names else (math.nan, math.nan)
    return {
        "value": round(figure(outcomes), 4),
        "interval": [round(float(low), 4), round(float(high), 4)],
        "recordings": len(outcomes),
        "groups": len(names),
    }


def half_of(one: Outcome) -> int:
    """0 or 1, by group: thresholds and calibration told of one half are chosen on the other."""
    digest = hashlib.blake2b(f"half/{one.source}/{one.group}".encode(), digest_size=1).digest()
    return digest[0] % 2


def figures(outcomes: Sequence[Outcome]) -> dict[str, object]:
    """Everything a card says of quality; thresholds are for one false clip an hour of all other sound."""
    negatives = [one for one in outcomes if one.is_negative]
    quiet = [one for one in negatives if one.label != "firework"]
    alert, alert_quiet = threshold_for(negatives, 1.0), threshold_for(quiet, 1.0)
    scores = [one.score for one in negatives]
    result: dict[str, object] = {
        "other_sound_hours": round(hours(negatives), 3),
        "threshold_fireworks_in": round(alert, 4),
        "threshold_fireworks_out": round(alert_quiet, 4),
        "false_alarms_cross_fitted": cross_fitted_false_alarms(quiet),
        "live_fire": _live_fire(outcomes, alert, alert_quiet),
        "sources": {},
    }
    sources = sorted({one.source for one in outcomes if one.is_gunfire} - {LIVE_FIRE})
    for source in sources:
        of_source = [one for one in outcomes if one.source == source and one.is_gunfire]
        result["sources"][source] = {  # type: ignore[index]
            "learnt_from_other_groups": of_source[0].use != "validate",
            "average_precision": by_groups(of_source, lambda some: average_precision([o.score for o in some], scores)),
            "area_under_roc": by_groups(of_source, lambda some: area_under_roc([o.score for o in some], scores)),
            "recall_fireworks_in": by_groups(of_source, lambda some: share_at([o.score for o in some], alert)),
            "recall_fireworks_out": by_groups(of_source, lambda some: share_at([o.score for o in some], alert_quiet)),
        }
    result["called_gunshot_by_class"] = _called_gunshot(negatives, alert_quiet)
    return result


def cross_fitted_false_alarms(negatives: Sequence[Outcome]) -> dict[str, object]:
    """False clips an hour of each half at the threshold chosen on the other, with their exact interval."""
    halves = [[one for one in negatives if half_of(one) == half] for half in (0, 1)]
    thresholds = [threshold_for(halves[1], 1.0), threshold_for(halves[0], 1.0)]
    count = sum(one.score >= threshold for half, threshold in zip(halves, thresholds, strict=True) for one in half)
    length = hours(negatives)
    return {"count": count, "hours": round(length, 3), "per_hour": round(count / length, 2) if length else math.nan,
            "interval": [round(bound, 2) for bound in poisson(count, length)] if length else None}  # fmt: skip


def _live_fire(outcomes: Sequence[Outcome], alert: float, alert_quiet: float) -> dict[str, object]:
    of_set = [one for one in outcomes if one.source == LIVE_FIRE]
    positions = {
        group: [one for one in of_set if one.group == group] for group in sorted({one.group for one in of_set})
    }
    by_position = {group: _position(some, alert, alert_quiet) for group, some in positions.items()}
    return {
        "by_position_left_out": by_position,
        "recall_without_false_event": _mean(by_position, "recall_without_false_event"),
        "recall_fireworks_in": _mean(by_position, "recall_fireworks_in"),
        "recall_fireworks_out": _mean(by_position, "recall_fireworks_out"),
    }


def _position(outcomes: Sequence[Outcome], alert: float, alert_quiet: float) -> dict[str, float]:
    matched = match_live_fire(outcomes)
    worst = max(matched.false, default=0.0)
    return {
        "arrivals": len(matched.hits),
        "recall_without_false_event": round(share_at(matched.hits, worst + 1e-6), 4),
        "recall_fireworks_in": round(share_at(matched.hits, alert), 4),
        "recall_fireworks_out": round(share_at(matched.hits, alert_quiet), 4),
        "false_events": int(np.sum(np.asarray(matched.false) >= alert_quiet)),
        "echoes": int(np.sum(np.asarray(matched.echoes) >= alert_quiet)),
    }


def _mean(by_position: dict[str, dict[str, float]], name: str) -> dict[str, float]:
    """Over arrivals, and the worst position."""
    if not by_position:
        return {}
    weights = [position["arrivals"] for position in by_position.values()]
    values = [position[name] for position in by_position.values()]
    return {"all_arrivals": round(float(np.average(values, weights=weights)), 4), "worst_position": min(values)}


def _called_gunshot(negatives: Sequence[Outcome], threshold: float) -> dict[str, list[int]]:
    """[called gunshot, clips] of every label of which at least one was."""
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for one in negatives:
        counts[one.label][0] += one.score >= threshold
        counts[one.label][1] += 1
    return {label: count for label, count in sorted(counts.items()) if count[0] or label == "firework"}
