"""Alerts as CAP 1.2 messages, one XML file each in a folder that a gateway watches.

Source: OASIS, Common Alerting Protocol Version 1.2, 2010-07-01.
"""

from __future__ import annotations

import math
import os
import tempfile
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import TYPE_CHECKING

from dhishoom.core.geometry import to_geographic
from dhishoom.core.timestamps import to_rfc3339
from dhishoom.errors import SettingsError, SinkError
from dhishoom.nouns import Position

if TYPE_CHECKING:
    from dhishoom.nouns import Alert, Ellipse, Incident, Origin, Site

NAMESPACE = "urn:oasis:names:tc:emergency:cap:1.2"
POLYGON_POINTS = 36
OBSERVED_SCORE_MIN = 0.9
LIKELY_SCORE_MIN = 0.5

_TYPES = {"new": "Alert", "update": "Update", "cancel": "Cancel"}


def ellipse_outline(centre: Position, ellipse: Ellipse, points: int = POLYGON_POINTS) -> list[Position]:
    """The ellipse as a closed ring of `points + 1` positions; the azimuth is clockwise from north."""
    azimuth = math.radians(ellipse.azimuth_deg)
    east, north = math.sin(azimuth), math.cos(azimuth)
    ring = []
    for step in range(points):
        turn = 2 * math.pi * step / points
        along, across = ellipse.semi_major_m * math.cos(turn), ellipse.semi_minor_m * math.sin(turn)
        ring.append(
            Position(x_m=centre.x_m + along * east + across * north, y_m=centre.y_m + along * north - across * east)
        )
    return [*ring, ring[0]]


def cap_message(alert: Alert, site: Site, *, sender: str, first_sent: str | None = None) -> bytes:
    """The XML of one alert, with its `status`; an update or cancellation refers to the first message of its incident.

    Args:
        sender: Who speaks, without spaces, commas, `<` or `&`, as the standard asks.
        first_sent: `sent` of the first message; None for the first itself.
    """
    root = ET.Element("alert", xmlns=NAMESPACE)
    sent = cap_time(alert.created_ns)
    first = f"{alert.incident.incident_id}.1"
    identifier = first if alert.kind == "new" else f"{alert.incident.incident_id}.{alert.alert_id}"
    header = {
        "identifier": identifier,
        "sender": sender,
        "sent": sent,
        "status": alert.meant,
        "msgType": _TYPES[alert.kind],
        "scope": "Restricted",
        "restriction": "Emergency services",
    }
    for name, text in header.items():
        ET.SubElement(root, name).text = text
    if alert.meant != "Actual":
        ET.SubElement(root, "note").text = f"{alert.meant}: not to be acted upon."
    if alert.kind != "new":
        ET.SubElement(root, "references").text = f"{sender},{first},{first_sent or sent}"
    _add_info(root, alert, site)
    xml: str = ET.tostring(root, encoding="unicode")
    return b'<?xml version="1.0" encoding="utf-8"?>\n' + xml.encode()


def cap_time(time_ns: int) -> str:
    """Whole seconds with `-00:00` for UTC, as the standard wants it."""
    return to_rfc3339(time_ns)[:19] + "-00:00"


def certainty(score: float) -> str:
    """CAP's word for how sure: Observed from 0.9, Likely above one half, else Possible."""
    if score >= OBSERVED_SCORE_MIN:
        return "Observed"
    return "Likely" if score > LIKELY_SCORE_MIN else "Possible"


def _add_info(root: ET.Element, alert: Alert, site: Site) -> None:
    info = ET.SubElement(root, "info")
    texts = {
        "category": "Safety",
        "event": "Gunshot",
        "responseType": "AllClear" if alert.kind == "cancel" else "Assess",
        "urgency": "Past" if alert.kind == "cancel" else "Immediate",
        "severity": "Minor" if alert.kind == "cancel" else "Severe",
        "certainty": "Unlikely" if alert.kind == "cancel" else certainty(alert.incident.score),
        "expires": cap_time(alert.expires_ns),
        "headline": alert.text.splitlines()[0][:160],
        "description": alert.text,
    }
    for name, text in texts.items():
        ET.SubElement(info, name).text = text
    if alert.link:
        ET.SubElement(info, "web").text = alert.link
    _add_rounds(info, alert.incident)
    _add_area(info, alert.incident, site)


def _add_rounds(info: ET.Element, incident: Incident) -> None:
    parameter = ET.SubElement(info, "parameter")
    ET.SubElement(parameter, "valueName").text = "rounds"
    ET.SubElement(parameter, "value").text = str(incident.rounds)


def _add_area(info: ET.Element, incident: Incident, site: Site) -> None:
    area = ET.SubElement(info, "area")
    ET.SubElement(area, "areaDesc").text = site.name
    if site.origin is None or incident.position is None or incident.ellipse is None:
        return
    ring = ellipse_outline(incident.position, incident.ellipse)
    ET.SubElement(area, "polygon").text = " ".join(_point(site.origin, position) for position in ring)


def _point(origin: Origin, position: Position) -> str:
    lat, lon, _ = to_geographic(origin, position)
    return f"{lat:.6f},{lon:.6f}"


class CapSink:
    """Writes each alert as `INCIDENT.ALERT.xml`; a file appears whole or not at all."""

    def __init__(self, folder: Path, site: Site, *, sender: str) -> None:
        if not sender or any(letter in sender for letter in " ,<&"):
            raise SettingsError(
                f"CAP sender {sender!r} must be one word without comma, < or &, such as alerts@example.org."
            )
        self._folder, self._site, self._sender = folder, site, sender

    def deliver(self, alert: Alert) -> str:
        """Write the message; the first one of the incident is looked up in the folder for the reference."""
        message = cap_message(alert, self._site, sender=self._sender, first_sent=self._first_sent(alert))
        name = f"{alert.incident.incident_id}.{'1' if alert.kind == 'new' else alert.alert_id}.xml"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=self._folder, suffix=".part", delete=False) as part:
                part.write(message)
                part.flush()
                os.fsync(part.fileno())
            Path(part.name).replace(self._folder / name)
        except OSError as error:
            raise SinkError(f"No CAP message in {self._folder}: {error}. Check the folder and the disk.") from error
        return f"wrote {self._folder / name}"

    def close(self) -> None:
        """Nothing to free."""

    def _first_sent(self, alert: Alert) -> str | None:
        first = self._folder / f"{alert.incident.incident_id}.1.xml"
        if alert.kind == "new" or not first.is_file():
            return None
        try:
            return ET.fromstring(first.read_bytes()).findtext(f"{{{NAMESPACE}}}sent")  # noqa: S314  our own file
        except (OSError, ET.ParseError):
            return None
