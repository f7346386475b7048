"""Picks made by hand or by other systems, as JSON: what `dhishoom locate` reads.

Two forms: our own object of sensors and picks, and the array of pulses of the live-fire set of ShotSpotter Tech Note
098 (arXiv 2108.07377). docs/formats.md shows both.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from dhishoom.core.timestamps import from_rfc3339
from dhishoom.errors import DhishoomError, NounError, SourceError
from dhishoom.nouns import GUNSHOT, Detection, Position, Sensor, Site, Weather, derived_id
from dhishoom.sources.possible import is_time, is_weather

FILE_BYTES_MAX = 64 << 20
SIGMA_S = 0.001
"""Of a pick that does not say."""
FAR_M = 1e7
"""Places are metres in any frame, such as UTM: northings reach ten million."""
MOVED_M = 50.0
"""A sensor measures its own place to some metres; farther off it has been moved."""
UNJUDGED = 0.5
"""Score of a pick that nobody judged: it says that something was heard, not what."""


class _Place(msgspec.Struct):
    x: float
    y: float
    z: float = 0.0


class _Pick(msgspec.Struct):
    sensor_id: str
    time: str
    sigma_s: float = SIGMA_S
    score: float = UNJUDGED


class _PicksFile(msgspec.Struct):
    sensors: dict[str, _Place]
    picks: list[_Pick]
    temperature_c: float = 15.0
    humidity_percent: float = 60.0
    wind_east_m_s: float = 0.0
    wind_north_m_s: float = 0.0


class _Pulse(msgspec.Struct, rename={"snr_db": "signal_to_noise_dB"}):
    pulse_uuid: str
    serial_number: str
    arrival_time_utc: str
    location: _Place
    snr_db: float = 0.0


class _WeatherFile(msgspec.Struct):
    temperature: float | None = None
    speed: float | None = None
    direction: float | None = None


@dataclass(frozen=True, slots=True)
class PickFile:
    """What a file of picks holds.

    Attributes:
        detections: In order of time; picks told twice under other ids are held once.
        problems: What was left out, and why.
    """

    site: Site
    detections: tuple[Detection, ...]
    problems: tuple[str, ...] = ()


def read_picks(path: Path, temperature_c: float | None = None) -> PickFile:
    """Read either form; `temperature_c` goes before what the file, or a weather file beside it, says."""
    text = _read(path)
    try:
        if text.lstrip()[:1] == b"[":
            found = from_pulses(msgspec.json.decode(text, type=list[_Pulse]), _weather_beside(path))
        else:
            found = _from_picks(msgspec.json.decode(text, type=_PicksFile))
    except (msgspec.DecodeError, UnicodeDecodeError, NounError) as error:
        raise SourceError(f"Cannot understand {path}: {error}. docs/formats.md shows what it holds.") from error
    site = found.site
    if temperature_c is not None:
        site = replace(site, weather=replace(site.weather, temperature_c=temperature_c))
    _require_possible(path, site)
    return replace(found, site=site)


def _require_possible(path: Path, site: Site) -> None:
    """Refuse weather and places from which nothing could be computed."""
    if not is_weather(site.weather):
        weather = f"{site.weather.temperature_c:g} degrees Celsius, {site.weather.humidity_percent:g} % humidity"
        raise SourceError(f"{path} cannot be of this Earth: {weather}. Give degrees -90 to 60 and percent 0 to 100.")
    for name, sensor in site.sensors.items():
        place = sensor.position
        if place and max(abs(place.x_m), abs(place.y_m), abs(place.z_m)) > FAR_M:
            raise SourceError(
                f"{path}: sensor {name!r} stands more than 10000 km off. Give metres from a place nearby."
            )


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            text = file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise SourceError(f"Cannot read {path}: {error.strerror}. Give a JSON file of picks.") from error
    if len(text) > FILE_BYTES_MAX:
        raise SourceError(f"Cannot read {path}: more than {FILE_BYTES_MAX >> 20} MiB. Cut it into shorter stretches.")
    return text


def _from_picks(file: _PicksFile) -> PickFile:
    sensors = {name: _sensor(name, [place]) for name, place in file.sensors.items()}
    weather = Weather(
        temperature_c=file.temperature_c,
        humidity_percent=file.humidity_percent,
        wind_east_m_s=file.wind_east_m_s,
        wind_north_m_s=file.wind_north_m_s,
    )
    found, problems = [], []
    for number, pick in enumerate(file.picks):
        try:
            found.append(_detection(pick, sensors))
        except DhishoomError as error:
            problems.append(f"Pick {number} is left out: {error}")
    return _told(Site(sensors=sensors, weather=weather), found, problems)


def _detection(pick: _Pick, sensors: dict[str, Sensor]) -> Detection:
    if pick.sensor_id not in sensors:
        raise SourceError(f'its sensor {pick.sensor_id!r} is not among "sensors"; add its place.')
    if not 0 <= pick.sigma_s < 60:
        raise SourceError(f'its "sigma_s" is {pick.sigma_s}; give seconds, 0 to 60.')
    onset_ns = _time_ns(pick.time)
    return Detection(
        detection_id=derived_id("pick", pick.sensor_id, onset_ns),
        sensor_id=pick.sensor_id,
        onset_ns=onset_ns,
        sigma_s=pick.sigma_s,
        score=pick.score,
        label=GUNSHOT,
        classes={},
        snr_db=0.0,
        model="picks",
    )


def _time_ns(text: str) -> int:
    time_ns = from_rfc3339(text)
    if not is_time(time_ns):
        raise SourceError(f"its time {text!r} is before 1970 or after 2115; mend it.")
    return time_ns


def from_pulses(pulses: Sequence[_Pulse], weather: Weather) -> PickFile:
    """Pulses of the live-fire set; a sensor that measured its own place several times stands at the median."""
    places: dict[str, list[_Place]] = {}
    for pulse in pulses:
        places.setdefault(pulse.serial_number, []).append(pulse.location)
    sensors = {name: _sensor(name, measured) for name, measured in places.items()}
    found, problems = [], []
    for pulse in pulses:
        try:
            found.append(_pulse_detection(pulse, sensors[pulse.serial_number]))
        except DhishoomError as error:
            problems.append(f"Pulse {pulse.pulse_uuid} is left out: {error}")
    return _told(Site(sensors=sensors, weather=weather), found, problems)


def _pulse_detection(pulse: _Pulse, sensor: Sensor) -> Detection:
    place = sensor.position
    if place is None or math.hypot(pulse.location.x - place.x_m, pulse.location.y - place.y_m) > MOVED_M:
        raise SourceError(f"sensor {sensor.sensor_id} was elsewhere then; give it another id after it moved.")
    return Detection(
        detection_id=pulse.pulse_uuid,
        sensor_id=pulse.serial_number,
        onset_ns=_time_ns(pulse.arrival_time_utc),
        sigma_s=SIGMA_S,
        score=UNJUDGED,
        label=GUNSHOT,
        classes={},
        snr_db=pulse.snr_db,
        model="pulses",
    )


def _sensor(name: str, measured: Sequence[_Place]) -> Sensor:
    position = Position(
        x_m=statistics.median(place.x for place in measured),
        y_m=statistics.median(place.y for place in measured),
        z_m=statistics.median(place.z for place in measured),
    )
    return Sensor(sensor_id=name, position=position)


def _told(site: Site, detections: list[Detection], problems: list[str]) -> PickFile:
    once = {(one.sensor_id, one.onset_ns): one for one in reversed(detections)}
    ordered = sorted(once.values(), key=lambda one: (one.onset_ns, one.sensor_id))
    return PickFile(site, tuple(ordered), tuple(problems))


def _weather_beside(path: Path) -> Weather:
    """Of `TEST.weather.json` next to `TEST.allpulses.json`; fifteen degrees where there is none.

    Wind is stated as weather stations do: metres per second, and the degrees it comes from.
    """
    beside = path.with_name(path.name.removesuffix(".allpulses.json") + ".weather.json")
    if beside == path or not beside.is_file():
        return Weather()
    stated = msgspec.json.decode(_read(beside), type=_WeatherFile)
    if stated.temperature is None:
        return Weather()
    speed, toward = stated.speed or 0.0, math.radians((stated.direction or 0.0) + 180)
    return Weather(
        temperature_c=stated.temperature,
        wind_east_m_s=speed * math.sin(toward),
        wind_north_m_s=speed * math.cos(toward),
    )
