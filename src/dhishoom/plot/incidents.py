"""One incident: its map, and the sound of every sensor in the order of distance."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from dhishoom.core.propagation import air_of
from dhishoom.core.timestamps import to_rfc3339
from dhishoom.nouns import NS_PER_S, Position
from dhishoom.plot.paper import BLUE, INK, PALE, RED, blank_figure, plain
from dhishoom.plot.sound import envelope

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from dhishoom.nouns import Chunk, Detection, Ellipse, Incident, Shot, Site

BEFORE_S, AFTER_S = 0.5, 1.0
"""Of the record section, before the first shot and after the last has passed every sensor."""
UNPLACED_S = 3.0
"""How long a sound may take to pass where no place is known."""
TRACE_SHARE = 0.38
"""Of the room between two traces that the louder half of one takes."""
GRID = "#eaeef2"


def incident_map(incident: Incident, site: Site) -> Figure:
    """Sensors that heard it and those that did not, its shots, and where it lies with the stated confidence; metres."""
    figure = blank_figure(7, 7)
    _draw_map(figure.subplots(), incident, site)
    return figure


def arrivals(incident: Incident, site: Site, detections: Sequence[Detection], sounds: Mapping[str, Chunk]) -> Figure:
    """The map, and beside it every sensor's sound in the order of its distance, with the arrivals that were picked.

    Args:
        detections: Those that the incident rests on in red, other gunshots in blue; any others are left out.
        sounds: A sensor's sound within `span_ns`, by its id.
    """
    figure = blank_figure(13.5, 7)
    left, right = figure.subplots(1, 2, width_ratios=[1, 1.25])
    _draw_map(left, incident, site)
    _draw_record_section(right, incident, site, detections, sounds)
    return figure


def span_ns(incident: Incident, site: Site) -> tuple[int, int]:
    """From when to when the record section of an incident reaches."""
    farthest_m = max(_distances_m(incident, site).values(), default=UNPLACED_S * air_of(site.weather).speed_m_s)
    last_ns = max((shot.time_ns for shot in incident.shots), default=incident.time_ns)
    after_s = farthest_m / air_of(site.weather).speed_m_s + AFTER_S
    return incident.time_ns - round(BEFORE_S * NS_PER_S), last_ns + round(after_s * NS_PER_S)


def _draw_map(axes: Axes, incident: Incident, site: Site) -> None:
    heard = set(incident.sensor_ids)
    for sensor in site.sensors.values():
        if sensor.position is not None:
            colour = BLUE if sensor.sensor_id in heard else PALE
            _draw_sensor(axes, sensor.position, sensor.name or sensor.sensor_id, colour)
    if incident.position is not None and incident.ellipse is not None:
        _draw_ellipse(axes, incident.position, incident.ellipse)
    _draw_shots(axes, incident.shots)
    if incident.position is not None:
        axes.plot(incident.position.x_m, incident.position.y_m, "+", color=RED, markersize=13, markeredgewidth=1.6)
    if incident.alternative is not None:
        axes.plot(incident.alternative.x_m, incident.alternative.y_m, "x", color=RED, markersize=10, alpha=0.6)
    _dress_map(axes, incident, site)


def _draw_shots(axes: Axes, shots: Sequence[Shot]) -> None:
    """Each shot where it alone was located."""
    places = [shot.position for shot in shots if shot.position is not None]
    axes.plot([one.x_m for one in places], [one.y_m for one in places], ".", color=RED, markersize=5, alpha=0.6)


def _draw_sensor(axes: Axes, position: Position, name: str, colour: str) -> None:
    axes.plot(position.x_m, position.y_m, "^", color=colour, markersize=9)
    place = (position.x_m, position.y_m)
    axes.annotate(name, place, xytext=(0, 8), textcoords="offset points", fontsize=8, color=INK, ha="center")


def _draw_ellipse(axes: Axes, position: Position, ellipse: Ellipse) -> None:
    from matplotlib.patches import Ellipse as Outline

    angle_deg = 90 - ellipse.azimuth_deg  # matplotlib turns from +x against the clock, azimuths from +y with it
    size = (2 * ellipse.semi_major_m, 2 * ellipse.semi_minor_m)
    axes.add_patch(Outline((position.x_m, position.y_m), *size, angle=angle_deg, facecolor=RED, alpha=0.15))
    axes.add_patch(Outline((position.x_m, position.y_m), *size, angle=angle_deg, fill=False, edgecolor=RED))


def _dress_map(axes: Axes, incident: Incident, site: Site) -> None:
    axes.set_aspect("equal", adjustable="datalim")
    axes.margins(0.15)
    axes.grid(color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    origin = f"{site.origin.lat:.5f}, {site.origin.lon:.5f}" if site.origin else "the site's origin"
    axes.set_xlabel(f"metres east of {origin}", fontsize=8)
    axes.set_ylabel("metres north", fontsize=8)
    axes.set_title(_headline(incident), loc="left", fontsize=10.5, color=INK)
    plain(axes)


def _headline(incident: Incident) -> str:
    rounds = f"{incident.rounds} round{'s' if incident.rounds != 1 else ''}"
    heard = f"heard by {len(incident.sensor_ids)} sensors"
    first = f"{to_rfc3339(incident.time_ns)[:-5]}Z   {incident.status}"
    if incident.ellipse is not None:
        size = f"{incident.ellipse.semi_major_m:.0f} m × {incident.ellipse.semi_minor_m:.0f} m"
        first += f", {incident.ellipse.confidence:.0%} ellipse {size}"
    return f"{first}\n{rounds}, {heard}, score {incident.score:.2f}"


def _distances_m(incident: Incident, site: Site) -> dict[str, float]:
    """From the incident to the sensors that have a place, nearest first; empty where the incident has none."""
    if incident.position is None:
        return {}
    here = (incident.position.x_m, incident.position.y_m, incident.position.z_m)
    places = {name: sensor.position for name, sensor in site.sensors.items() if sensor.position is not None}
    distances = {name: math.dist(here, (place.x_m, place.y_m, place.z_m)) for name, place in places.items()}
    return dict(sorted(distances.items(), key=lambda one: one[1]))


def _draw_record_section(
    axes: Axes, incident: Incident, site: Site, detections: Sequence[Detection], sounds: Mapping[str, Chunk]
) -> None:
    """One row a sensor, nearest at the bottom; rows are evenly spaced, for distances may be alike."""
    distances_m = _distances_m(incident, site)
    rows = {name: row for row, name in enumerate([*distances_m, *sorted(sounds.keys() - distances_m.keys())])}
    since_ns, until_ns = span_ns(incident, site)
    for name, row in rows.items():
        if name in sounds:
            _draw_trace(axes, sounds[name], (since_ns, until_ns), incident.time_ns, row)
    _draw_picks(axes, incident, detections, rows)
    _name_rows(axes, site, rows, distances_m)
    axes.set_xlim((since_ns - incident.time_ns) / NS_PER_S, (until_ns - incident.time_ns) / NS_PER_S)
    axes.set_ylim(-0.6, max(len(rows), 1) - 0.4)
    axes.set_xlabel(
        "seconds after the first shot" if incident.position else "seconds after the first arrival", fontsize=8
    )
    axes.set_title(
        "What each sensor heard, nearest at the bottom\nred: arrivals of these rounds; blue: other gunshots",
        loc="left",
        fontsize=10.5,
        color=INK,
    )
    plain(axes)


def _name_rows(axes: Axes, site: Site, rows: Mapping[str, int], distances_m: Mapping[str, float]) -> None:
    names = {name: (site.sensors[name].name if name in site.sensors else "") or name for name in rows}
    labels = [f"{names[name]}\n{distances_m[name]:.0f} m" if name in distances_m else names[name] for name in rows]
    axes.set_yticks(list(rows.values()), labels, fontsize=8)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)


def _draw_trace(axes: Axes, chunk: Chunk, span: tuple[int, int], zero_ns: int, row: int) -> None:
    """The sound, scaled to its own loudest moment."""
    times_s, lowest, highest = envelope(chunk)
    times_s = times_s + (chunk.start_ns - zero_ns) / NS_PER_S
    shown = (times_s >= (span[0] - zero_ns) / NS_PER_S) & (times_s <= (span[1] - zero_ns) / NS_PER_S)
    if not shown.any():
        return
    scale = TRACE_SHARE / max(1e-6, float(np.abs([lowest[shown], highest[shown]]).max()))
    axes.fill_between(
        times_s[shown], row + scale * lowest[shown], row + scale * highest[shown], color=INK, linewidth=0.5
    )


def _draw_picks(axes: Axes, incident: Incident, detections: Sequence[Detection], rows: Mapping[str, int]) -> None:
    """The picks that the shots rest on, those of one shot joined across the sensors, and gunshots that no shot took."""
    heard = {one.detection_id: one for one in detections if one.sensor_id in rows}
    used = {name for shot in incident.shots for name in shot.detection_ids}
    _tick(
        axes, incident, [one for one in heard.values() if one.is_gunshot and one.detection_id not in used], rows, BLUE
    )
    for shot in incident.shots:
        picks = [heard[name] for name in shot.detection_ids if name in heard]
        picks.sort(key=lambda one: rows[one.sensor_id])
        _tick(axes, incident, picks, rows, RED)
        times_s = [(one.onset_ns - incident.time_ns) / NS_PER_S for one in picks]
        axes.plot(times_s, [rows[one.sensor_id] for one in picks], color=RED, linewidth=0.8, alpha=0.35)


def _tick(axes: Axes, incident: Incident, picks: Sequence[Detection], rows: Mapping[str, int], colour: str) -> None:
    times_s = [(one.onset_ns - incident.time_ns) / NS_PER_S for one in picks]
    heights = [rows[one.sensor_id] for one in picks]
    axes.plot(times_s, heights, "|", color=colour, markersize=20, markeredgewidth=1.4)
