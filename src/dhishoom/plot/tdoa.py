"""Why an incident lies where it does: the hyperbolas that differences of arrival draw, through its ellipse."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dhishoom.core.propagation import Air, air_of, travel_s
from dhishoom.errors import UsageError
from dhishoom.nouns import NS_PER_S
from dhishoom.plot.incidents import incident_map
from dhishoom.plot.paper import BLUE, INK

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from dhishoom.nouns import Detection, Incident, Position, Shot, Site

GRID = 400
"""Points a side at which the differences are computed."""
MARGIN = 0.12
"""Of the width, about the sensors."""
Floats = NDArray[np.float64]


def tdoa(incident: Incident, site: Site, detections: Sequence[Detection], shot: int | None = None) -> Figure:
    """The map of an incident with one hyperbola for each further sensor: where sound reaches it and the first sensor
    with the difference that was heard.

    Args:
        detections: Those that the incident rests on; any others are left out.
        shot: Index of the shot; None: the one that most sensors heard.
    """
    one = _chosen(incident, shot)
    heard = _heard(one, site, detections)
    if len(heard) < 2:
        raise UsageError("no two sensors of this shot have a place and a detection: there is no difference to draw.")
    figure = incident_map(incident, site)
    axes = figure.axes[0]
    _draw_hyperbolas(axes, one, heard, site)
    return figure


def _chosen(incident: Incident, index: int | None) -> Shot:
    if not incident.shots:
        raise UsageError("this incident has no shot to draw.")
    if index is None:
        return max(incident.shots, key=lambda one: len(one.sensor_ids))
    try:
        return incident.shots[index]
    except IndexError as error:
        raise UsageError(f"this incident has {len(incident.shots)} shots; {index} is none of them.") from error


def _heard(shot: Shot, site: Site, detections: Sequence[Detection]) -> list[tuple[Position, int]]:
    """Place and onset of every sensor that heard it, the first to hear it first."""
    onsets = {one.detection_id: one.onset_ns for one in detections}
    pairs = zip(shot.sensor_ids, shot.detection_ids, strict=True)
    placed = [(site.sensors[name].position, onsets[pick]) for name, pick in pairs if pick in onsets]
    return sorted(((place, onset) for place, onset in placed if place is not None), key=lambda pair: pair[1])


def _draw_hyperbolas(axes: Axes, shot: Shot, heard: Sequence[tuple[Position, int]], site: Site) -> None:
    east, north = _mesh(axes)
    sources = np.column_stack([east.ravel(), north.ravel()])
    height_m = shot.position.z_m if shot.position else float(np.mean([place.z_m for place, _ in heard]))
    air = air_of(site.weather)
    first = _travel_s(sources, height_m, heard[0][0], air)
    for place, onset in heard[1:]:
        later_s = (onset - heard[0][1]) / NS_PER_S
        off = (_travel_s(sources, height_m, place, air) - first - later_s).reshape(east.shape)
        axes.contour(east, north, off, levels=[0.0], colors=BLUE, linewidths=0.9, alpha=0.5, zorder=1)
    first_place = heard[0][0]
    axes.plot(first_place.x_m, first_place.y_m, "o", color=BLUE, markersize=16, fillstyle="none", markeredgewidth=1.2)
    axes.set_adjustable("box")
    axes.set_xlim(east.min(), east.max())
    axes.set_ylim(north.min(), north.max())
    note = f"lines: the difference of arrival between the circled sensor and {len(heard) - 1} others"
    axes.annotate(note, (0.01, 0.01), xycoords="axes fraction", fontsize=8, color=INK)


def _mesh(axes: Axes) -> tuple[Floats, Floats]:
    """A square about everything that is drawn."""
    box = axes.dataLim
    half = (0.5 + MARGIN) * max(box.width, box.height, 50.0)
    middle_x, middle_y = box.x0 + box.width / 2, box.y0 + box.height / 2
    east, north = np.meshgrid(
        np.linspace(middle_x - half, middle_x + half, GRID), np.linspace(middle_y - half, middle_y + half, GRID)
    )
    return east, north


def _travel_s(sources: Floats, height_m: float, place: Position, air: Air) -> Floats:
    return travel_s(sources, height_m, np.array([[place.x_m, place.y_m, place.z_m]]), air)[:, 0]
