"""What is held until an incident rests on it, and what becomes of the rest."""

from __future__ import annotations

from dhishoom.nouns import GUNSHOT, Detection, Incident, Shot, derived_id
from dhishoom.service.candidates import HELD_MAX, HELD_NS, Candidates
from dhishoom.service.hearing import Candidate


def candidate(at: int) -> Detection:
    """The one at this many milliseconds."""
    return Detection(
        detection_id=derived_id(at),
        sensor_id="s1",
        onset_ns=at * 1_000_000,
        sigma_s=0.001,
        score=0.6,
        label=GUNSHOT,
        classes={GUNSHOT: 0.6},
        snr_db=12.0,
        model="toy",
    )


def resting_on(*detections: Detection) -> Incident:
    """An incident of one round."""
    names = tuple(one.detection_id for one in detections)
    shot = Shot(
        time_ns=0, position=None, ellipse=None, residual_ms=0.0, sensor_ids=("s1",) * len(names), detection_ids=names
    )
    return Incident(
        incident_id="one",
        revision=1,
        status="unlocated",
        time_ns=0,
        position=None,
        ellipse=None,
        rounds=1,
        rounds_low=1,
        rounds_high=1,
        fire="single",
        shots=(shot,),
        score=0.9,
        sensor_ids=("s1",),
        reason="a test",
    )


def held(*detections: Detection) -> Candidates:
    """After their sound was taken."""
    made = Candidates()
    made.expect(detections)
    assert list(made.take(Candidate(detection=one, sound=None) for one in detections)) == []
    return made


def test_an_incident_claims_what_it_rests_on_once() -> None:
    """Claimed once, and nothing else with it; a later revision claims nothing again."""
    one, other = candidate(1), candidate(2)
    candidates = held(one, other)
    assert [each.detection for each in candidates.claim([resting_on(one)])] == [one]
    assert list(candidates.claim([resting_on(one)])) == []


def test_what_is_claimed_before_its_sound_has_come_is_told_with_it() -> None:
    """An early incident does not lose the sound that is still being heard."""
    one, candidates = candidate(1), Candidates()
    candidates.expect([one])
    assert list(candidates.claim([resting_on(one)])) == []
    assert candidates.awaits(one.detection_id)
    assert [each.detection for each in candidates.take([Candidate(detection=one, sound=None)])] == [one]
    assert not candidates.awaits(one.detection_id)


def test_no_more_are_held_than_are_allowed() -> None:
    """The oldest are forgotten; an incident that rests on one goes without its row."""
    every = [candidate(at) for at in range(HELD_MAX + 1)]
    candidates = held(*every)
    assert list(candidates.claim([resting_on(every[0])])) == []
    assert [one.detection for one in candidates.claim([resting_on(every[1])])] == [every[1]]


def test_what_nobody_claims_for_long_is_forgotten() -> None:
    """Half a minute of the data's time: its sound is gone from memory."""
    old, new = candidate(1), candidate(2 + HELD_NS // 1_000_000)
    candidates = held(old, new)
    assert list(candidates.claim([resting_on(old)])) == []
    assert [one.detection for one in candidates.claim([resting_on(new)])] == [new]
