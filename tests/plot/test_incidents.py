"""The map and the record section show what the incident says."""

from __future__ import annotations

import math

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from dhishoom import plot
from dhishoom.nouns import (
    NS_PER_S,
    Chunk,
    Detection,
    Ellipse,
    Incident,
    Position,
    Sensor,
    Shot,
    Site,
)

RATE = 4000
PLACES = {"near": (0.0, 100.0), "far": (600.0, 0.0), "deaf": (-50.0, 400.0)}
SITE = Site(
    sensors={name: Sensor(sensor_id=name, position=Position(x_m=x, y_m=y)) for name, (x, y) in PLACES.items()}
    | {"lost": Sensor(sensor_id="lost", name="without a place")}
)
HERE = Position(x_m=0.0, y_m=0.0)
ELLIPSE = Ellipse(semi_major_m=80.0, semi_minor_m=10.0, azimuth_deg=30.0)


def detection(sensor_id: str, onset_s: float) -> Detection:
    """A gunshot."""
    return Detection(
        detection_id=f"{sensor_id}{onset_s}",
        sensor_id=sensor_id,
        onset_ns=round(onset_s * NS_PER_S),
        sigma_s=0.001,
        score=0.9,
        label="gunshot",
        classes={},
        snr_db=20.0,
        model="m",
    )


DETECTIONS = (detection("near", 10.3), detection("far", 11.8), detection("deaf", 12.0))
SHOT = Shot(
    time_ns=10 * NS_PER_S,
    position=HERE,
    ellipse=ELLIPSE,
    residual_ms=1.0,
    sensor_ids=("near", "far"),
    detection_ids=("near10.3", "far11.8"),
)
INCIDENT = Incident(
    incident_id="i",
    revision=1,
    status="located",
    time_ns=10 * NS_PER_S,
    position=HERE,
    ellipse=ELLIPSE,
    rounds=1,
    rounds_low=1,
    rounds_high=1,
    fire="single",
    shots=(SHOT,),
    score=0.97,
    sensor_ids=("near", "far"),
)


def sound(sensor_id: str) -> Chunk:
    """Ten seconds of noise from second 5 on."""
    samples = np.random.default_rng(1).standard_normal(10 * RATE).astype(np.float32) / 10
    return Chunk(sensor_id=sensor_id, start_ns=5 * NS_PER_S, sample_rate=RATE, samples=samples)


def test_the_ellipse_points_where_its_azimuth_says() -> None:
    """Thirty degrees east of north: its far end lies 80 m off, at (40, 69)."""
    axes = plot.incident_map(INCIDENT, SITE).axes[0]
    outline = axes.patches[0]

    end = outline.get_patch_transform().transform((1.0, 0.0))

    assert tuple(abs(end)) == pytest.approx((80 * math.sin(math.pi / 6), 80 * math.cos(math.pi / 6)), abs=0.1)
    assert end[0] * end[1] > 0


def test_the_map_tells_who_heard_it() -> None:
    """Sensors with a place, those that heard it in another colour, and a headline with rounds and sensors."""
    axes = plot.incident_map(INCIDENT, SITE).axes[0]

    colours = {text.get_text(): line.get_color() for text, line in zip(axes.texts, axes.lines, strict=False)}
    assert set(colours) == set(PLACES)
    assert colours["near"] == colours["far"] != colours["deaf"]
    assert "1 round, heard by 2 sensors, score 0.97" in axes.get_title(loc="left")
    assert "95% ellipse 80 m × 10 m" in axes.get_title(loc="left")


def test_the_record_section_is_ordered_by_distance() -> None:
    """Nearest at the bottom with its distance; a sensor without a place stands above, where it has sound."""
    figure = plot.arrivals(INCIDENT, SITE, DETECTIONS, {name: sound(name) for name in (*PLACES, "lost")})
    section = figure.axes[1]

    labels = [label.get_text() for label in section.get_yticklabels()]
    assert labels == ["near\n100 m", "deaf\n403 m", "far\n600 m", "without a place"]


def test_picks_stand_where_they_were_heard() -> None:
    """Those of the shot in one colour, a gunshot that no shot took in another; all in seconds after the first shot."""
    section = plot.arrivals(INCIDENT, SITE, DETECTIONS, {}).axes[1]

    ticks = {line.get_color(): list(line.get_xdata()) for line in section.lines if line.get_marker() == "|"}
    assert sorted(ticks.values()) == [pytest.approx([0.3, 1.8]), pytest.approx([2.0])]


def test_the_span_reaches_from_before_the_shot_until_it_has_passed() -> None:
    """Half a second before; at 340 m/s the farthest sensor hears it 1.76 s after, and a second more is shown."""
    since_ns, until_ns = plot.span_ns(INCIDENT, SITE)

    assert since_ns == round(9.5 * NS_PER_S)
    assert until_ns / NS_PER_S == pytest.approx(10 + 600 / 340.3 + 1, abs=0.02)


def test_an_incident_without_a_place_is_drawn() -> None:
    """No ellipse, no distances: sensors by name, and a picture all the same."""
    unlocated = Incident(
        incident_id="i",
        revision=1,
        status="unlocated",
        time_ns=10 * NS_PER_S,
        position=None,
        ellipse=None,
        rounds=1,
        rounds_low=1,
        rounds_high=1,
        fire="single",
        shots=(),
        score=0.6,
        sensor_ids=("near",),
    )

    figure = plot.arrivals(unlocated, SITE, DETECTIONS, {"near": sound("near")})

    assert [label.get_text() for label in figure.axes[1].get_yticklabels()] == ["near"]
    assert plot.png(figure).startswith(b"\x89PNG")
