"""Sensors that are deceived by themselves: what association makes of it."""

from __future__ import annotations

from dhishoom.evaluate.false_incidents import false_incidents


def test_errors_that_have_nothing_to_do_with_each_other_are_not_located() -> None:
    """Once an hour each, for five days: about 720 detections, none of them a place; the same by seed."""
    located, unlocated = false_incidents(1.0, 0.0, 5, seed=0)
    assert located == 0
    assert 500 < unlocated < 900
    assert (located, unlocated) == false_incidents(1.0, 0.0, 5, seed=0)


def test_a_site_that_is_deceived_all_the_time_locates_some_of_it() -> None:
    """Every minute each: three agree by chance at times, so the simulation can show that association fails."""
    assert false_incidents(60.0, 0.0, 1, seed=0)[0] > 0
