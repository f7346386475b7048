"""Claims about the figure of an incident's hyperbolas."""

from __future__ import annotations

import numpy as np
import pytest

from dhishoom.core.acoustics import speed_of_sound_m_s
from dhishoom.core.association import associate_all
from dhishoom.errors import UsageError
from tests.core.scenery import WEATHER, Fired, Noise, heard, site_of

plot = pytest.importorskip("dhishoom.plot")
pytest.importorskip("matplotlib")

PLACES = np.array([[0, 0], [500, 20], [480, 520], [10, 470], [240, 260]], float)


@pytest.fixture(scope="module")
def told():
    """An incident of two rounds, its site and its picks."""
    shots = [Fired((200.0, 150.0), (0.0, 0.7))]
    made = heard(site_of(PLACES), shots, speed_of_sound_m_s(WEATHER), np.random.default_rng(0), Noise(sigma_s=0.001))
    (incident,) = associate_all(made.site, made.picks)
    return incident, made.site, made.picks


def test_every_further_sensor_draws_a_hyperbola_through_the_place(told) -> None:
    """Five sensors: four curves, each passing within a few metres of where the shot was."""
    axes = plot.tdoa(*told).axes[0]
    curves = [one.get_paths()[0].vertices for one in axes.collections if one.get_paths()]
    near = [np.hypot(*(curve - [200.0, 150.0]).T).min() for curve in curves]
    assert len(near) == 4
    assert max(near) < 8


def test_any_shot_of_the_burst_may_be_drawn(told) -> None:
    """By its index; one that is not there is refused in words."""
    assert plot.tdoa(*told, shot=1).axes
    with pytest.raises(UsageError, match="2 shots"):
        plot.tdoa(*told, shot=5)


def test_an_incident_without_its_detections_is_refused(told) -> None:
    """There is no difference to draw."""
    incident, site, _ = told
    with pytest.raises(UsageError, match="no two sensors"):
        plot.tdoa(incident, site, [])
