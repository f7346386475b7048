"""Live fire: hits once each, echoes apart, the rest false, and as many hits as can be at every threshold."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching

from dhishoom.evaluate.hearing import Event
from dhishoom.evaluate.matching import HIT_S, match, quiet_s

TIMES_S = st.integers(0, 60).map(lambda step: step / 20)
EVENTS = st.lists(st.builds(Event, TIMES_S, st.sampled_from([0.1, 0.3, 0.5, 0.9])), max_size=8)
ARRIVALS = st.lists(TIMES_S, max_size=5, unique=True).map(sorted)


@given(EVENTS, ARRIVALS)
def test_every_event_is_one_thing(events, arrivals_s):
    """A hit, an echo or false: each event once."""
    matched = match(events, arrivals_s)
    hits = [hit for hit in matched.hits if hit is not None]
    told = sorted((one.onset_s, one.score) for one in (*hits, *matched.echoes, *matched.false))
    assert told == sorted((one.onset_s, one.score) for one in events)
    assert len(matched.hits) == len(arrivals_s)


@given(EVENTS, ARRIVALS)
def test_hits_lie_within_a_tenth_of_a_second(events, arrivals_s):
    """No hit is farther from its arrival than the rule allows."""
    matched = match(events, arrivals_s)
    pairs = [(hit, at) for hit, at in zip(matched.hits, arrivals_s, strict=True) if hit is not None]
    assert all(abs(hit.onset_s - at) <= HIT_S for hit, at in pairs)


@given(EVENTS, ARRIVALS, st.sampled_from([0.0, 0.2, 0.4, 0.6]))
def test_at_every_threshold_as_many_arrivals_are_found_as_can_be(events, arrivals_s, threshold):
    """The one pass agrees with a maximum matching of the events that reach the threshold."""
    matched = match(events, arrivals_s)
    found = sum(hit is not None and hit.score >= threshold for hit in matched.hits)
    chosen = [event.onset_s for event in events if event.score >= threshold]
    if not chosen or not arrivals_s:
        assert found == 0
        return
    fits = np.abs(np.subtract.outer(chosen, arrivals_s)) <= HIT_S
    assert found == (maximum_bipartite_matching(csr_array(fits)) >= 0).sum()


def test_an_echo_is_neither_hit_nor_false():
    """A second after the shot: an echo. Two seconds after, or before it: false."""
    events = [Event(1.0, 0.9), Event(3.02, 0.8), Event(4.0, 0.7), Event(5.1, 0.6)]
    matched = match(events, [3.0])
    assert matched.hits == (Event(3.02, 0.8),)
    assert matched.echoes == (Event(4.0, 0.7),)
    assert matched.false == (Event(1.0, 0.9), Event(5.1, 0.6))


def test_a_double_of_a_hit_is_no_false_event():
    """The surer of two events on one shot is the hit."""
    matched = match([Event(2.95, 0.5), Event(3.0, 0.9)], [3.0])
    assert matched.hits == (Event(3.0, 0.9),)
    assert matched.echoes == (Event(2.95, 0.5),)


@given(ARRIVALS, st.floats(0.1, 4.0))
def test_quiet_sound_is_what_no_arrival_covers(arrivals_s, duration_s):
    """Agrees with counting milliseconds one by one."""
    inside = [at for at in arrivals_s if at < duration_s]
    steps = np.arange(0, duration_s, 0.001)
    covered = np.zeros(len(steps), bool)
    for at in inside:
        covered |= (steps >= at - HIT_S) & (steps <= at + 1.5)
    assert abs(quiet_s(duration_s, inside, duration_s) - 0.001 * (~covered).sum()) < 0.01
