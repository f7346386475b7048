"""Onsets against listed arrivals: signs, figures, and the command that prints them."""

from __future__ import annotations

import json
import math

import pytest

from dhishoom.evaluate.onsets import errors, main


def test_later_is_positive_and_percentiles_are_of_absolute_values():
    """Two early, two late: the bias is their median, the rest forgets the sign."""
    told = errors("x", [-0.002, -0.001, 0.002, 0.005])
    assert (told.count, told.bias_ms, told.mean_ms) == (4, pytest.approx(0.5), pytest.approx(1.0))
    assert (told.median_ms, told.max_ms) == (pytest.approx(2.0), pytest.approx(5.0))
    assert math.isnan(errors("none", []).bias_ms)


def test_the_command_tells_known_shots_to_a_millisecond(live_fire, capsys):
    """Two positions, two sensors, one shot each: all heard, by the baseline, within a millisecond of the truth."""
    main([str(live_fire), "--model", "energy"])
    lines = capsys.readouterr().out.splitlines()
    told = json.loads(lines[-1])
    rows = {row["name"]: row for row in told["rows"]}
    assert told["listed"] == rows["heard"]["count"] == rows["picker alone"]["count"] == 4
    assert rows["heard"]["max_ms"] < 1.0
    assert [name for name in rows if name.startswith("heard, ")] == ["heard, FP1", "heard, FP2"]
