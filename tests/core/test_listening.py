"""Fold 1: however a stream is cut, whoever takes it over, whatever its clock does."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dhishoom.core.decision import decide
from dhishoom.core.listening import begin, finish, heard_until, memory_s, push
from dhishoom.detectors.catalogue import DEFAULT, open_detector
from dhishoom.nouns import NS_PER_S, Chunk

from .blasts import noise, street

START_NS = 1_767_268_800 * NS_PER_S + 123_456_789
ENERGY = open_detector("energy")
SHIPPED = open_detector(DEFAULT)
DETECTORS = {"energy": ENERGY, "shipped": SHIPPED}


class Keen:
    """The baseline with a threshold that a blast passes wherever its frames happen to lie."""

    card = replace(ENERGY.card, possible=0.2)
    scores = staticmethod(ENERGY.scores)


class EveryPeak:
    """The shipped network with thresholds so low that even faint peaks are told: nothing may differ."""

    card = replace(SHIPPED.card, possible=0.1, reject=0.2)
    scores = staticmethod(SHIPPED.scores)


KEEN = Keen()
EAGER = {"energy": KEEN, "shipped": EveryPeak()}
ONSETS_S = [0.93, 1.99, 3.0]
RATES = [8000, 11_025, 12_000, 44_100, 48_000]
STREETS = {rate: street(4.0, rate, ONSETS_S) for rate in RATES}


def chunk(samples, rate, at=0, *, start_ns=START_NS, **changes):
    """A stretch of a stream that begins at `start_ns`, its first sample the stream's `at`-th."""
    told = {"sensor_id": "s1", "start_ns": start_ns + at * NS_PER_S // rate, "sample_rate": rate}
    return Chunk(**(told | {"samples": np.asarray(samples, np.float32)} | changes))


def cut(sound, rate, places, **changes):
    """The sound in pieces that begin at 0 and at `places`."""
    edges = [0, *sorted({place for place in places if 0 < place < len(sound)}), len(sound)]
    return [chunk(sound[low:high], rate, low, **changes) for low, high in itertools.pairwise(edges)]


def heard(chunks, detector, **how):
    """Every detection, notice and promise; each chunk's windows are scored in one batch."""
    state, detections, notices, promises = begin("s1", detector.card, **how), [], [], []
    for one in [*chunks, None]:
        hearing = finish(state) if one is None else push(state, one)
        state = hearing.state
        notices += hearing.notices
        if hearing.windows:
            scores = detector.scores(np.stack([window.audio for window in hearing.windows]))
            for window, its_own in zip(hearing.windows, scores, strict=True):
                detections += decide(window, its_own, detector.card)
                promises.append(heard_until(window, detector.card).until_ns)
    return detections, [notice.kind for notice in notices], promises


def gunshots(detections):
    """Onsets in seconds from the start."""
    return [(one.onset_ns - START_NS) / NS_PER_S for one in detections if one.is_gunshot]


@pytest.mark.parametrize("rate", RATES)
def test_known_blasts_are_heard_at_their_times(rate):
    """Three in four seconds, two of them on borders of steps, to a fraction of a millisecond."""
    detections, notices, _ = heard(cut(STREETS[rate], rate, []), KEEN)
    assert gunshots(detections) == pytest.approx(ONSETS_S, abs=0.0006)
    assert not notices


@pytest.mark.parametrize("kind", EAGER)
@given(data=st.data())
@settings(max_examples=12)
def test_any_cut_gives_the_same_detections_byte_for_byte(kind, data):
    """Any sizes, changing ones, runs of single samples: ids, onsets, scores, classes and promises are the same."""
    rate = data.draw(st.sampled_from(RATES))
    sound = STREETS[rate]
    places = data.draw(st.sets(st.integers(1, len(sound) - 1), max_size=25))
    singles = data.draw(st.integers(0, len(sound) - 60))
    whole = heard(cut(sound, rate, []), EAGER[kind])
    assert whole[0]
    assert heard(cut(sound, rate, {*places, *range(singles, singles + 40)}), EAGER[kind]) == whole


@pytest.mark.parametrize("rate", [8000, 44_100])
def test_a_stream_of_equal_small_chunks_is_no_other_stream(rate):
    """Ten milliseconds at a time."""
    sound = STREETS[rate]
    small = heard(cut(sound, rate, range(0, len(sound), rate // 100)), SHIPPED)
    assert small == heard(cut(sound, rate, []), SHIPPED)


@given(st.integers(0, 10**12), st.sampled_from(RATES))
@settings(max_examples=15)
def test_a_stream_may_begin_at_any_nanosecond(later_ns, rate):
    """The grid is the clock's: each blast is heard once, at its time."""
    chunks = [replace(one, start_ns=one.start_ns + later_ns) for one in cut(STREETS[rate], rate, [rate, 3 * rate])]
    onsets = [onset_s - later_ns / NS_PER_S for onset_s in gunshots(heard(chunks, KEEN)[0])]
    assert onsets == pytest.approx(ONSETS_S, abs=0.0007)


@pytest.mark.parametrize("kind", EAGER)
@given(rate=st.sampled_from(RATES), share=st.floats(0.4, 1.0), piece=st.integers(3000, 60_000))
@settings(max_examples=15)
def test_whoever_re_reads_the_memory_goes_on_identically(kind, rate, share, piece):
    """From any instant on, the same detections as of a listener who had always been there."""
    detector, sound = EAGER[kind], STREETS[rate]
    resume = round(share * len(sound))
    resume_ns = chunk(sound, rate, resume).start_ns
    first = max(0, resume - int(np.ceil(memory_s(detector.card, rate) * rate)) - 1)
    again = [
        one
        for one in cut(sound, rate, range(first, len(sound), piece))
        if one.start_ns >= chunk((), rate, first).start_ns
    ]
    whole, _, promises = heard(cut(sound, rate, []), detector)
    told, _, later = heard(again, detector, resume_ns=resume_ns)
    assert later == [until_ns for until_ns in promises if until_ns > resume_ns]
    step_ns = round(detector.card.step_s * NS_PER_S)
    expected = [one for one in whole if one.onset_ns >= later[0] - step_ns] if later else []
    near = {one.detection_id for one in whole} - {one.detection_id for one in expected}
    assert [one for one in told if one.detection_id not in near] == expected


def test_ids_follow_from_sensor_onset_and_model():
    """Twice the same keys; another sensor or another model, other keys."""
    sound = STREETS[12_000]
    ids = [one.detection_id for one in heard(cut(sound, 12_000, []), KEEN)[0]]
    assert ids == [one.detection_id for one in heard(cut(sound, 12_000, [5000]), KEEN)[0]]
    assert len(set(ids)) == len(ids)
    other = begin("s2", KEEN.card)
    hearing = finish(push(other, chunk(sound, 12_000, sensor_id="s2")).state)
    assert not {w.sensor_id for w in hearing.windows} - {"s2"}


def test_promises_rise_and_every_detection_comes_before_its_promise():
    """What is promised as heard is never added to."""
    detections, _, promises = heard(cut(STREETS[12_000], 12_000, range(0, 48_000, 1000)), KEEN)
    assert promises == sorted(promises)
    assert max(one.onset_ns for one in detections) < promises[-1]


def test_a_gap_ends_the_stream_and_is_counted():
    """Both sides are heard as streams of their own; nothing is made of the edges."""
    rate, sound = 12_000, STREETS[12_000]
    left, right = sound[:14_000], sound[20_000:]
    chunks = [chunk(left, rate), chunk(right, rate, 20_000)]
    detections, notices, _ = heard(chunks, KEEN)
    assert notices == ["gap"]
    assert detections == heard(chunks[:1], KEEN)[0] + heard(chunks[1:], KEEN)[0]
    assert gunshots(detections) == pytest.approx(ONSETS_S, abs=0.0006)


@pytest.mark.parametrize("at_s", [3.25, -70.0])
def test_a_clock_that_steps_back_begins_a_new_stream(at_s):
    """New sound at a time that is remembered, or at one long before: counted, and heard."""
    rate, fresh = 12_000, street(2.0, 12_000, (1.2,), seed=4)
    detections, notices, _ = heard([chunk(STREETS[rate], rate), chunk(fresh, rate, round(at_s * rate))], KEEN)
    assert notices == ["step"]
    assert gunshots(detections) == pytest.approx([*ONSETS_S, at_s + 1.2], abs=0.001)


@given(st.sets(st.integers(0, 7), min_size=1))
def test_what_is_sent_twice_is_heard_once(repeated):
    """At least once is what a bus promises."""
    rate, sound = 12_000, STREETS[12_000]
    chunks = cut(sound, rate, range(0, len(sound), 6000))
    doubled = [one for at, each in enumerate(chunks) for one in ([each, each] if at in repeated else [each])]
    detections, notices, promises = heard(doubled, KEEN)
    assert notices == ["repeated"] * len(repeated)
    assert (detections, promises) == heard(chunks, KEEN)[::2]


def test_a_re_read_of_older_chunks_is_dropped_until_it_is_new_again():
    """A source that goes back three chunks and goes on."""
    rate, sound = 12_000, STREETS[12_000]
    chunks = cut(sound, rate, range(0, len(sound), 6000))
    detections, notices, _ = heard(chunks[:6] + chunks[3:], KEEN)
    assert notices == ["repeated"] * 3
    assert detections == heard(chunks, KEEN)[0]


def test_a_sequence_that_rises_makes_a_backward_time_a_step():
    """The sensor's own count says that the chunk is new, though its sound is the same silence."""
    rate = 12_000
    hush = np.zeros(rate, np.float32)
    chunks = [chunk(hush, rate, sequence=1), chunk(hush, rate, sequence=2)]
    assert heard(chunks, KEEN)[1] == ["step"]
    assert heard([replace(one, sequence=None) for one in chunks], KEEN)[1] == ["repeated"]


def test_another_rate_begins_a_new_stream():
    """Even if the clock goes on without a gap."""
    chunks = [chunk(STREETS[12_000], 12_000), chunk(STREETS[48_000], 48_000, start_ns=START_NS + 4 * NS_PER_S)]
    detections, notices, _ = heard(chunks, KEEN)
    assert notices == ["rate"]
    assert gunshots(detections) == pytest.approx([*ONSETS_S, *(4 + one for one in ONSETS_S)], abs=0.0006)


@given(st.lists(st.integers(-19, 19), min_size=6, max_size=6))
@settings(max_examples=20)
def test_a_jitter_of_less_than_two_milliseconds_is_no_gap(jitters):
    """A sample's place is what its own chunk says; small holes are bridged, overlaps dropped."""
    rate, sound = 12_000, STREETS[12_000]
    chunks = cut(sound, rate, range(0, len(sound), 7000))
    shaken = [
        chunks[0],
        *(replace(one, start_ns=one.start_ns + j * 100_000 // 2) for one, j in zip(chunks[1:], jitters, strict=False)),
    ]
    detections, notices, _ = heard(shaken, KEEN)
    assert not notices
    assert gunshots(detections) == pytest.approx(ONSETS_S, abs=0.003)


@given(
    st.lists(
        st.tuples(st.integers(-(10**10), 10**10), st.sampled_from([1000, 8000, 44_100, 384_000]), st.integers(0, 3000)),
        max_size=8,
    )
)
@settings(max_examples=40)
def test_no_clock_makes_it_fail(moves):
    """Any times, rates and lengths, in any order."""
    rng = np.random.default_rng(0)
    chunks = [
        chunk(0.1 * rng.standard_normal(count), rate, start_ns=START_NS + jump_ns) for jump_ns, rate, count in moves
    ]
    _, notices, _ = heard(chunks, KEEN)
    assert len(notices) <= max(0, len(chunks) - 1)


NOISE = 0.01 * noise(48_000, 1, np.random.default_rng(3))
DULL = {
    "silence": np.zeros(48_000),
    "a constant": np.full(48_000, 0.5),
    "full scale": np.ones(48_000),
    "quiet noise": NOISE,
    "noise about an offset": NOISE + 0.6,
    "noise that clips throughout": np.clip(1000 * NOISE, -1, 1),
    "noise after padding": np.where(np.arange(48_000) < 21_000, 0, NOISE),
    "noise before padding": np.where(np.arange(48_000) > 21_000, 0, NOISE),
    "noise with dropouts": np.where(np.arange(48_000) % 9000 < 700, 0, NOISE),
    "not a number": np.full(48_000, np.nan),
    "noise with infinities": np.where(np.arange(48_000) % 5000 == 7, np.inf, NOISE),
}


@pytest.mark.parametrize("kind", DETECTORS)
@pytest.mark.parametrize("sound", DULL)
def test_dull_sound_is_no_gunshot(kind, sound):
    """No edge of padding, no dropout, no offset and no recorder at its limit is taken for one."""
    pieces = [
        chunk(part, 12_000, at) for at, part in zip(range(0, 48_000, 4800), np.split(DULL[sound], 10), strict=True)
    ]
    detections, _, promises = heard(pieces, DETECTORS[kind])
    assert gunshots(detections) == []
    assert len(promises) >= 4


def test_a_blast_between_numbers_that_are_none_is_heard():
    """A recorder's broken block does not deafen it."""
    sound = STREETS[12_000].copy()
    sound[500:600], sound[30_000:30_300] = np.nan, -np.inf
    assert gunshots(heard(cut(sound, 12_000, [7000]), KEEN)[0]) == pytest.approx(ONSETS_S, abs=0.001)
