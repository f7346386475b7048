"""One process of a city, put together from the settings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dhishoom.bus_wiring import open_duty, open_kafka, reader_of, region_of
from dhishoom.cli.serving import Running
from dhishoom.errors import BusError
from dhishoom.nouns import Site
from dhishoom.seams import AUDIO_TOPIC, Bus
from dhishoom.service.city import CityService
from dhishoom.service.clock_watch import ClockWatch
from dhishoom.service.follower import Follower
from dhishoom.service.health import Health
from dhishoom.service.intake import Feed
from dhishoom.service.live import Live
from dhishoom.service.worker import CityWorker
from dhishoom.settings import Settings
from dhishoom.wiring import AudioCodec, in_frame_of, limits_of, merged_site, open_detector, retention_of

if TYPE_CHECKING:
    from dhishoom.stores.sql import SqlStore

WHOLE_CITY = "1/1"


def lag_of(bus: Bus) -> int:
    """Messages that wait for the whole group; 0 while nobody knows."""
    try:
        return bus.lag(AUDIO_TOPIC)
    except BusError:
        return 0


def assemble_city(
    settings: Settings,
    site: Site,
    feeds: list[Feed],
    store: SqlStore,
    *,
    base: Path = Path(),
    page: str = "",
    associate: bool = True,
) -> Running:
    """A worker of the settings' group, that also stands by to associate the whole city; nothing runs yet."""
    site = in_frame_of(merged_site(site, feeds), store)
    bus, live, codec = open_kafka(settings, base), Live(), AudioCodec(site)
    health = Health(site, lag=lambda: lag_of(bus))
    worker = CityWorker(
        site,
        open_detector(settings),
        store,
        bus,
        codec,
        keep=settings.store.keep,
        health=health,
        tell=live.publish,
        strips=True,
    )
    read = reader_of(settings, base)
    follower = Follower(lambda topic: read(topic, "latest"), live.publish)
    housekeeping = (store, retention_of(settings.store))
    watch = ClockWatch(store, site, health, live.publish)
    service = CityService(feeds, bus, codec, worker, live, housekeeping=housekeeping, workers=[follower, watch])
    if associate:
        limits = limits_of(settings)
        region = region_of(site, WHOLE_CITY, limits)
        duty = open_duty(
            settings, region, store, store, service.supervise, limits=limits, tell=live.publish, base=base, page=page
        )
        service.add_worker(duty)
    return Running(site=site, live=live, health=health, service=service)
