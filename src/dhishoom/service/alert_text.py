"""What a dispatcher reads: where, when, how many rounds, how sure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol
from zoneinfo import ZoneInfo

from dhishoom.core.timestamps import to_rfc3339
from dhishoom.messages import Place
from dhishoom.nouns import NS_PER_S, Meant

if TYPE_CHECKING:
    from dhishoom.nouns import Incident, Position

_FIRE = {"single": "single shot", "multiple": "multiple shots", "possibly_automatic": "possibly automatic fire"}


class Gazetteer(Protocol):
    """Knows the operator's addresses."""

    def address(self, position: Position) -> str | None:
        """The nearest address, or None where there is none near."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """How alerts are put into words.

    Attributes:
        place: How the site writes a place.
        link_base: Address of the page, to which the incident's part is added; empty for no link.
        timezone: Local time is told before UTC, where it is another.
        meant: Anything but `Actual` is said first.
    """

    place: Place
    link_base: str = ""
    gazetteer: Gazetteer | None = None
    timezone: str = "UTC"
    meant: Meant = "Actual"


def alert_text(incident: Incident, wording: Wording) -> str:
    """Two or three lines: rounds and where first, since some channels show no more; then when, how sure and who heard.

    Where an address names the place, its coordinates follow on the third.
    """
    marked = "" if wording.meant == "Actual" else f"{wording.meant.upper()}: "
    lines = [f"{marked}{_rounds(incident)} {_where(incident, wording)}", _when_and_how_sure(incident, wording)]
    if incident.position is not None and _address(incident.position, wording):
        lines.append(f"at {_coordinates(incident.position, wording.place)}")
    return "\n".join(_printable(line) for line in lines)


def alert_link(incident: Incident, wording: Wording) -> str:
    """Where the page shows the incident with its sound; empty where the page's address is not known."""
    base = wording.link_base.rstrip("/")
    return f"{base}/#/live/{incident.incident_id}" if base else ""


def _printable(line: str) -> str:
    """Names come from elsewhere: nothing in them may steer a terminal or break a message."""
    return "".join(letter if letter.isprintable() else "?" for letter in line)


def _rounds(incident: Incident) -> str:
    low, high = incident.rounds_low, incident.rounds_high
    interval = f" ({low}-{high})" if low != high else ""
    return f"{incident.rounds}{interval} {'round' if incident.rounds == high == 1 else 'rounds'}"


def _where(incident: Incident, wording: Wording) -> str:
    if incident.position is None:
        heard = ", ".join(incident.sensor_ids)
        return f"within hearing of {heard}" + (f" ({incident.reason})" if incident.reason else "")
    radius = f" ± {incident.ellipse.semi_major_m:.0f} m" if incident.ellipse else ""
    here = _name(incident.position, wording) + radius
    if incident.alternative is None:
        return f"at {here}"
    return f"at {here}, or at {_name(incident.alternative, wording)}"


def _name(position: Position, wording: Wording) -> str:
    return _address(position, wording) or _coordinates(position, wording.place)


def _address(position: Position, wording: Wording) -> str | None:
    return wording.gazetteer.address(position) if wording.gazetteer else None


def _coordinates(position: Position, place: Place) -> str:
    where = place(position)
    if "lat" in where:
        return f"{where['lat']:.5f}, {where['lon']:.5f}"
    return f"x {where['x']:.0f} m, y {where['y']:.0f} m"


def _when_and_how_sure(incident: Incident, wording: Wording) -> str:
    count = len(incident.sensor_ids)
    heard = f"heard by {count} sensor{'s' if count != 1 else ''}"
    return f"{_when(incident.time_ns, wording.timezone)}, {incident.score:.0%} sure, {_FIRE[incident.fire]}, {heard}"


def _when(time_ns: int, timezone: str) -> str:
    universal = f"{to_rfc3339(time_ns)[:19]}Z"
    local = datetime.fromtimestamp(time_ns // NS_PER_S, UTC).astimezone(ZoneInfo(timezone))
    return universal if timezone == "UTC" else f"{local:%Y-%m-%d %H:%M:%S %Z} ({universal})"
