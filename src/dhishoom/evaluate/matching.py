"""Live fire: which events are listed shots, which are their echoes, which are false."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dhishoom.evaluate.hearing import Event

HIT_S = 0.1
ECHO_S = 1.5


@dataclass(frozen=True, slots=True)
class Matched:
    """The events of one recording against its listed arrivals.

    Attributes:
        hits: For each arrival, in their order, the event that found it, or None.
        echoes: Events within 1.5 s after an arrival (or doubles of a hit) that found none.
        false: All others.
    """

    hits: tuple[Event | None, ...]
    echoes: tuple[Event, ...]
    false: tuple[Event, ...]


def match(events: Sequence[Event], arrivals_s: Sequence[float]) -> Matched:
    """Give every arrival at most one event within 100 ms of it, the surest events first.

    At every threshold the events at or above it find as many arrivals as they can: an event of lower score may move a
    higher one to another arrival (an augmenting path), never take one from it.
    """
    found: dict[int, int] = {}
    order = sorted(range(len(events)), key=lambda index: -events[index].score)
    matched = {index for index in order if _place(index, events, arrivals_s, found, set())}
    left = [events[index] for index in range(len(events)) if index not in matched]
    echoes = tuple(one for one in left if _is_echo(one, arrivals_s))
    false = tuple(one for one in left if not _is_echo(one, arrivals_s))
    hits = tuple(events[found[index]] if index in found else None for index in range(len(arrivals_s)))
    return Matched(hits, echoes, false)


def _place(
    event: int, events: Sequence[Event], arrivals_s: Sequence[float], found: dict[int, int], tried: set[int]
) -> bool:
    """Find the event an arrival, moving others if need be (Kuhn's algorithm); `found`: arrival to event."""
    onset_s = events[event].onset_s
    near = [index for index, arrival_s in enumerate(arrivals_s) if abs(onset_s - arrival_s) <= HIT_S]
    for arrival in sorted(near, key=lambda index: abs(onset_s - arrivals_s[index])):
        if arrival in tried:
            continue
        tried.add(arrival)
        if arrival not in found or _place(found[arrival], events, arrivals_s, found, tried):
            found[arrival] = event
            return True
    return False


def _is_echo(event: Event, arrivals_s: Sequence[float]) -> bool:
    return any(-HIT_S <= event.onset_s - arrival_s <= ECHO_S for arrival_s in arrivals_s)


def quiet_s(sounding_s: float, arrivals_s: Sequence[float], duration_s: float) -> float:
    """How much of a recording's sound is neither shot nor echo, taking padding to lie outside them."""
    covered, reached = 0.0, 0.0
    for arrival_s in sorted(arrivals_s):
        begin, end = max(reached, arrival_s - HIT_S), min(duration_s, arrival_s + ECHO_S)
        covered += max(0.0, end - begin)
        reached = max(reached, end)
    return max(0.0, sounding_s - covered)
