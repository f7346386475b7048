"""Fold 2: the detections of all sensors become incidents.

Time is cut into ticks of the data's own clock. A tick is worked through once every sensor that still speaks has been
heard beyond it, with all detections below it in order, so what follows depends on the detections alone and not on how
the sensors' messages were interleaved. A shot is told as soon as it is credible, revised as farther sensors hear it,
and settled once its sound has passed them all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from dhishoom.core import saved
from dhishoom.core.limits import AssociationLimits, Now, pass_ns
from dhishoom.core.scene import Scene, by_time, next_turn_ns, tick_after, turn
from dhishoom.core.sensor_array import SensorArray, array_of
from dhishoom.errors import NounError, StoreError
from dhishoom.nouns import NS_PER_S, Detection, Heard, Incident, Site

__all__ = [
    "AssociationLimits",
    "AssociationState",
    "associate",
    "associate_all",
    "begin",
    "borne_out",
    "finish",
    "from_bytes",
    "to_bytes",
]

BYTES_VERSION = 2
END_OF_TIME_NS = 2**62
BATCH = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """All that changes, as it is written to bytes.

    Attributes:
        heard_ns: How far each sensor has been heard.
        begun_ns, furthest_ns: The first mark of any sensor; the furthest.
        pending: Gunshots not yet worked through, in no order.
        due_ns: When something is next to be done.
        scene: What was made of the others.
        dropped: Detections refused for want of room.
    """

    heard_ns: Mapping[str, int] = field(default_factory=dict)
    begun_ns: int | None = None
    furthest_ns: int = 0
    pending: tuple[Detection, ...] = ()
    due_ns: int | None = None
    scene: Scene = field(default_factory=Scene)
    dropped: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class AssociationState:
    """Opaque; make it with `begin` or `from_bytes`.

    Attributes:
        pass_ns: How long after its first arrival a sound may still arrive elsewhere.
        waits_for: A sensor that was last found to hold everything up, so that one need be looked at, not all.
    """

    array: SensorArray
    limits: AssociationLimits
    memory: Memory
    pass_ns: int
    waits_for: str | None = None

    @property
    def dropped(self) -> int:
        """Detections that were refused because more than `picks_max` were pending."""
        return self.memory.dropped


def begin(site: Site, limits: AssociationLimits = AssociationLimits()) -> AssociationState:  # noqa: B008
    """Nothing heard yet."""
    return _state(site, limits, Memory())


def _state(site: Site, limits: AssociationLimits, memory: Memory) -> AssociationState:
    array = array_of(site)
    return AssociationState(array, limits, memory, pass_ns(array, limits))


def associate(state: AssociationState, item: Detection | Heard) -> tuple[AssociationState, tuple[Incident, ...]]:
    """Take one detection or promise; return the incidents that are new or revised by it."""
    if isinstance(item, Heard):
        return _hear(state, item)
    memory = state.memory
    if not item.is_gunshot:
        return state, ()
    if len(memory.pending) >= state.limits.picks_max:
        return replace(state, memory=replace(memory, dropped=memory.dropped + 1)), ()
    return _with_pending(state, (item,)), ()


def finish(state: AssociationState) -> tuple[AssociationState, tuple[Incident, ...]]:
    """Nothing more will come: settle everything."""
    return _advance(state, END_OF_TIME_NS)


def borne_out(state: AssociationState, incidents: Iterable[Incident]) -> list[Detection]:
    """Candidates that these incidents rest on, each once, as long as they may be revised: detections from now on."""
    named = {one.incident_id for one in incidents}
    rest_on = (
        one
        for told in state.memory.scene.ledger
        if told.incident_id in named
        for blast in told.blasts
        for one in blast.detections
    )
    return list({one.detection_id: one for one in rest_on if one.score < state.limits.alone_min}.values())


def associate_all(
    site: Site,
    detections: Iterable[Detection],
    limits: AssociationLimits = AssociationLimits(),  # noqa: B008
) -> tuple[Incident, ...]:
    """The incidents, in their last revision and in order of time, of detections that are all there at once."""
    state, last = begin(site, limits), dict[str, Incident]()
    ordered = sorted((one for one in detections if one.is_gunshot), key=by_time)
    for first in range(0, len(ordered), BATCH):
        batch = ordered[first : first + BATCH]
        state, told = _advance(_with_pending(state, batch), batch[-1].onset_ns)
        last |= {one.incident_id: one for one in told}
    state, told = finish(state)
    last |= {one.incident_id: one for one in told}
    return tuple(sorted(last.values(), key=lambda one: (one.time_ns, one.incident_id)))


def _with_pending(state: AssociationState, detections: Sequence[Detection]) -> AssociationState:
    memory = state.memory
    pending = (*memory.pending, *detections)
    moments = [tick_after(one.onset_ns, memory.scene) for one in detections]
    due_ns = min(moments if memory.due_ns is None else (*moments, memory.due_ns))
    return replace(state, memory=replace(memory, pending=pending, due_ns=due_ns))


def _hear(state: AssociationState, item: Heard) -> tuple[AssociationState, tuple[Incident, ...]]:
    memory = state.memory
    before = memory.heard_ns.get(item.sensor_id)
    if before is not None and item.until_ns <= before:
        return state, ()
    heard = {**memory.heard_ns, item.sensor_id: item.until_ns}
    begun = item.until_ns if memory.begun_ns is None else min(memory.begun_ns, item.until_ns)
    furthest = max(memory.furthest_ns, item.until_ns)
    memory = replace(memory, heard_ns=heard, begun_ns=begun, furthest_ns=furthest)
    state = replace(state, memory=memory)
    if memory.due_ns is None or memory.due_ns > furthest or _still_waits(state, memory.due_ns):
        return state, ()
    slowest, until_ns = _watermark(state)
    return _advance(replace(state, waits_for=slowest), until_ns)


def _still_waits(state: AssociationState, due_ns: int) -> bool:
    """Whether the sensor that held everything up still does."""
    until_ns = state.memory.heard_ns.get(state.waits_for or "", due_ns)
    return _oldest_ns(state) <= until_ns < due_ns


def _oldest_ns(state: AssociationState) -> int:
    """A sensor heard no further than this lags so far behind the furthest that it is not waited for."""
    return state.memory.furthest_ns - round(state.limits.lateness_s * NS_PER_S)


def _watermark(state: AssociationState) -> tuple[str, int]:
    """The sensor heard the least, and up to when all were; the never heard count from the beginning, until they lag."""
    memory, oldest = state.memory, _oldest_ns(state)
    waited_for = [name for name, until in memory.heard_ns.items() if until >= oldest]
    slowest = min(reversed(waited_for), key=memory.heard_ns.__getitem__)  # sensors mostly report in the same order
    least, begun = memory.heard_ns[slowest], memory.begun_ns
    if begun is not None and begun >= oldest and any(name not in memory.heard_ns for name in state.array.sensor_ids):
        return slowest, min(least, begun)
    return slowest, least


def _advance(state: AssociationState, until_ns: int) -> tuple[AssociationState, tuple[Incident, ...]]:
    """Turn every tick that is due up to `until_ns`."""
    memory, told = state.memory, list[Incident]()
    while memory.due_ns is not None and memory.due_ns <= until_ns:
        at_ns = memory.due_ns
        fresh = tuple(one for one in memory.pending if one.onset_ns < at_ns)
        rest = tuple(one for one in memory.pending if one.onset_ns >= at_ns)
        scene, incidents = turn(memory.scene, fresh, Now(at_ns, state.array, state.limits, state.pass_ns))
        memory = replace(memory, scene=scene, pending=rest, due_ns=next_turn_ns(scene, rest, state.pass_ns))
        told.extend(incidents)
    return (state, ()) if memory is state.memory else (replace(state, memory=memory), tuple(told))


@dataclass(frozen=True, slots=True)
class _Saved:
    version: int
    limits: AssociationLimits
    memory: Memory


def to_bytes(state: AssociationState) -> bytes:
    """All that `from_bytes` needs beside the site: JSON."""
    return saved.to_bytes(_Saved(BYTES_VERSION, state.limits, state.memory))


def from_bytes(data: bytes, site: Site) -> AssociationState:
    """The inverse of `to_bytes`. Raises StoreError for bytes that are none of ours."""
    try:
        read = saved.from_bytes(data, _Saved)
    except (ValueError, NounError) as error:
        raise StoreError(
            f"The association's saved state cannot be read: {error}. Delete it to begin afresh."
        ) from error
    if read.version != BYTES_VERSION:
        raise StoreError(f"The association's saved state is of version {read.version}; delete it to begin afresh.")
    return _state(site, read.limits, read.memory)
