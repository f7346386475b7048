"""Which incidents are told to whom, and what a dispatcher reads."""

from __future__ import annotations

from dataclasses import replace
from datetime import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhishoom.nouns import NS_PER_S, Alert, Ellipse, Incident, Position
from dhishoom.service.rules import Hours, Rule, cooling, inside, kind_of

NOON_NS = 1_700_000_000 * NS_PER_S - 1_700_000_000 % 86_400 * NS_PER_S + 12 * 3600 * NS_PER_S
SQUARE = tuple(Position(x_m=x, y_m=y) for x, y in ((0, 0), (100, 0), (100, 100), (0, 100)))
RULE = Rule(name="all", sinks=("console",))


def incident(**changes: Any) -> Incident:
    """A located single shot that everybody would want to know of."""
    first = Incident(
        incident_id="1f",
        revision=1,
        status="located",
        time_ns=NOON_NS,
        position=Position(x_m=50.0, y_m=50.0),
        ellipse=Ellipse(semi_major_m=8.0, semi_minor_m=4.0, azimuth_deg=0.0),
        rounds=1,
        rounds_low=1,
        rounds_high=1,
        fire="single",
        shots=(),
        score=0.97,
        sensor_ids=("s1", "s2", "s3"),
    )
    return replace(first, **changes)


def told(of: Incident, kind: Any = "new", *, created_ns: int = NOON_NS) -> Alert:
    """An alert of it."""
    return Alert(alert_id="", kind=kind, incident=of, text="", created_ns=created_ns, expires_ns=created_ns)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (RULE, True),
        (replace(RULE, score_min=0.98), False),
        (replace(RULE, sensors_min=4), False),
        (replace(RULE, area=SQUARE), True),
        (replace(RULE, area=tuple(replace(corner, x_m=corner.x_m + 500) for corner in SQUARE)), False),
        (replace(RULE, hours=Hours(begin=time(22), end=time(6))), False),
        (replace(RULE, hours=Hours(begin=time(11), end=time(13))), True),
        (replace(RULE, hours=Hours(begin=time(22), end=time(6), timezone="Asia/Tokyo")), False),
        (replace(RULE, hours=Hours(begin=time(20, 30), end=time(6), timezone="Asia/Tokyo")), True),
    ],
)
def test_a_rule_says_which_incidents_count(rule: Rule, expected: bool) -> None:
    """Score, sensors, area and hours in the site's own time each keep an incident from being told."""
    assert rule.applies(incident()) is expected


@given(x_m=st.floats(-50, 150), y_m=st.floats(-50, 150))
def test_inside_a_square_is_inside_its_bounds(x_m: float, y_m: float) -> None:
    """Crossing counts agree with plain comparison on a square."""
    within = 0 < x_m < 100 and 0 < y_m < 100
    on_edge = x_m in {0.0, 100.0} or y_m in {0.0, 100.0}
    assert on_edge or inside(Position(x_m=x_m, y_m=y_m), SQUARE) is within


def test_a_revision_updates_only_what_a_dispatcher_would_read() -> None:
    """More rounds or another place are told; a place that moved within its own error is not."""
    before = [told(incident())]
    moved_little = incident(revision=2, position=Position(x_m=53.0, y_m=50.0))
    moved_far = incident(revision=2, position=Position(x_m=70.0, y_m=50.0))
    assert kind_of(RULE, incident(), [], None) == "new"
    assert kind_of(RULE, incident(), before, None) is None
    assert kind_of(RULE, moved_little, before, None) is None
    assert kind_of(RULE, moved_far, before, None) == "update"
    assert kind_of(RULE, incident(revision=2, rounds=3), before, None) == "update"


def test_a_dismissal_cancels_what_was_told_once() -> None:
    """Nobody hears of the end of something they were never told, nor twice."""
    new, cancel = told(incident()), told(incident(), "cancel")
    assert kind_of(RULE, incident(), [], "dismissed") is None
    assert kind_of(RULE, incident(), [new], "dismissed") == "cancel"
    assert kind_of(RULE, incident(revision=2), [new, cancel], "dismissed") is None


@pytest.mark.parametrize("verdict", ["confirmed", "unsure", None])
def test_a_dismissal_taken_back_is_told_again(verdict: Any) -> None:
    """A slip of the hand must not leave a shot cancelled."""
    before = [told(incident()), told(incident(), "cancel")]
    assert kind_of(RULE, incident(), before, verdict) == "update"
    assert kind_of(RULE, incident(score=0.2), before, verdict) is None


def test_one_of_two_places_in_the_area_is_enough() -> None:
    """An ambiguous shot that may have been fired here is told here."""
    rule = replace(RULE, area=SQUARE)
    outside, within = Position(x_m=500.0, y_m=50.0), Position(x_m=50.0, y_m=50.0)
    assert rule.applies(incident(position=outside, alternative=within))
    assert not rule.applies(incident(position=outside, alternative=outside))
    assert rule.applies(incident(position=None))


def test_a_revision_that_no_longer_counts_is_cancelled() -> None:
    """An alert whose ground has gone is taken back."""
    assert kind_of(RULE, incident(revision=2, score=0.2), [told(incident())], None) == "cancel"


def test_cooldown_is_for_the_same_neighbourhood() -> None:
    """A second incident near by is quiet for a while; one across town is not."""
    rule = replace(RULE, cooldown_s=60.0, cooldown_m=150.0)
    soon = NOON_NS + 20 * NS_PER_S
    before = [told(incident())]
    assert cooling(rule, incident(incident_id="2f", time_ns=soon), before)
    assert not cooling(rule, incident(incident_id="2f", time_ns=soon, position=Position(x_m=900.0, y_m=0.0)), before)
    assert not cooling(rule, incident(incident_id="2f", time_ns=NOON_NS + 61 * NS_PER_S), before)
    assert not cooling(rule, incident(revision=2), before)


def test_a_cancelled_alert_cools_nothing() -> None:
    """A real shot next door is told, though a firework a moment ago was told and taken back."""
    rule = replace(RULE, cooldown_s=60.0)
    cancelled = [told(incident(), "cancel", created_ns=NOON_NS + 5), told(incident())]
    assert not cooling(rule, incident(incident_id="2f", time_ns=NOON_NS + NS_PER_S), cancelled)
