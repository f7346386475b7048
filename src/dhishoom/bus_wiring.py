"""From settings to buses: the only place that names them, each imported when it is chosen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from dhishoom.alert_wiring import MQTT_PORT, MQTT_TLS_PORT, open_alerts
from dhishoom.bus_settings import BridgeSettings, BusSettings
from dhishoom.core.limits import AssociationLimits
from dhishoom.errors import SettingsError, UsageError
from dhishoom.nouns import Site
from dhishoom.seams import AUDIO_TOPIC, Bus, Store
from dhishoom.service.alert_office import Worker
from dhishoom.service.associator import Associator, Reader
from dhishoom.service.duty import Duty
from dhishoom.service.pipeline import Publish, silently
from dhishoom.service.regions import Region, regions
from dhishoom.settings import Settings

if TYPE_CHECKING:
    from dhishoom.buses.kafka import KafkaBus
    from dhishoom.buses.kafka_link import KafkaLink
    from dhishoom.buses.spool import Spool
    from dhishoom.service.couriers import Desk

REGIONS_MAX = 1000


def open_bus(settings: Settings, base: Path = Path(), *, patient: bool = False) -> Bus:
    """The bus that the settings name.

    Args:
        base: Paths in the settings are relative to it.
        patient: Begin though no Kafka broker answers.
    """
    if settings.bus.kind == "kafka":
        return open_kafka(settings, base, patient=patient)
    if settings.bus.kind == "mqtt":
        return _mqtt(settings.bus, settings, base, settings.bus.group)
    from dhishoom.buses.memory import MemoryBus

    return MemoryBus(settings.limits.messages_max)


def open_kafka(settings: Settings, base: Path = Path(), *, group: str = "", patient: bool = False) -> KafkaBus:
    """A bus that is shared; SettingsError where the settings name another kind."""
    link, limit = link_of(settings, base), settings.limits.messages_max  # says it where the library is missing
    from dhishoom.buses.kafka import KafkaBus

    return KafkaBus(link, group=group or settings.bus.group, messages_max=limit, patient=patient)


def link_of(settings: Settings, base: Path = Path()) -> KafkaLink:
    """How to reach Kafka."""
    from dhishoom.buses.kafka_link import KafkaLink

    bus = settings.bus
    if bus.kind != "kafka":
        raise SettingsError(
            'this needs Kafka: set bus.kind = "kafka" and bus.servers in dhishoom.toml, or give --servers.'
        )
    return KafkaLink(
        servers=bus.servers,
        user=bus.user,
        password=bus.password,
        mechanism=bus.mechanism,
        tls=bus.tls or bool(bus.authority),
        authority=str(base / bus.authority) if bus.authority else "",
        create_topics=bus.create_topics,
        partitions=bus.partitions,
        replicas=bus.replicas,
        retention_s=bus.retention_hours * 3600,
        message_bytes_max=bus.message_bytes_max,
        topic_prefix=bus.topic_prefix,
    )


def open_bridged(settings: Settings, base: Path = Path()) -> Bus:
    """The MQTT broker of `[bridge]`."""
    bridge = settings.bridge
    if not bridge.servers:
        raise SettingsError("there is nothing to take sound from: set bridge.servers to the MQTT broker's host:port.")
    return _mqtt(bridge, settings, base, bridge.name)


def _mqtt(there: BusSettings | BridgeSettings, settings: Settings, base: Path, name: str) -> Bus:
    from dhishoom.buses.mqtt import MqttBus

    host, colon, port = there.servers.rpartition(":")
    if "," in there.servers or (colon and not port.isdecimal()):
        raise SettingsError(f"servers is {there.servers!r}; MQTT takes one host:port.")
    tls = there.tls or bool(there.authority)
    return MqttBus(
        host if colon else there.servers,
        int(port) if colon else (MQTT_TLS_PORT if tls else MQTT_PORT),
        topics=(AUDIO_TOPIC,),
        name=name,
        user=there.user,
        password=there.password,
        tls=tls,
        authority=str(base / there.authority) if there.authority else "",
        messages_max=settings.limits.messages_max,
        message_bytes_max=settings.bus.message_bytes_max,
    )


def open_spool(bus: Bus, folder: Path) -> Spool:
    """A folder before a bus, in which messages wait while it is away."""
    from dhishoom.buses.spool import Spool

    return Spool(bus, folder)


def reader_of(settings: Settings, base: Path = Path()) -> Callable[[str, Any], Reader]:
    """What opens a whole topic for reading, from `earliest`, `latest` or offsets by partition."""

    def read(topic: str, start: Literal["earliest", "latest"] | Mapping[int, int]) -> Reader:
        link = link_of(settings, base)
        from dhishoom.buses.kafka_reader import KafkaReader

        return KafkaReader(link, topic, start)

    return read


def region_of(site: Site, asked: str, limits: AssociationLimits) -> Region:
    """The region that `2/4` names. Raises UsageError for what names none."""
    number, slash, count = asked.partition("/")
    if not (slash and number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count) <= REGIONS_MAX):
        raise UsageError(f"region {asked!r} is none; write 2/4 for the second of four, 1/1 for the whole city.")
    return regions(site, int(count), limits.range_m)[int(number) - 1]


def open_duty(
    settings: Settings,
    region: Region,
    store: Store,
    desk: Desk,
    supervise: Callable[[Worker], object],
    *,
    limits: AssociationLimits,
    tell: Publish = silently,
    base: Path = Path(),
    page: str = "",
) -> Duty:
    """The association of a region with the alerts that follow from it, done by one process at a time."""

    def begin() -> Sequence[Worker]:
        office = open_alerts(settings, region.site, desk, tell, base=base, page=page)
        associator = Associator(
            region,
            lambda: open_kafka(settings, base),
            reader_of(settings, base),
            store,
            limits=limits,
            alerts=office,
        )
        return [associator, *(office.workers if office else ())]

    name = f"association of region {region.name}"
    group = f"{settings.bus.group}.association.{region.number}-of-{region.count}"
    return Duty(name, lambda: open_kafka(settings, base, group=group), begin, supervise)
