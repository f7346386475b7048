"""Whether what the settings name elsewhere can be reached: a connection opened and closed, nothing said."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

from dhishoom.alert_settings import SinkSettings
from dhishoom.alert_wiring import MQTT_PORT, MQTT_TLS_PORT, SMTP_SUBMISSION_PORT
from dhishoom.cli.checks import LOOK_S_MAX, Check
from dhishoom.settings import Settings

PORTS = {"postgresql": 5432, "http": 80, "https": 443, "mqtt": MQTT_PORT, "mqtts": MQTT_TLS_PORT}
KAFKA_PORT = 9092


def elsewhere(settings: Settings) -> Iterator[Check]:
    """The bus, a database that is a server's, every sink; nothing where all is on this machine."""
    if settings.bus.kind != "memory":
        default = KAFKA_PORT if settings.bus.kind == "kafka" else MQTT_TLS_PORT if settings.bus.tls else MQTT_PORT
        for server in filter(None, map(str.strip, settings.bus.servers.split(","))):
            yield _reached(f"bus {server}", *_place(f"//{server}", default), "start the broker, or mend bus.servers")
    if urlsplit(settings.store.url).hostname:
        name = settings.store.url.partition(":")[0].partition("+")[0]
        place = _place(settings.store.url, PORTS.get(name, 0))
        yield _reached("database", *place, f"start {name}, or mend store.url")
    for sink in settings.sink:
        there = _sink_place(sink)
        if there is not None:
            yield _reached(f"sink {sink.name}", *there, f"mend its address; dhishoom sink test {sink.name} says more")


def _sink_place(sink: SinkSettings) -> tuple[str, int] | None:
    if sink.host:
        default = SMTP_SUBMISSION_PORT if sink.kind == "email" else MQTT_TLS_PORT if sink.tls else MQTT_PORT
        return sink.host, sink.port or default
    if urlsplit(sink.url).scheme in PORTS and urlsplit(sink.url).hostname:
        return _place(sink.url, PORTS[urlsplit(sink.url).scheme])
    return None


def _place(url: str, default: int) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or default


def _reached(name: str, host: str, port: int, fix: str) -> Check:
    where = f"{host}, port {port}"
    try:
        socket.create_connection((host, port), timeout=LOOK_S_MAX).close()
    except OSError as error:
        why = error.strerror or "no answer"
        return Check(name=name, state="fix", detail=f"{where} does not answer: {why}", fix=fix)
    return Check(name=name, state="ok", detail=f"{where} answers")
