"""`dhishoom sink`: who is told, and whether telling them works."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from dhishoom.alert_settings import SinkSettings
from dhishoom.alert_wiring import open_sink, rules_of, sink_named, wording_of
from dhishoom.cli import output
from dhishoom.cli.records import AsJson, Config
from dhishoom.errors import SinkError
from dhishoom.messages import Json
from dhishoom.nouns import NS_PER_S, Alert, Ellipse, Incident, Position, Site, derived_id
from dhishoom.service.alert_text import Wording, alert_text
from dhishoom.service.rules import Rule
from dhishoom.settings import FILE_NAME, read_settings
from dhishoom.wiring import site_of

EXPIRE_S = 3600.0
sink = typer.Typer(no_args_is_help=True, help="Who is told of shots, and whether telling them works.")


@sink.command("list")
def list_sinks(as_json: AsJson = False, config: Config = Path(FILE_NAME)) -> None:
    """The sinks that the settings name, and which rules tell them."""
    settings = read_settings(config)
    rules = rules_of(settings, site_of(settings))
    found = [_sink_to_json(one, rules) for one in settings.sink]
    if as_json:
        for one in found:
            output.print_json(one)
    elif found:
        rows = [[one["name"], one["kind"], one["to"], ", ".join(one["rules"] + _late(one))] for one in found]
        output.print_result(output.table("", ("name", "kind", "to", "told by rules"), rows))
    else:
        output.say(f"{config} names no [[sink]]: nobody is told of shots. docs/alerts.md shows how.")


@sink.command("test")
def try_sink(
    name: Annotated[str, typer.Argument(help="As `dhishoom sink list` shows it.")],
    as_json: AsJson = False,
    config: Config = Path(FILE_NAME),
) -> None:
    """Send one alert that is marked as a test, and tell what the other side answered."""
    settings = read_settings(config)
    chosen, site = sink_named(settings, name), site_of(settings)
    wording = wording_of(settings, site, config.parent, "")
    one = open_sink(chosen, site, config.parent)
    begun_s = time.monotonic()
    try:
        answer = one.deliver(trial(wording, site))
    except SinkError as error:
        retry = "would be tried again" if error.retry else "would be a dead letter"
        raise SinkError(f"{name}: {error} An alert {retry}.", retry=error.retry, gone=error.gone) from error
    finally:
        one.close()
    took_s = time.monotonic() - begun_s
    if as_json:
        output.print_json({"type": "sink_test", "sink": name, "answer": answer, "seconds": round(took_s, 3)})
    else:
        output.say(f"{name} took the test after {took_s:.2f} s: {answer}")


def trial(wording: Wording, site: Site) -> Alert:
    """An alert that says of itself, first and in every field there is for it, that it is a test."""
    now_ns = time.time_ns()
    incident = Incident(
        incident_id=derived_id("test", now_ns),
        revision=1,
        status="located",
        time_ns=now_ns,
        position=_middle(site),
        ellipse=Ellipse(semi_major_m=10.0, semi_minor_m=5.0, azimuth_deg=0.0),
        rounds=1,
        rounds_low=1,
        rounds_high=1,
        fire="single",
        shots=(),
        score=1.0,
        sensor_ids=tuple(site.sensors)[:3],
        reason="a test of the alert, no shot was fired",
    )
    marked = Wording(place=wording.place, gazetteer=wording.gazetteer, timezone=wording.timezone, meant="Test")
    return Alert(
        alert_id=derived_id("alert", incident.incident_id),
        kind="new",
        incident=incident,
        text=f"{alert_text(incident, marked)}\nThis is a test of dhishoom's alerts: no shot was fired.",
        created_ns=now_ns,
        expires_ns=now_ns + round(EXPIRE_S * NS_PER_S),
        meant="Test",
    )


def _middle(site: Site) -> Position:
    places = [one.position for one in site.sensors.values() if one.position] or [Position(x_m=0.0, y_m=0.0)]
    count = len(places)
    return Position(x_m=sum(one.x_m for one in places) / count, y_m=sum(one.y_m for one in places) / count)


def _sink_to_json(one: SinkSettings, rules: list[Rule]) -> Json:
    """Without secrets: an address may hold one beyond its host."""
    return {
        "type": "sink",
        "name": one.name,
        "kind": one.kind,
        "to": _to(one),
        "rules": [rule.name for rule in rules if one.name in rule.sinks],
        "escalated_by": [rule.name for rule in rules if one.name in rule.escalate_to],
    }


def _to(one: SinkSettings) -> str:
    if one.kind == "console":
        return "standard error"
    if one.kind == "email":
        return f"{', '.join(one.recipients)} through {one.host}"
    if one.kind == "webhook":
        parts = urlsplit(one.url)
        return f"{parts.scheme}://{parts.hostname}"
    if one.kind == "mqtt":
        return f"{one.prefix}/alert at {one.host}"
    return one.folder if one.kind == "cap" else one.url.partition(":")[0]


def _late(one: Json) -> list[str]:
    return [f"{rule} (escalation)" for rule in one["escalated_by"]]
