"""What a dispatcher reads: where, when, how many rounds, how sure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from dhishoom.core.timestamps import to_rfc3339

if TYPE_CHECKING:
    from dhishoom.messages import Place
    from dhishoom.nouns import Incident, Position

_FIRE = {"single": "single shot", "multiple": "multiple shots", "possibly_automatic": "possibly automatic fire"}


class Gazetteer(Protocol):
    """Knows the operator's addresses."""

    def address(self, position: Position) -> str | None:
        """The nearest address, or None where there is none near."""


def alert_text(incident: Incident, place: Place, gazetteer: Gazetteer | None = None) -> str:
    """Two lines: rounds and where first, since some channels show no more; then when, how sure and who heard it."""
    return f"{_rounds(incident)} {_where(incident, place, gazetteer)}\n{_when_and_how_sure(incident)}"


def _rounds(incident: Incident) -> str:
    low, high = incident.rounds_low, incident.rounds_high
    interval = f" ({low}-{high})" if low != high else ""
    return f"{incident.rounds}{interval} {'round' if incident.rounds == high == 1 else 'rounds'}"


def _where(incident: Incident, place: Place, gazetteer: Gazetteer | None) -> str:
    if incident.position is None:
        heard = ", ".join(incident.sensor_ids)
        return f"within hearing of {heard}" + (f" ({incident.reason})" if incident.reason else "")
    radius = f" ± {incident.ellipse.semi_major_m:.0f} m" if incident.ellipse else ""
    here = _name(incident.position, place, gazetteer) + radius
    if incident.alternative is None:
        return f"at {here}"
    return f"at {here}, or at {_name(incident.alternative, place, gazetteer)}"


def _name(position: Position, place: Place, gazetteer: Gazetteer | None) -> str:
    address = gazetteer.address(position) if gazetteer else None
    if address:
        return address
    where = place(position)
    if "lat" in where:
        return f"{where['lat']:.5f}, {where['lon']:.5f}"
    return f"x {where['x']:.0f} m, y {where['y']:.0f} m"


def _when_and_how_sure(incident: Incident) -> str:
    count = len(incident.sensor_ids)
    heard = f"heard by {count} sensor{'s' if count != 1 else ''}"
    return f"{to_rfc3339(incident.time_ns)[:19]}Z, {incident.score:.0%} sure, {_FIRE[incident.fire]}, {heard}"
