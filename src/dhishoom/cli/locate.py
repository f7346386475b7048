"""`dhishoom locate`: where and when shots were fired, from picks made by hand or by other systems."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dhishoom.cli import output
from dhishoom.core.association import associate_all
from dhishoom.core.geometry import place_of
from dhishoom.core.timestamps import to_rfc3339
from dhishoom.messages import incident_to_json
from dhishoom.sources.picks import read_picks

if TYPE_CHECKING:
    from rich.table import Table

    from dhishoom.nouns import Incident


def locate(
    path: Annotated[Path, typer.Argument(metavar="PICKS.json", help="Sensors and picks, or an array of pulses.")],
    as_json: Annotated[bool, typer.Option("--json", help="One incident a line, as JSON.")] = False,
    temperature: Annotated[
        float | None, typer.Option(help="Of the air in degrees Celsius; else as the file says, else 15.")
    ] = None,
) -> None:
    """Associate picks and locate the shots they are of.

    PICKS.json holds {"temperature_c": 20, "sensors": {"s1": {"x": 0, "y": 0, "z": 3}},
    "picks": [{"sensor_id": "s1", "time": "2018-12-19T00:49:26.512345Z", "sigma_s": 0.001}]}
    in metres and UTC, or the array of an allpulses.json of the live-fire set. Nothing says which picks belong together.
    """
    picks = read_picks(path, temperature)
    for problem in picks.problems:
        output.warn(problem)
    incidents = associate_all(picks.site, picks.detections)
    if as_json:
        for incident in incidents:
            output.print_json(incident_to_json(incident, place_of(picks.site)))
    elif incidents:
        output.print_result(_table(incidents))
    else:
        output.say(f"{len(picks.detections)} picks of {len(picks.site.sensors)} sensors make no incident.")


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
