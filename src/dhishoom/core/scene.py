"""What is going on: picks that await an explanation, the shots they make, the incidents told of so far."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from dhishoom.core.agreement import PlacedShot, first_question, placed_shot
from dhishoom.core.consensus import agreements
from dhishoom.core.incidents import Blast, blast_of
from dhishoom.core.late import join_late
from dhishoom.core.ledger import Ledger, enter, tell
from dhishoom.core.limits import TICK_NS, Now
from dhishoom.core.propagation import Floats
from dhishoom.core.seeds import best_prospects, fresh_seeds
from dhishoom.core.strays import enter_strays
from dhishoom.core.weighing import Indices, Picks, Strays
from dhishoom.nouns import NS_PER_S, Detection, Incident

KNOWN_NS = 8 * NS_PER_S
"""A settled shot's echoes and further rounds are looked for so long."""
GROWN = 1.25
"""A blast is located anew once so many times as many have heard it; one more changes little."""
STRAYS_KEPT_NS = 20 * NS_PER_S
"""Picks given up are remembered so long: as a measure of how much is heard anyway, and for late company."""
Seeds = tuple[tuple[float, float, int], ...]


@dataclass(frozen=True, slots=True)
class Scene:
    """See the module.

    Attributes:
        at_ns: Up to where time was worked through.
        picks: Not yet settled, in order of time.
        seeds: (east, north, emission ns) to consider.
        blasts: What the picks were last taken for; those not yet settled.
        strays: Picks that no shot explains, in order of time.
        ledger: Incidents that may still be revised.
    """

    at_ns: int = 0
    picks: tuple[Detection, ...] = ()
    seeds: Seeds = ()
    blasts: tuple[Blast, ...] = ()
    strays: tuple[Detection, ...] = ()
    ledger: Ledger = ()


def next_turn_ns(scene: Scene, pending: Sequence[Detection], pass_ns: int) -> int | None:
    """The tick at which something is next to be done; None if there is nothing to wait for."""
    moments = [one.onset_ns for one in pending]
    moments += [one.onset_ns + pass_ns for one in scene.picks]
    return tick_after(min(moments), scene) if moments else None


def tick_after(time_ns: int, scene: Scene) -> int:
    """The first tick after a time, and after what was worked through."""
    return max((time_ns // TICK_NS + 1) * TICK_NS, scene.at_ns + TICK_NS)


def turn(scene: Scene, fresh: Iterable[Detection], now: Now) -> tuple[Scene, tuple[Incident, ...]]:
    """Work through the time up to `now`, in which `fresh` were heard."""
    known = {one.detection_id for one in scene.picks}
    new = sorted((one for one in fresh if one.detection_id not in known), key=by_time)
    late = [one for one in new if one.onset_ns < scene.at_ns]
    ledger, late = join_late(scene.ledger, late, now)
    asked_again = scene.strays if late else ()
    asked = [*late, *asked_again, *(one for one in new if one.onset_ns >= scene.at_ns)]
    unplaced = [one for one in asked if one.sensor_id not in now.array.index]
    placed = [one for one in asked if one.sensor_id in now.array.index]
    picks = sorted((*scene.picks, *placed), key=by_time)[-now.limits.picks_max :]
    blasts, seeds = scene.blasts, scene.seeds
    if placed or any(now.is_past(one.first_ns) for one in blasts):
        blasts, seeds = explain(picks, {one.detection_id for one in placed}, scene, ledger, now)
    ledger = enter(ledger, blasts, now)
    kept, given_up = _sorted_out(picks, blasts, now)
    strays = sorted((*given_up, *unplaced), key=by_time)
    ledger, incidents = tell(enter_strays(ledger, strays, now), now)
    remembered = () if late else (one for one in scene.strays if one.onset_ns + STRAYS_KEPT_NS > now.at_ns)
    unsettled = tuple(one for one in blasts if not now.is_past(one.first_ns))
    return Scene(now.at_ns, tuple(kept), seeds, unsettled, (*remembered, *strays), ledger), incidents


def _sorted_out(
    picks: Iterable[Detection], blasts: Iterable[Blast], now: Now
) -> tuple[list[Detection], list[Detection]]:
    """Picks still to be asked about, and those that nothing explains any more."""
    settled, waiting = set[str](), set[str]()
    for blast in blasts:
        (settled if now.is_past(blast.first_ns) else waiting).update(one.detection_id for one in blast.detections)
    left = [one for one in picks if one.detection_id not in settled]
    kept = [one for one in left if one.detection_id in waiting or not now.is_past(one.onset_ns)]
    held = {one.detection_id for one in kept}
    return kept, [one for one in left if one.detection_id not in held]


def explain(
    detections: Sequence[Detection], fresh: set[str], scene: Scene, ledger: Ledger, now: Now
) -> tuple[tuple[Blast, ...], Seeds]:
    """The blasts that these detections make, and the seeds to ask again next time."""
    if not detections:
        return (), ()
    zero = detections[0].onset_ns
    picks, order = _picks(detections, scene.strays, zero, now)
    of_shots = {one.detection_id for blast in scene.blasts for one in blast.detections}
    explained = np.array([one.detection_id in of_shots for one in order], bool)
    until_s = (now.at_ns - zero) / NS_PER_S
    question = first_question(picks, explained, now.array, until_s, now.limits.alone_min)
    new = np.array([at for at, one in enumerate(order) if one.detection_id in fresh], np.intp)
    seeds = np.concatenate([_relative(scene.seeds, zero, now), fresh_seeds(new, picks, now.array)])
    prospects = best_prospects(seeds, question)
    settled = [blast for told in ledger for blast in told.settled if _is_recent(blast, zero)]
    known = [_placed(blast, zero, now) for blast in settled]
    origins = {placed.source[:2].tobytes(): blast for placed, blast in zip(known, settled, strict=True)}
    before = {frozenset(blast.given): blast for blast in scene.blasts}
    blasts = []
    for found in agreements(question, prospects, known):
        rests_on = [order[at] for at in found.members]
        same = _as_before(rests_on, before, now)
        origin = None if found.origin_m is None else origins.get(found.origin_m.tobytes())
        blast = same or blast_of(rests_on, now.array, found.margin, _since_first(found.source, rests_on, zero), origin)
        if found.origin_m is None and blast.status == "located":
            origins[found.source[:2].tobytes()] = blast
        blasts.append(replace(blast, margin=found.margin))
    return tuple(blasts), tuple((x, y, zero + round(t * NS_PER_S)) for x, y, t in prospects.sources.tolist())


def _as_before(rests_on: Sequence[Detection], before: Mapping[frozenset[str], Blast], now: Now) -> Blast | None:
    """The blast that was made of the same detections, or of nearly as many while more are to come."""
    names = frozenset(one.detection_id for one in rests_on)
    if names in before or now.is_past(min(one.onset_ns for one in rests_on)):
        return before.get(names)
    smaller = (given for given in before if given < names and len(names) < GROWN * len(given))
    return next((before[given] for given in smaller if before[given].status == "located"), None)


def _since_first(source: Floats, detections: Sequence[Detection], zero: int) -> Floats:
    """The same place, with its time counted from the first arrival."""
    first_s = (min(one.onset_ns for one in detections) - zero) / NS_PER_S
    since: Floats = source - np.array([0.0, 0.0, first_s])
    return since


def _picks(
    detections: Sequence[Detection], strays: Sequence[Detection], zero: int, now: Now
) -> tuple[Picks, list[Detection]]:
    """As arrays in the order of sensors, and the detections in that order."""
    order = sorted(detections, key=lambda one: (now.array.index[one.sensor_id], one.onset_ns, one.detection_id))
    sensors, times = _sensors(order, now), _times(order, zero)
    given_up = [one for one in strays if one.sensor_id in now.array.index]
    earliest = min(one.onset_ns for one in (*detections, *strays))
    stray = Strays(_sensors(given_up, now), _times(given_up, zero), (now.at_ns - earliest) / NS_PER_S)
    sigmas, levels = np.array([one.sigma_s for one in order]), np.array([one.snr_db for one in order])
    return Picks(sensors, times, sigmas, levels, np.array([one.score for one in order]), stray), order


def _sensors(detections: Iterable[Detection], now: Now) -> Indices:
    return np.array([now.array.index[one.sensor_id] for one in detections], np.intp)


def _times(detections: Iterable[Detection], zero: int) -> Floats:
    return np.array([(one.onset_ns - zero) / NS_PER_S for one in detections], np.float64)


def _relative(seeds: Seeds, zero: int, now: Now) -> Floats:
    """As [k, 3], in seconds from `zero`; those whose sound has passed are left out."""
    kept = [(x, y, (at - zero) / NS_PER_S) for x, y, at in seeds if at + 2 * now.pass_ns > zero]
    return np.array(kept, np.float64).reshape(-1, 3)


def _is_recent(blast: Blast, zero: int) -> bool:
    return blast.position is not None and blast.time_ns + KNOWN_NS > zero


def _placed(blast: Blast, zero: int, now: Now) -> PlacedShot:
    assert blast.position is not None
    source = np.array([blast.position.x_m, blast.position.y_m, (blast.time_ns - zero) / NS_PER_S])
    return placed_shot(source, _sensors(blast.detections, now), _times(blast.detections, zero), now.array)


def by_time(one: Detection) -> tuple[int, str, str]:
    """The order in which detections are worked through."""
    return one.onset_ns, one.sensor_id, one.detection_id
