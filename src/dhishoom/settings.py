"""`dhishoom.toml` and the environment as settings; docs/settings.md lists them all.

`${NAME}` in any text stands for the environment variable NAME, so that no password need be written down.
"""

from __future__ import annotations

import difflib
import math
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args

import msgspec

from dhishoom.alert_settings import AlertSettings, RuleSettings, SinkSettings, check_alerts
from dhishoom.bus_settings import BridgeSettings, BusSettings, check_bus
from dhishoom.errors import SettingsError
from dhishoom.sections import Section
from dhishoom.spark_settings import SparkSettings, check_spark

FILE_NAME = "dhishoom.toml"
BYTES_MAX = 4 << 20
SENSORS_MAX = 10_000
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")

Keep = Literal["none", "shots", "detections", "all"]
S = TypeVar("S", bound=Section)


class OriginSettings(Section, frozen=True, kw_only=True):
    """`[site.origin]`: where a geographic site's metres have their zero.

    Attributes:
        lat, lon: WGS84, in degrees.
        altitude: Metres above the ellipsoid.
    """

    lat: float
    lon: float
    altitude: float = 0.0


class WeatherSettings(Section, frozen=True, kw_only=True):
    """`[site.weather]`: the air that sound travels through.

    Attributes:
        temperature_c: Degrees Celsius; ten of them change the speed of sound by 1.8 percent.
        humidity_percent: Relative humidity, 0 to 100.
        pressure_kpa: Of the air, kilopascal.
        wind_east_m_s, wind_north_m_s: Where the air moves to, metres a second.
    """

    temperature_c: float = 15.0
    humidity_percent: float = 60.0
    pressure_kpa: float = 101.325
    wind_east_m_s: float = 0.0
    wind_north_m_s: float = 0.0


class SiteSettings(Section, frozen=True, kw_only=True):
    """`[site]`: the place that is listened to.

    Attributes:
        name: Shown on the page and in alerts.
        origin: Of a geographic site; where it is missing and sensors have lat and lon, their mean.
        streets: A GeoJSON file drawn under the map.
    """

    name: str = "site"
    origin: OriginSettings | None = None
    weather: WeatherSettings = WeatherSettings()
    streets: str = ""


class SensorSettings(Section, frozen=True, kw_only=True):
    """`[[sensor]]`: one microphone.

    Attributes:
        id: Unique in the site; detections and clips carry it.
        source: `microphone`, `microphone:NAME`, an rtsp:// or http(s):// address, a file (all files begin together,
            timed by when the newest was written), or empty: the bus brings it.
        name: For people.
        lat, lon, altitude: Its place in a geographic site: degrees, and metres above the ellipsoid.
        x, y, z: Its place in a site of local metres: east, north and up.
        sample_rate: Samples a second, where messages do not say it.
        clock_sigma_s: One standard deviation of its clock, seconds; a millisecond is 34 cm.
    """

    id: str
    source: str = ""
    name: str = ""
    lat: float | None = None
    lon: float | None = None
    altitude: float = 0.0
    x: float | None = None
    y: float | None = None
    z: float = 0.0
    sample_rate: int | None = None
    clock_sigma_s: float = 0.001


class ReplaySettings(Section, frozen=True, kw_only=True):
    """`[replay]`: recordings of many sensors as the source.

    Attributes:
        path: Their folder, as `dhishoom replay` takes it.
        rate: 1 is as fast as it was recorded, 0 as fast as possible.
    """

    path: str
    rate: float = 0.0


class SimulationSettings(Section, frozen=True, kw_only=True):
    """`[simulation]`: a simulated city as the source.

    Attributes:
        seed: Another seed is another evening.
        realtime: As fast as it would sound; else as fast as possible.
    """

    seed: int = 1
    realtime: bool = True


class ModelSettings(Section, frozen=True, kw_only=True):
    """`[model]`: what listens.

    Attributes:
        name: One of `dhishoom models list`, or a path to an .onnx file; empty: the default.
        second: A fetched tagger that has a second look at what `name` doubts (`dhishoom models fetch yamnet`).
        alert, possible: Least gunshot probability for an alert and for a detection, instead of the card's.
        threads: For one batch.
    """

    name: str = ""
    second: str = ""
    alert: float | None = None
    possible: float | None = None
    threads: int = 1


class StoreSettings(Section, frozen=True, kw_only=True):
    """`[store]`: where and what is kept.

    Attributes:
        folder: Of the database and the clips, unless `url` and `clips` name others.
        url: Another database, as SQLAlchemy writes its address.
        clips: Another folder for the clips.
        keep: Which sound: `none`, `shots`, `detections` (rejections as well) or `all`.
        days: Clips go after so long, counted from when they were heard; those of confirmed incidents always stay.
        gigabytes: When there are more, the oldest unreviewed clips go first.
        free_megabytes: Clips stop before the disk has less than this left.
    """

    folder: str = "dhishoom-data"
    url: str = ""
    clips: str = ""
    keep: Keep = "shots"
    days: float = 30.0
    gigabytes: float = 10.0
    free_megabytes: int = 256


class WebSettings(Section, frozen=True, kw_only=True):
    """`[web]`: the page and the API.

    Attributes:
        host: Address to serve at; the default is this machine alone.
        port: 0 takes any that is free.
        hosts: Names it answers to besides this machine's own.
    """

    host: str = "127.0.0.1"
    port: int = 8765
    hosts: tuple[str, ...] = ()


class LimitSettings(Section, frozen=True, kw_only=True):
    """`[limits]`: how long to wait and how much to hold.

    Attributes:
        lateness_s: A sensor that lags is waited for so long before an incident is settled without it.
        messages_max: Chunks of sound that may wait on the memory bus.
    """

    lateness_s: float = 10.0
    messages_max: int = 4096


class Settings(Section, frozen=True, kw_only=True):
    """All of `dhishoom.toml`."""

    site: SiteSettings = SiteSettings()
    sensor: tuple[SensorSettings, ...] = ()
    replay: ReplaySettings | None = None
    simulation: SimulationSettings | None = None
    model: ModelSettings = ModelSettings()
    store: StoreSettings = StoreSettings()
    web: WebSettings = WebSettings()
    limits: LimitSettings = LimitSettings()
    bus: BusSettings = BusSettings()
    bridge: BridgeSettings = BridgeSettings()
    spark: SparkSettings = SparkSettings()
    alerts: AlertSettings = AlertSettings()
    rule: tuple[RuleSettings, ...] = ()
    sink: tuple[SinkSettings, ...] = ()


def read_settings(path: Path, environment: Mapping[str, str] = os.environ) -> Settings:
    """Settings of a file; paths in them stay as written. Raises SettingsError with the line or key to mend."""
    try:
        if path.stat().st_size > BYTES_MAX:
            raise SettingsError(f"{path} is larger than {BYTES_MAX >> 20} MiB; that is no dhishoom.toml.")
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise SettingsError(
            f"there is no {path}. `dhishoom init` writes one to fill in; `dhishoom demo` needs none."
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"cannot read {path}: {error}. It must be a text file in UTF-8 that you may read."
        ) from error
    return parse_settings(text, where=str(path), environment=environment)


def parse_settings(text: str, *, where: str = FILE_NAME, environment: Mapping[str, str] = os.environ) -> Settings:
    """Settings of a TOML text."""
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{where} is no TOML: {error}. Texts need quotes, lists need brackets.") from error
    filled = _filled(raw, where, environment)
    for trail, key, known in _unknown(filled, Settings, ()):
        raise SettingsError(_misspelt(where, trail, key, known))
    try:
        settings = msgspec.convert(filled, Settings)
    except msgspec.ValidationError as error:
        raise SettingsError(f"{where}: {_in_words(error)}. docs/settings.md lists every setting.") from error
    _check(settings, where)
    _require_finite(filled, where)
    return settings


def _require_finite(value: Any, where: str) -> None:
    """No number is infinite, or none at all."""
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            _require_finite(inner, where)
    elif isinstance(value, float) and not math.isfinite(value):
        raise SettingsError(f"{where} has {value} where a number must stand; write a large one where none is meant.")


def _filled(value: Any, where: str, environment: Mapping[str, str]) -> Any:
    """Texts with their `${NAME}` filled in."""
    if isinstance(value, dict):
        return {key: _filled(inner, where, environment) for key, inner in value.items()}
    if isinstance(value, list):
        return [_filled(inner, where, environment) for inner in value]
    if not isinstance(value, str):
        return value

    def look_up(match: re.Match[str]) -> str:
        if match[1] not in environment:
            raise SettingsError(
                f"{where} refers to the environment variable {match[1]}, which is not set; export it first."
            )
        return environment[match[1]]

    return _VARIABLE.sub(look_up, value)


def _unknown(value: Any, kind: Any, trail: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str, list[str]]]:
    """Keys that no section has: where, which, and what there is."""
    section = _section_in(kind)
    if section is None:
        return
    if isinstance(value, list):
        for inner in value:
            yield from _unknown(inner, section, trail)
    elif isinstance(value, dict):
        fields = {field.encode_name: field.type for field in msgspec.structs.fields(section)}
        for key, inner in value.items():
            if key not in fields:
                yield trail, key, sorted(fields)
            else:
                yield from _unknown(inner, fields[key], (*trail, key))


def _section_in(kind: Any) -> type[Section] | None:
    """The section that a type is, holds a list of, or allows to be missing."""
    if isinstance(kind, type) and issubclass(kind, Section):
        return kind
    return next((found for inner in get_args(kind) if (found := _section_in(inner))), None)


def _misspelt(where: str, trail: tuple[str, ...], key: str, known: list[str]) -> str:
    near = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
    hint = f"Did you mean {near[0]}?" if near else f"There are: {', '.join(known)}."
    place = f"[{'.'.join(trail)}]" if trail else "the file"
    return f"{where}: {place} has no setting {key!r}. {hint}"


def _in_words(error: msgspec.ValidationError) -> str:
    """msgspec's reason with the key as it is written in the file."""
    return str(error).replace(" - at `$.", " at `").replace("[...]", "")


def _check(settings: Settings, where: str) -> None:
    def require(holds: bool, what: str) -> None:
        if not holds:
            raise SettingsError(f"{where}: {what}")

    ids = [sensor.id for sensor in settings.sensor]
    twice = sorted({name for name in ids if ids.count(name) > 1}) if len(ids) <= SENSORS_MAX else []
    require(len(ids) <= SENSORS_MAX, f"{len(ids)} sensors; at most {SENSORS_MAX} are taken. Run several sites.")
    require(not twice, f"two sensors have the id {twice[:1]}; give each its own.")
    require(all(ids), "a sensor has an empty id; name it.")
    require(not (settings.replay and settings.simulation), "[replay] and [simulation] exclude each other; keep one.")
    require(0 <= settings.web.port <= 65535, f"web.port {settings.web.port} is no port; choose 0 to 65535.")
    require(settings.store.days > 0, f"store.days is {settings.store.days:g}; give more than 0.")
    require(settings.store.gigabytes > 0, f"store.gigabytes is {settings.store.gigabytes:g}; give more than 0.")
    require(settings.store.free_megabytes >= 0, "store.free_megabytes is negative; give 0 or more.")
    require(settings.limits.messages_max > 0, "limits.messages_max must be above 0.")
    require(settings.limits.lateness_s > 0, "limits.lateness_s must be above 0.")
    for name, threshold in (("alert", settings.model.alert), ("possible", settings.model.possible)):
        require(threshold is None or 0 < threshold <= 1, f"model.{name} {threshold} is no probability above 0.")
    for sensor in settings.sensor:
        _check_place(sensor, require)
    check_bus(settings.bus, require)
    check_spark(settings.spark, require)
    check_alerts(settings.alerts, settings.rule, settings.sink, require)


def _check_place(sensor: SensorSettings, require: Any) -> None:
    require((sensor.lat is None) == (sensor.lon is None), f"sensor {sensor.id!r} has one of lat and lon; give both.")
    require((sensor.x is None) == (sensor.y is None), f"sensor {sensor.id!r} has one of x and y; give both.")
    both = sensor.lat is not None and sensor.x is not None
    require(not both, f"sensor {sensor.id!r} has degrees and metres; keep one of them.")
    require(0 <= sensor.clock_sigma_s <= 60, f"sensor {sensor.id!r}: clock_sigma_s must be 0 to 60 seconds.")
