"""From settings to implementations: the only place that names them, each imported when it is chosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from dhishoom.core.limits import AssociationLimits
from dhishoom.errors import ModelError, SettingsError, SourceError, StoreError
from dhishoom.messages import Json
from dhishoom.nouns import Chunk, ModelCard, Origin, Position, Sensor, Site, Weather
from dhishoom.seams import Delivery, Detector, Source, Store
from dhishoom.service.intake import Feed
from dhishoom.service.retention import Retention
from dhishoom.settings import ModelSettings, SensorSettings, Settings, StoreSettings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dhishoom.stores.sql import SqlStore

STREAM_SCHEMES = ("rtsp://", "rtsps://", "http://", "https://")
MICROPHONE = "microphone"
SQLITE = "sqlite:///"
DATABASE = "dhishoom.db"


def site_of(settings: Settings) -> Site:
    """The site as the settings describe it."""
    origin = _origin(settings)
    weather = settings.site.weather
    return Site(
        name=settings.site.name,
        sensors={one.id: _sensor(one, origin) for one in settings.sensor},
        origin=origin,
        weather=Weather(**{name: getattr(weather, name) for name in weather.__struct_fields__}),
    )


def _origin(settings: Settings) -> Origin | None:
    """As stated, else the mean of the sensors' degrees."""
    placed = [one for one in settings.sensor if one.lat is not None and one.lon is not None]
    stated = settings.site.origin
    if stated is not None:
        return Origin(lat=stated.lat, lon=stated.lon, altitude_m=stated.altitude)
    if not placed:
        return None
    if any(one.x is not None for one in settings.sensor):
        raise SettingsError("some sensors have degrees and some metres; give [site.origin], or one kind for all.")
    count = len(placed)
    return Origin(
        lat=sum(one.lat or 0.0 for one in placed) / count,
        lon=sum(one.lon or 0.0 for one in placed) / count,
        altitude_m=sum(one.altitude for one in placed) / count,
    )


def _sensor(settings: SensorSettings, origin: Origin | None) -> Sensor:
    return Sensor(
        sensor_id=settings.id,
        position=_position(settings, origin),
        sample_rate=settings.sample_rate,
        clock_sigma_s=settings.clock_sigma_s,
        name=settings.name,
    )


def _position(settings: SensorSettings, origin: Origin | None) -> Position | None:
    if settings.x is not None and settings.y is not None:
        return Position(x_m=settings.x, y_m=settings.y, z_m=settings.z)
    if origin is None or settings.lat is None or settings.lon is None:
        return None
    from dhishoom.core.geometry import to_local

    return to_local(origin, settings.lat, settings.lon, settings.altitude)


def open_store(settings: StoreSettings, base: Path = Path()) -> SqlStore:
    """The store; relative paths are below `base`."""
    from dhishoom.stores.sql import SqlStore

    clips: Path | str = base / settings.clips if settings.clips else base / settings.folder / "clips"
    if "://" in settings.clips:
        clips = settings.clips
    return SqlStore(database_of(settings, base), clips, free_bytes_min=settings.free_megabytes << 20)


def open_kept_store(settings: StoreSettings, base: Path = Path()) -> SqlStore:
    """The store that is there. Raises StoreError where none is, and makes none."""
    url = database_of(settings, base)
    path = url.removeprefix(SQLITE)
    if path != url and not Path(path).is_file():
        raise StoreError(
            f"there is no store at {path}: nothing was kept there yet. `dhishoom run` and `dhishoom demo` keep one; "
            "name its folder with --store (the demo's is dhishoom-data/demo)."
        )
    return open_store(settings, base)


def database_of(settings: StoreSettings, base: Path = Path()) -> str:
    """The database's address as SQLAlchemy writes it."""
    return settings.url or f"{SQLITE}{base / settings.folder / DATABASE}"


def retention_of(settings: StoreSettings) -> Retention:
    """What is kept of clips."""
    return Retention(days=settings.days, bytes_max=round(settings.gigabytes * (1 << 30)))


def open_detector(settings: Settings) -> Detector:
    """The model that the settings name, with their thresholds. Raises ModelError where it is none."""
    from dhishoom.detectors.catalogue import open_detector

    detector = open_detector(_model_named_by(settings.model), threads=settings.model.threads)
    card = _with_thresholds(detector.card, settings.model)
    return detector if card == detector.card else _WithCard(detector, card)


def _model_named_by(model: ModelSettings) -> str:
    from dhishoom.detectors.catalogue import DEFAULT

    name = model.name or DEFAULT
    return f"{name}+{model.second}" if model.second else name


def _with_thresholds(card: ModelCard, model: ModelSettings) -> ModelCard:
    alert = card.alert if model.alert is None else model.alert
    possible = min(card.possible, alert) if model.possible is None else model.possible
    if possible > alert:
        whose = "the card's alert threshold" if model.alert is None else "model.alert"
        raise ModelError(f"model.possible {possible} is above {whose}, {alert:.3f}; lower it.")
    return replace(card, alert=alert, possible=possible)


@dataclass(frozen=True, slots=True)
class _WithCard:
    """A detector under another card."""

    detector: Detector
    card: ModelCard

    def scores(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        """The detector's own."""
        return self.detector.scores(windows)


class AudioCodec:
    """Chunks on the bus, in the form that costs least; reads every form."""

    def __init__(self, site: Site, form: Literal["npy", "flac", "wav"] = "npy") -> None:
        self._site: Site = site
        self._form: Literal["npy", "flac", "wav"] = form

    def encode(self, chunk: Chunk) -> tuple[bytes, Mapping[str, str]]:
        """In the form that was asked for."""
        from dhishoom.buses.audio_message import chunk_to_message

        return chunk_to_message(chunk, self._form)

    def decode(self, delivery: Delivery) -> Chunk:
        """Any form that docs/formats.md lists."""
        from dhishoom.buses.audio_message import chunk_from_message

        return chunk_from_message(
            delivery.key, delivery.value, delivery.headers, timestamp_ns=delivery.timestamp_ns, site=self._site
        )


def open_feeds(settings: Settings, base: Path = Path()) -> list[Feed]:
    """Every source that the settings name. Raises SourceError for one that cannot be, SettingsError for none."""
    begun_ns = _begun_ns(settings, base)
    feeds = [_feed_of(one, base, begun_ns) for one in settings.sensor if one.source]
    if settings.replay is not None:
        from dhishoom.sources.replay import Replay

        path = base / settings.replay.path
        feeds.append(Feed(name=f"replay of {path}", source=Replay(path, settings.replay.rate or None), patient=True))
    if settings.simulation is not None:
        simulation = settings.simulation
        source = simulated_city(seed=simulation.seed, realtime=simulation.realtime)
        feeds.append(Feed(name="simulated city", source=source, patient=not simulation.realtime))
    if settings.bus.kind != "memory":
        from dhishoom.sources.elsewhere import Elsewhere

        feeds.append(Feed(name=f"{settings.bus.kind} bus", source=Elsewhere(), patient=False))
    if not feeds:
        raise SettingsError(
            "nothing to listen to: no [[sensor]] has a source, and there is no [replay] or [simulation]. Give a sensor "
            'source = "microphone", an rtsp:// address or a file; `dhishoom init` writes examples.'
        )
    return feeds


def _begun_ns(settings: Settings, base: Path) -> int:
    """When the sensors' files were begun, all together; 0 where there are none."""
    paths = [path for one in settings.sensor if one.source and (path := base / one.source).is_file()]
    if not paths:
        return 0
    from dhishoom.sources.files import recorded_at_ns

    return recorded_at_ns(paths)


def _feed_of(sensor: SensorSettings, base: Path, begun_ns: int) -> Feed:
    source = sensor.source
    if source == MICROPHONE or source.startswith(f"{MICROPHONE}:"):
        from dhishoom.sources.microphone import MicrophoneSource

        device = source.partition(":")[2] or None
        number = int(device) if device and device.isdecimal() else device
        return _live(sensor, MicrophoneSource(number, sensor_id=sensor.id))
    if source.startswith(STREAM_SCHEMES):
        from dhishoom.sources.stream import StreamSource

        return _live(sensor, StreamSource(source, sensor_id=sensor.id))
    path = base / source
    if not path.is_file():
        raise SourceError(
            f"sensor {sensor.id!r} has the source {source!r}, which is no file here, no microphone and no address. "
            'Write source = "microphone", "rtsp://...", "https://..." or a file\'s path.'
        )
    from dhishoom.sources.files import FileSource

    return Feed(
        name=f"sensor {sensor.id}", source=FileSource(path, sensor_id=sensor.id, start_ns=begun_ns), patient=True
    )


def _live(sensor: SensorSettings, source: Source) -> Feed:
    return Feed(name=f"sensor {sensor.id}", source=source, patient=False)


def in_frame_of(site: Site, store: SqlStore) -> Site:
    """The site, measured from where the store's earlier incidents are; a new store is told where that is.

    Without it, one more sensor would move the mean that metres are counted from, and every earlier incident with it.
    Raises SettingsError where one has degrees and the other local metres.
    """
    kept = store.origin()
    placed = _has_places(site)
    local = kept is None and any(incident.position for incident in store.incidents(limit=1000))
    if (kept and placed and not site.origin) or (local and site.origin):
        theirs, ours = ("degrees", "metres") if kept else ("metres", "degrees")
        raise SettingsError(f"the store has places in {theirs}, the sensors in {ours}; name another store.folder.")
    if site.origin is None:
        return site
    if kept is None:
        store.put_origin(site.origin)
        return site
    return _measured_from(site, kept)


def _measured_from(site: Site, origin: Origin) -> Site:
    from dhishoom.core.geometry import to_geographic, to_local

    before = site.origin
    if before is None or before == origin:
        return site
    sensors = {
        name: replace(sensor, position=to_local(origin, *to_geographic(before, sensor.position)))
        if sensor.position
        else sensor
        for name, sensor in site.sensors.items()
    }
    return replace(site, sensors=sensors, origin=origin)


def merged_site(site: Site, feeds: Sequence[Feed]) -> Site:
    """The settings' site, with sensors and places that only the sources know."""
    for feed in feeds:
        known = feed.source.site()
        if known is None:
            continue
        if not site.sensors:
            site = replace(known, name=known.name if site.name == "site" else site.name)
        else:
            site = _joined(site, known)
    return site


def _joined(site: Site, known: Site) -> Site:
    """Sensors of both in one frame; where both know a sensor, the settings say how it is."""
    placed, known_placed = _has_places(site), _has_places(known)
    if placed and known_placed and (site.origin is None) != (known.origin is None):
        theirs, ours = ("metres", "degrees") if site.origin else ("degrees", "metres")
        raise SettingsError(f"the recordings have places in {theirs}, the sensors in {ours}; give all in {theirs}.")
    if placed and site.origin is not None:
        known = _measured_from(known, site.origin)
    origin = site.origin if placed else known.origin
    return replace(site, sensors={**known.sensors, **site.sensors}, origin=origin)


def _has_places(site: Site) -> bool:
    return any(sensor.position for sensor in site.sensors.values())


def simulated_city(*, seed: int, realtime: bool) -> Any:
    """The demo's city as a source."""
    from dhishoom.simulate.source import SimulatedCity, demo_scenario

    return SimulatedCity(demo_scenario(), seed=seed, realtime=realtime)


def simulated_streets(feeds: Sequence[Feed]) -> Json | None:
    """Streets of a simulated city, where one of the feeds is one and knows them."""
    for feed in feeds:
        streets: Json | None = getattr(feed.source, "streets", None)
        if streets is not None:
            return streets
    return None


def limits_of(settings: Settings) -> AssociationLimits:
    """How long the association waits, and what counts by itself. Raises ModelError as `open_detector` does."""
    from dhishoom.detectors.catalogue import card_of

    card = _with_thresholds(card_of(_model_named_by(settings.model)), settings.model)
    return AssociationLimits(lateness_s=settings.limits.lateness_s, alone_min=card.possible)


def open_memory_store() -> Store:
    """A store that is gone when the process ends."""
    from dhishoom.stores.memory import MemoryStore

    return MemoryStore()
