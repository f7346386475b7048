"""`[alerts]`, `[[rule]]` and `[[sink]]`: who is told of what; docs/alerts.md explains them."""

from __future__ import annotations

import difflib
import math
import re
import zoneinfo
from collections.abc import Callable, Sequence
from typing import Literal

from dhishoom.nouns import Meant
from dhishoom.sections import Section

DAY_S = 86_400.0
HOURS = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")
Kind = Literal["console", "email", "webhook", "mqtt", "cap", "apprise"]
Require = Callable[[bool, str], None]


class AlertSettings(Section, frozen=True, kw_only=True):
    """`[alerts]`: how alerts are put into words.

    Attributes:
        timezone: Of local times and of `hours` in rules, as the IANA names it, such as `Europe/Berlin`.
        link: Address of the page as those who are alerted reach it; empty: as this machine does.
        gazetteer: A CSV file of addresses (`address`, `lat`, `lon`, or `x`, `y`) that name places.
        gazetteer_m: An address farther away names nothing.
        meant: `Actual`, or `Exercise` or `Test`, which every alert then says first. Simulations are always exercises.
    """

    timezone: str = "UTC"
    link: str = ""
    gazetteer: str = ""
    gazetteer_m: float = 60.0
    meant: Meant = "Actual"


class RuleSettings(Section, frozen=True, kw_only=True):
    """`[[rule]]`: which incidents are told to whom, and when.

    Attributes:
        name: Of the rule, in messages.
        sinks: Names of those told at once; empty: all but those of `escalate_to`.
        score_min, sensors_min: Below either, nobody is told.
        area: Corners of a polygon, `[lat, lon]` or `[x, y]`; empty: everywhere.
        hours: Such as `22:00-06:00`, in the alerts' time zone; empty: always.
        cooldown_s, cooldown_m: After an alert, further incidents so soon and so near are not told.
        escalate_to: Names of those told only when nobody acts.
        escalate_after_s: After so long without an acknowledgement or review, `escalate_to` are told as well.
        expire_s: An alert that could not be delivered for so long is given up.
    """

    name: str = "default"
    sinks: tuple[str, ...] = ()
    score_min: float = 0.5
    sensors_min: int = 3
    area: tuple[tuple[float, float], ...] = ()
    hours: str = ""
    cooldown_s: float = 0.0
    cooldown_m: float = 150.0
    escalate_after_s: float = 0.0
    escalate_to: tuple[str, ...] = ()
    expire_s: float = 3600.0


class SinkSettings(Section, frozen=True, kw_only=True):
    """`[[sink]]`: one way to tell somebody; which settings count depends on its `kind`.

    Attributes:
        name: Of the sink; rules and `dhishoom sink test` call it so.
        kind: `console`, `email`, `webhook`, `mqtt`, `cap` or `apprise`.
        url: Of a webhook (`https://...`), or an Apprise address.
        secret: A webhook's, `whsec_...`; from the environment, as are all secrets here: `"${NAME}"`.
        allow_private: A webhook may go to an address that is not public, and to plain http.
        heartbeat_s: A webhook is told every so often that all is well; 0: never.
        host, port, user, password: A mail server or MQTT broker.
        sender: An e-mail's, or a CAP message's.
        recipients: E-mail addresses.
        allow_plain_text: E-mail to a relay that offers no TLS.
        tls: MQTT over TLS.
        prefix: MQTT topics begin with it.
        folder: Where CAP messages are written.
        authority: A PEM file of whom TLS trusts, instead of the system's.
        timeout_s: How long the other side may take.
    """

    name: str
    kind: Kind
    url: str = ""
    secret: str = ""
    allow_private: bool = False
    heartbeat_s: float = 0.0
    host: str = ""
    port: int | None = None
    user: str = ""
    password: str = ""
    sender: str = ""
    recipients: tuple[str, ...] = ()
    allow_plain_text: bool = False
    tls: bool = False
    prefix: str = "dhishoom/alerts"
    folder: str = ""
    authority: str = ""
    timeout_s: float = 5.0


NEEDED: dict[Kind, tuple[str, ...]] = {
    "console": (),
    "email": ("host", "sender", "recipients"),
    "webhook": ("url", "secret"),
    "mqtt": ("host",),
    "cap": ("folder", "sender"),
    "apprise": ("url",),
}
"""What each kind cannot do without."""
TAKEN: dict[Kind, tuple[str, ...]] = {
    "console": (),
    "email": ("port", "user", "password", "allow_plain_text", "authority", "timeout_s"),
    "webhook": ("allow_private", "heartbeat_s", "authority", "timeout_s"),
    "mqtt": ("port", "user", "password", "prefix", "tls", "authority", "timeout_s"),
    "cap": (),
    "apprise": (),
}
"""What each kind takes besides."""


def check_alerts(
    alerts: AlertSettings, rules: Sequence[RuleSettings], sinks: Sequence[SinkSettings], require: Require
) -> None:
    """Have `require` refuse what cannot be meant: (holds, what is wrong and how to mend it)."""
    require(_is_zone(alerts.timezone), f"alerts.timezone {alerts.timezone!r} is unknown; write it like Europe/Berlin.")
    require(0 < alerts.gazetteer_m <= 10_000, "alerts.gazetteer_m must be above 0 and at most 10000 metres.")
    for what, names in (("sink", [one.name for one in sinks]), ("rule", [one.name for one in rules])):
        twice = sorted({name for name in names if names.count(name) > 1})
        require(not twice, f"two {what}s have the name {twice[:1]}; give each its own.")
        require(all(0 < len(name) <= 100 for name in names), f"a {what}'s name must have 1 to 100 letters.")
    for sink in sinks:
        _check_sink(sink, require)
    for rule in rules:
        require(bool(sinks), f"rule {rule.name!r} has nobody to tell; add a [[sink]].")
        _check_rule(rule, require)
        _check_names(rule, [sink.name for sink in sinks], require)


def _check_sink(sink: SinkSettings, require: Require) -> None:
    of_kind = ("name", "kind", *NEEDED[sink.kind], *TAKEN[sink.kind])
    defaults = dict(zip(sink.__struct_fields__[2:], sink.__struct_defaults__, strict=True))
    for name, default in defaults.items():
        given = getattr(sink, name)
        foreign = given != default and name not in of_kind
        require(not foreign, f"sink {sink.name!r} is of kind {sink.kind}, which has no {name}; remove it.")
        require(bool(given) or name not in NEEDED[sink.kind], f"sink {sink.name!r} needs {name}; give it.")
    require(0 < sink.timeout_s <= 60, f"sink {sink.name!r}: timeout_s must be above 0 and at most 60 seconds.")
    beats = sink.heartbeat_s == 0 or 1 <= sink.heartbeat_s <= DAY_S
    require(beats, f"sink {sink.name!r}: heartbeat_s must be 0, or 1 second to a day.")
    require(sink.port is None or 0 < sink.port <= 65535, f"sink {sink.name!r}: port {sink.port} is none.")


def _check_rule(rule: RuleSettings, require: Require) -> None:
    name = f"rule {rule.name!r}"
    require(0 <= rule.score_min <= 1, f"{name}: score_min is a probability, 0 to 1.")
    require(rule.sensors_min >= 1, f"{name}: sensors_min must be 1 or more.")
    corners = [number for corner in rule.area for number in corner]
    whole = not rule.area or (len(rule.area) >= 3 and all(math.isfinite(number) for number in corners))
    require(whole, f"{name}: area needs three corners or more, each [lat, lon] or [x, y].")
    told = not rule.hours or HOURS.fullmatch(rule.hours) is not None
    require(told, f"{name}: hours {rule.hours!r} must be written like 22:00-06:00.")
    require(0 <= rule.cooldown_s <= DAY_S, f"{name}: cooldown_s must be 0 seconds to a day.")
    require(0 <= rule.cooldown_m < math.inf, f"{name}: cooldown_m must be 0 metres or more.")
    require(1 <= rule.expire_s <= 7 * DAY_S, f"{name}: expire_s must be a second to a week.")
    both = bool(rule.escalate_to) == bool(rule.escalate_after_s)
    require(both, f"{name} has one of escalate_after_s and escalate_to; give both or none.")
    in_time = rule.escalate_after_s == 0 or 1 <= rule.escalate_after_s < rule.expire_s
    require(in_time, f"{name}: escalate_after_s must be a second or more, and less than expire_s.")


def _check_names(rule: RuleSettings, known: Sequence[str], require: Require) -> None:
    for name in (*rule.sinks, *rule.escalate_to):
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
        hint = f"Did you mean {near[0]!r}?" if near else f"There are: {', '.join(known)}."
        require(name in known, f"rule {rule.name!r} names the sink {name!r}, which is not there. {hint}")
    both = sorted({*rule.sinks} & {*rule.escalate_to})
    require(not both, f"rule {rule.name!r} tells {both[:1]} at once and by escalation; keep one.")


def _is_zone(name: str) -> bool:
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True
