"""`dhishoom locate`: where and when shots were fired, from picks made by hand or by other systems."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dhishoom.cli import output
from dhishoom.core.association import associate_all
from dhishoom.core.geometry import place_of
from dhishoom.core.timestamps import to_rfc3339
from dhishoom.core.wind import site_with_wind
from dhishoom.errors import UsageError
from dhishoom.messages import incident_to_json
from dhishoom.sources.picks import read_picks

if TYPE_CHECKING:
    from rich.table import Table

    from dhishoom.nouns import Detection, Incident, Site, Weather


def locate(
    path: Annotated[Path, typer.Argument(metavar="PICKS.json", help="Sensors and picks, or an array of pulses.")],
    as_json: Annotated[bool, typer.Option("--json", help="One incident a line, as JSON.")] = False,
    temperature: Annotated[
        float | None, typer.Option(help="Of the air in degrees Celsius; else as the file says, else 15.")
    ] = None,
    estimate_wind: Annotated[bool, typer.Option(help="Find the wind that the located shots show.")] = False,
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE.png", help="Draw the first located incident and its hyperbolas.")
    ] = None,
) -> None:
    """Associate picks and locate the shots they are of.

    PICKS.json holds {"temperature_c": 20, "sensors": {"s1": {"x": 0, "y": 0, "z": 3}},
    "picks": [{"sensor_id": "s1", "time": "2018-12-19T00:49:26.512345Z", "sigma_s": 0.001}]}
    in metres and UTC, or the array of an allpulses.json of the live-fire set. Nothing says which picks belong together.

    Example: dhishoom locate picks.json --json --plot shot.png
    """
    picks = read_picks(path, temperature)
    for problem in picks.problems:
        output.warn(problem)
    site = picks.site
    incidents = associate_all(site, picks.detections)
    if estimate_wind:
        site = site_with_wind(site, incidents, picks.detections)
        incidents = associate_all(site, picks.detections)
        output.say(_wind(site.weather))
    if as_json:
        for incident in incidents:
            output.print_json(incident_to_json(incident, place_of(site)))
    elif incidents:
        output.print_result(_table(incidents))
    else:
        output.say(f"{len(picks.detections)} picks of {len(site.sensors)} sensors make no incident.")
    if plot is not None:
        _draw(plot, incidents, site, picks.detections)


def _wind(weather: Weather) -> str:
    speed = math.hypot(weather.wind_east_m_s, weather.wind_north_m_s)
    return f"wind {speed:.1f} m/s: {weather.wind_east_m_s:+.1f} east, {weather.wind_north_m_s:+.1f} north."


def _draw(path: Path, incidents: Sequence[Incident], site: Site, detections: Sequence[Detection]) -> None:
    from dhishoom.plot import png, tdoa

    located = [one for one in incidents if one.position]
    if not located:
        output.warn(f"{path} is not written: no incident is located.")
        return
    try:
        path.write_bytes(png(tdoa(located[0], site, detections)))
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}. Name another file with --plot.") from error


def _table(incidents: Sequence[Incident]) -> Table:
    columns = ("time", "status", "x, y (m)", "95 % (m)", "rounds", "fire", "sensors", "")
    return output.table("", columns, [_row(one) for one in incidents], right=("95 % (m)", "rounds", "sensors"))


def _row(incident: Incident) -> list[str]:
    place, ellipse = incident.position, incident.ellipse
    return [
        to_rfc3339(incident.time_ns),
        incident.status,
        f"{place.x_m:.1f}, {place.y_m:.1f}" if place else "",
        f"{ellipse.semi_major_m:.1f} × {ellipse.semi_minor_m:.1f}" if ellipse else "",
        str(incident.rounds),
        incident.fire.replace("_", " "),
        str(len(incident.sensor_ids)),
        incident.reason,
    ]
