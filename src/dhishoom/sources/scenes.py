"""A scene: recordings of several sensors over the same minutes, with their clocks and places."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dhishoom.core.geometry import to_local
from dhishoom.errors import SourceError
from dhishoom.nouns import NS_PER_S, Chunk, Origin, Position, Sensor, Site, Weather
from dhishoom.sources.decoders import open_audio
from dhishoom.sources.files import decode

SENSORS_MAX = 10_000
OVERLAP_NS_MAX = 1_000_000
"""Recordings of one sensor may overlap by this much: times are written in milliseconds."""
SAME_PLACE_M = 50.0
"""A sensor measures its own place each time, to some metres; farther off it is another sensor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GeographicPlace:
    """WGS84 degrees, and metres above the ellipsoid (or above the sea: only differences matter)."""

    lat: float
    lon: float
    altitude_m: float = 0.0

    def __post_init__(self) -> None:
        if not (abs(self.lat) <= 90 and abs(self.lon) <= 180 and abs(self.altitude_m) <= 20_000):
            place = f"{self.lat}, {self.lon}, {self.altitude_m} m"
            raise SourceError(f"{place} is no place on Earth. Give degrees (lat -90..90, lon -180..180) and metres.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """One file of one sensor.

    Attributes:
        place: Local metres, degrees, or None where it is not known.
        clock_sigma_s: One standard deviation of its clock, where stated.
        weather: Of the air at the time, where stated.
        name: Of the sensor, for people.
    """

    sensor_id: str
    path: Path
    start_ns: int
    place: Position | GeographicPlace | None = None
    clock_sigma_s: float | None = None
    weather: Weather | None = None
    name: str = ""


class Scene:
    """What one folder holds: a Source with a site of its own.

    Attributes:
        folder: Below the replayed directory, with `/`; `.` for the directory itself.
        recordings: In the order of sensor ids, each sensor's in the order of time.
        problems: What was left out and why, one sentence each; grows where a file breaks off while it is played.
    """

    def __init__(self, folder: str, site: Site, recordings: Sequence[Recording], problems: Iterable[str]) -> None:
        self.folder = folder
        self.recordings = tuple(recordings)
        self.problems = list(problems)
        self._site = site
        self._closed = False

    def site(self) -> Site:
        """Its sensors, their places and the weather."""
        return self._site

    def chunks(self) -> Iterator[Chunk]:
        """Seconds of all sensors, interleaved in the order of time."""
        by_sensor: dict[str, list[Recording]] = {}
        for recording in self.recordings:
            by_sensor.setdefault(recording.sensor_id, []).append(recording)
        streams = [self._stream(recordings) for recordings in by_sensor.values()]
        for chunk in heapq.merge(*streams, key=lambda chunk: (chunk.start_ns, chunk.sensor_id)):
            if self._closed:
                return
            yield chunk

    def _stream(self, recordings: Sequence[Recording]) -> Iterator[Chunk]:
        for recording in recordings:
            try:
                for chunk in decode(recording.path, sensor_id=recording.sensor_id, start_ns=recording.start_ns):
                    yield replace(chunk, clock_sigma_s=recording.clock_sigma_s)
            except SourceError as error:
                self.problems.append(str(error))

    def close(self) -> None:
        """End `chunks` at its next chunk."""
        self._closed = True


def make_scene(folder: str, recordings: Iterable[Recording], problems: Iterable[str] = ()) -> Scene:
    """Put recordings together: one frame of places, one weather, no sensor in two places or heard twice at once."""
    told = list(problems)
    ordered = sorted(recordings, key=lambda one: (one.sensor_id, one.start_ns, str(one.path)))
    origin = _origin(ordered, folder)
    kept = list(_without_contradictions([_in_metres(one, origin) for one in ordered], told))
    if not kept:
        raise SourceError(f"nothing to replay in {folder}. " + " ".join(told))
    sensors = {one.sensor_id: _sensor(one, told) for one in {one.sensor_id: one for one in reversed(kept)}.values()}
    if len(sensors) > SENSORS_MAX:
        raise SourceError(f"{folder} has {len(sensors)} sensors; at most {SENSORS_MAX} are replayed. Split the folder.")
    site = Site(name=folder, sensors=dict(sorted(sensors.items())), origin=origin, weather=_mean_weather(kept))
    return Scene(folder, site, kept, told)


def _origin(recordings: Sequence[Recording], folder: str) -> Origin | None:
    """The mean of all geographic places; None where places are metres."""
    places = [one.place for one in recordings]
    geographic = [place for place in places if isinstance(place, GeographicPlace)]
    if not geographic:
        return None
    if any(isinstance(place, Position) for place in places):
        raise SourceError(
            f"{folder} mixes degrees and metres, so no distance is known. Write all places in one of them."
        )
    count = len(geographic)
    return Origin(
        lat=sum(place.lat for place in geographic) / count,
        lon=sum(place.lon for place in geographic) / count,
        altitude_m=sum(place.altitude_m for place in geographic) / count,
    )


def _in_metres(recording: Recording, origin: Origin | None) -> Recording:
    place = recording.place
    if origin is None or not isinstance(place, GeographicPlace):
        return recording
    return replace(recording, place=to_local(origin, place.lat, place.lon, place.altitude_m))


def _without_contradictions(recordings: Iterable[Recording], told: list[str]) -> Iterator[Recording]:
    """Drop what cannot be read, and what cannot also be true: a sensor in a second place, or heard twice at once."""
    before: Recording | None = None
    end_ns = 0
    for one in recordings:
        try:
            one_end_ns = one.start_ns + round(open_audio(one.path).duration_s * NS_PER_S)
        except SourceError as error:
            told.append(str(error))
            continue
        if before is not None and before.sensor_id == one.sensor_id:
            if not same_place(before.place, one.place):
                told.append(_left_out(one, f"stands elsewhere in {before.path.name}", "Give it an id of its own."))
                continue
            if one.start_ns < end_ns - OVERLAP_NS_MAX:
                told.append(_left_out(one, f"was still recording {before.path.name} then", "Mend its id or its time."))
                continue
        yield one
        before, end_ns = one, one_end_ns


def _left_out(recording: Recording, why: str, fix: str) -> str:
    return f"{recording.path} is left out: sensor {recording.sensor_id} {why}. {fix}"


def same_place(one: object, other: object) -> bool:
    """Whether two places of a sensor can be the same: both unknown, or within `SAME_PLACE_M`."""
    if not isinstance(one, Position) or not isinstance(other, Position):
        return one is other
    return math.hypot(one.x_m - other.x_m, one.y_m - other.y_m) <= SAME_PLACE_M


def _sensor(recording: Recording, told: list[str]) -> Sensor:
    place = recording.place
    if not isinstance(place, Position):
        told.append(
            f"sensor {recording.sensor_id} has no place: it is heard but cannot help to locate. State its place."
        )
        place = None
    sensor = Sensor(sensor_id=recording.sensor_id, position=place, name=recording.name)
    return sensor if recording.clock_sigma_s is None else replace(sensor, clock_sigma_s=recording.clock_sigma_s)


def _mean_weather(recordings: Iterable[Recording]) -> Weather:
    """The mean of what is stated, so that one odd thermometer does not decide."""
    stated = [one.weather for one in recordings if one.weather is not None]
    if not stated:
        return Weather()
    count = len(stated)
    return Weather(
        temperature_c=sum(one.temperature_c for one in stated) / count,
        humidity_percent=sum(one.humidity_percent for one in stated) / count,
        pressure_kpa=sum(one.pressure_kpa for one in stated) / count,
        wind_east_m_s=sum(one.wind_east_m_s for one in stated) / count,
        wind_north_m_s=sum(one.wind_north_m_s for one in stated) / count,
    )
