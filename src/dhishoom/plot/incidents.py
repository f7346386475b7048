"""One incident: its map, and the sound of every sensor in the order of distance."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from dhishoom.core.timestamps import to_rfc3339
from dhishoom.nouns import NS_PER_S, Position
from dhishoom.plot.paper import BLUE, INK, PALE, RED, blank_figure, plain
from dhishoom.plot.sound import envelope

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from dhishoom.nouns import Chunk, Detection, Ellipse, Incident, Site

BEFORE_S, AFTER_S = 0.5, 4.0
"""Of the record section, about the shot."""


def incident_map(incident: Incident, site: Site) -> Figure:
    """Sensors that heard it and those that did not, its shots, and where it lies with the stated confidence; metres."""
    figure = blank_figure(7, 7)
    _draw_map(figure.subplots(), incident, site)
    return figure


def arrivals(
    incident: Incident, site: Site, detections: Sequence[Detection], sounds: Mapping[str, Chunk], speed_m_s: float
) -> Figure:
    """The map, and beside it every sensor's sound in the order of its distance, with the arrivals that were picked.

    Args:
        detections: Those that the incident rests on; any others are left out.
        sounds: A sensor's sound about the incident, by its id.
        speed_m_s: Of sound: the slope of the line that arrivals should follow.
    """
    figure = blank_figure(13.5, 7)
    left, right = figure.subplots(1, 2, width_ratios=[1, 1.1])
    _draw_map(left, incident, site)
    _draw_record_section(right, incident, site, sounds, speed_m_s)
    _draw_picks(right, incident, site, detections)
    return figure


def _draw_map(axes: Axes, incident: Incident, site: Site) -> None:
    heard = set(incident.sensor_ids)
    for sensor in site.sensors.values():
        if sensor.position is not None:
            colour = BLUE if sensor.sensor_id in heard else PALE
            _draw_sensor(axes, sensor.position, sensor.name or sensor.sensor_id, colour)
    for shot in incident.shots:
        if shot.position is not None:
            axes.plot(shot.position.x_m, shot.position.y_m, ".", color=RED, markersize=5, alpha=0.7)
    if incident.position is not None:
        axes.plot(incident.position.x_m, incident.position.y_m, "+", color=RED, markersize=16, markeredgewidth=2)
        if incident.ellipse is not None:
            _draw_ellipse(axes, incident.position, incident.ellipse)
    if incident.alternative is not None:
        axes.plot(incident.alternative.x_m, incident.alternative.y_m, "x", color=RED, markersize=10, alpha=0.6)
    _dress_map(axes, incident, site)


def _draw_sensor(axes: Axes, position: Position, name: str, colour: str) -> None:
    axes.plot(position.x_m, position.y_m, "^", color=colour, markersize=10)
    place = (position.x_m, position.y_m)
    axes.annotate(name, place, xytext=(0, 9), textcoords="offset points", fontsize=8, color=INK, ha="center")


def _draw_ellipse(axes: Axes, position: Position, ellipse: Ellipse) -> None:
    from matplotlib.patches import Ellipse as Outline

    angle_deg = 90 - ellipse.azimuth_deg  # matplotlib turns from +x against the clock, azimuths from +y with it
    size = (2 * ellipse.semi_major_m, 2 * ellipse.semi_minor_m)
    axes.add_patch(Outline((position.x_m, position.y_m), *size, angle=angle_deg, facecolor=RED, alpha=0.2))
    axes.add_patch(Outline((position.x_m, position.y_m), *size, angle=angle_deg, fill=False, edgecolor=RED))


def _dress_map(axes: Axes, incident: Incident, site: Site) -> None:
    axes.set_aspect("equal", adjustable="datalim")
    axes.margins(0.15)
    axes.grid(color="#eaeef2", linewidth=0.8)
    axes.set_axisbelow(True)
    origin = f"{site.origin.lat:.5f}, {site.origin.lon:.5f}" if site.origin else "the site's origin"
    axes.set_xlabel(f"metres east of {origin}", fontsize=8)
    axes.set_ylabel("metres north", fontsize=8)
    axes.set_title(_headline(incident), loc="left", fontsize=10.5, color=INK)
    plain(axes)


def _headline(incident: Incident) -> str:
    rounds = f"{incident.rounds} round{'s' if incident.rounds != 1 else ''}"
    heard = f"heard by {len(incident.sensor_ids)} sensors"
    first = f"{to_rfc3339(incident.time_ns)}   {incident.status}"
    if incident.ellipse is not None:
        first += f" within {incident.ellipse.semi_major_m:.0f} m ({incident.ellipse.confidence:.0%})"
    return f"{first}\n{rounds}, {heard}, score {incident.score:.2f}"


def _distances_m(incident: Incident, site: Site) -> dict[str, float]:
    """From the incident to the sensors that have a place; empty where the incident has none."""
    if incident.position is None:
        return {}
    here = (incident.position.x_m, incident.position.y_m, incident.position.z_m)
    places = {name: sensor.position for name, sensor in site.sensors.items() if sensor.position is not None}
    return {name: math.dist(here, (place.x_m, place.y_m, place.z_m)) for name, place in places.items()}


def _draw_record_section(
    axes: Axes, incident: Incident, site: Site, sounds: Mapping[str, Chunk], speed_m_s: float
) -> None:
    distances_m = _distances_m(incident, site)
    height_m = 0.45 * max(distances_m.values(), default=1.0) / max(1, len(distances_m))
    for name, distance_m in distances_m.items():
        if name in sounds:
            _draw_trace(axes, sounds[name], incident.time_ns, distance_m, height_m)
            label = f"{site.sensors[name].name or name}, {distance_m:.0f} m"
            axes.annotate(
                label, (-BEFORE_S, distance_m), xytext=(4, 9), textcoords="offset points", fontsize=8, color=INK
            )
    ends_m = np.array([0.0, max(distances_m.values(), default=1.0)])
    for shot in incident.shots:
        axes.plot(
            (shot.time_ns - incident.time_ns) / NS_PER_S + ends_m / speed_m_s,
            ends_m,
            color=RED,
            linewidth=0.8,
            alpha=0.5,
        )
    axes.set_xlim(-BEFORE_S, AFTER_S)
    axes.set_xlabel("seconds after the first shot", fontsize=8)
    axes.set_ylabel("metres from the shot", fontsize=8)
    axes.set_title(f"Sound at each sensor; lines: sound at {speed_m_s:.1f} m/s", loc="left", fontsize=10.5, color=INK)
    plain(axes)


def _draw_trace(axes: Axes, chunk: Chunk, zero_ns: int, at_m: float, height_m: float) -> None:
    times_s, lowest, highest = envelope(chunk)
    times_s = times_s + (chunk.start_ns - zero_ns) / NS_PER_S
    shown = (times_s >= -BEFORE_S) & (times_s <= AFTER_S)
    if not shown.any():
        return
    scale = height_m / max(1e-6, float(np.abs([lowest[shown], highest[shown]]).max()))
    axes.fill_between(
        times_s[shown], at_m + scale * lowest[shown], at_m + scale * highest[shown], color=INK, linewidth=0.4
    )


def _draw_picks(axes: Axes, incident: Incident, site: Site, detections: Sequence[Detection]) -> None:
    distances_m = _distances_m(incident, site)
    rests_on = {name for shot in incident.shots for name in shot.detection_ids}
    picks = [one for one in detections if one.detection_id in rests_on and one.sensor_id in distances_m]
    times_s = [(one.onset_ns - incident.time_ns) / NS_PER_S for one in picks]
    axes.plot(
        times_s, [distances_m[one.sensor_id] for one in picks], "|", color=RED, markersize=22, markeredgewidth=1.6
    )
