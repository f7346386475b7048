"""From settings to rules and sinks: the only place that names sinks, each imported when it is chosen."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from datetime import time
from pathlib import Path
from typing import TYPE_CHECKING

from dhishoom.alert_settings import HOURS, RuleSettings, SinkSettings
from dhishoom.core.geometry import place_of, to_local
from dhishoom.errors import GeometryError, SettingsError
from dhishoom.nouns import Meant, Position, Site
from dhishoom.seams import Sink
from dhishoom.service.alert_office import AlertOffice, Publish
from dhishoom.service.alert_text import Wording
from dhishoom.service.alerting import Alerting
from dhishoom.service.couriers import Heart, Line
from dhishoom.service.outbox import LEASE_S
from dhishoom.service.rules import Hours, Rule
from dhishoom.settings import Settings

if TYPE_CHECKING:
    from dhishoom.service.couriers import Desk

SMTP_SUBMISSION_PORT = 587
MQTT_PORT, MQTT_TLS_PORT = 1883, 8883
STEPS_MAX = 4
"""No delivery has more steps of `timeout_s` each."""


def open_alerts(
    settings: Settings, site: Site, desk: Desk, publish: Publish, *, base: Path = Path(), page: str = ""
) -> AlertOffice | None:
    """Rules and sinks as the settings say; None where nobody is to be told. Raises SettingsError for what cannot be.

    Args:
        page: Address of the page where `alerts.link` names none.
    """
    if not settings.sink:
        return None
    wording = wording_of(settings, site, base, page)
    lines = {one.name: _line(open_sink(one, site, base), one) for one in settings.sink}
    return AlertOffice(Alerting(rules_of(settings, site), desk, wording), desk, lines, publish)


def wording_of(settings: Settings, site: Site, base: Path, page: str) -> Wording:
    """How alerts are put into words."""
    alerts, gazetteer = settings.alerts, None
    if alerts.gazetteer:
        from dhishoom.service.gazetteer import read_gazetteer

        gazetteer = read_gazetteer(base / alerts.gazetteer, site.origin, alerts.gazetteer_m)
    return Wording(
        place=place_of(site),
        link_base=alerts.link or page,
        gazetteer=gazetteer,
        timezone=alerts.timezone,
        meant=meant_by(settings),
    )


def meant_by(settings: Settings) -> Meant:
    """A simulation is never meant."""
    return "Exercise" if settings.simulation and settings.alerts.meant == "Actual" else settings.alerts.meant


def rules_of(settings: Settings, site: Site) -> list[Rule]:
    """The rules; where there is none, every sink is told of whatever counts."""
    names = [sink.name for sink in settings.sink]
    return [_rule(one, names, site, settings.alerts.timezone) for one in settings.rule or (RuleSettings(),)]


def _rule(one: RuleSettings, sinks: Sequence[str], site: Site, timezone: str) -> Rule:
    return Rule(
        name=one.name,
        sinks=one.sinks or tuple(name for name in sinks if name not in one.escalate_to),
        score_min=one.score_min,
        sensors_min=one.sensors_min,
        area=tuple(_corner(one.name, corner, site) for corner in one.area),
        hours=_hours(one.hours, timezone),
        cooldown_s=one.cooldown_s,
        cooldown_m=one.cooldown_m,
        escalate_after_s=one.escalate_after_s or None,
        escalate_to=one.escalate_to,
        expire_s=one.expire_s,
    )


def _corner(rule: str, corner: tuple[float, float], site: Site) -> Position:
    if site.origin is None:
        return Position(x_m=corner[0], y_m=corner[1])
    try:
        return to_local(site.origin, *corner)
    except GeometryError as error:
        raise SettingsError(f"rule {rule!r}, area: {error}") from error


def _hours(text: str, timezone: str) -> Hours | None:
    found = HOURS.fullmatch(text)
    if found is None:
        return None
    begin_hour, begin_minute, end_hour, end_minute = map(int, found.groups())
    return Hours(begin=time(begin_hour, begin_minute), end=time(end_hour, end_minute), timezone=timezone)


def sink_named(settings: Settings, name: str) -> SinkSettings:
    """The settings of one sink. Raises SettingsError with the nearest name for one that is not there."""
    known = {one.name: one for one in settings.sink}
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"Did you mean {near[0]!r}?" if near else f"There are: {', '.join(known) or 'none; add a [[sink]]'}."
    raise SettingsError(f"there is no sink {name!r}. {hint}")


def open_sink(one: SinkSettings, site: Site, base: Path = Path()) -> Sink:
    """The sink that the settings name; nothing is sent yet. Raises SettingsError for one that cannot be."""
    try:
        return _OPEN[one.kind](one, site, base)
    except SettingsError as error:
        raise SettingsError(f"sink {one.name!r}: {error}") from error


def _console(_: SinkSettings, __: Site, ___: Path) -> Sink:
    from dhishoom.sinks.console import ConsoleSink

    return ConsoleSink()


def _email(one: SinkSettings, _: Site, base: Path) -> Sink:
    from dhishoom.sinks.email import EmailSink

    return EmailSink(
        one.host,
        one.port or SMTP_SUBMISSION_PORT,
        one.sender,
        one.recipients,
        user=one.user,
        password=one.password,
        allow_plain_text=one.allow_plain_text,
        authority=_authority(one, base),
        timeout_s=one.timeout_s,
    )


def _webhook(one: SinkSettings, site: Site, base: Path) -> Sink:
    from dhishoom.sinks.webhook import WebhookSink

    return WebhookSink(
        one.url,
        one.secret,
        place=place_of(site),
        allow_private=one.allow_private,
        authority=_authority(one, base),
        timeout_s=one.timeout_s,
    )


def _mqtt(one: SinkSettings, site: Site, base: Path) -> Sink:
    from dhishoom.sinks.mqtt import MqttSink

    return MqttSink(
        one.host,
        one.port or (MQTT_TLS_PORT if one.tls else MQTT_PORT),
        place=place_of(site),
        prefix=one.prefix,
        site_name=site.name,
        user=one.user,
        password=one.password,
        tls=one.tls,
        authority=_authority(one, base),
        timeout_s=one.timeout_s,
    )


def _cap(one: SinkSettings, site: Site, base: Path) -> Sink:
    from dhishoom.sinks.cap import CapSink

    return CapSink(base / one.folder, site, sender=one.sender)


def _apprise(one: SinkSettings, _: Site, __: Path) -> Sink:
    from dhishoom.sinks.apprise import AppriseSink

    return AppriseSink(one.url)


_OPEN = {
    "console": _console,
    "email": _email,
    "webhook": _webhook,
    "mqtt": _mqtt,
    "cap": _cap,
    "apprise": _apprise,
}


def _authority(one: SinkSettings, base: Path) -> str:
    return str(base / one.authority) if one.authority else ""


def _line(sink: Sink, one: SinkSettings) -> Line:
    """Only webhooks take heartbeats: MQTT has its availability, and nobody wants them by e-mail."""
    beat: Callable[[int], object] | None = getattr(sink, "heartbeat", None)
    heart = Heart(beat=beat, every_s=one.heartbeat_s) if beat and one.heartbeat_s else None
    return Line(sink=sink, heart=heart, lease_s=max(LEASE_S, STEPS_MAX * one.timeout_s))
