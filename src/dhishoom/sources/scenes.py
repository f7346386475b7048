"""A scene: recordings of several sensors over the same minutes, with their clocks and places."""

from __future__ import annotations

import heapq
import math
import statistics
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dhishoom.core.geometry import to_local
from dhishoom.errors import GeometryError, SourceError
from dhishoom.nouns import NS_PER_S, Chunk, Origin, Position, Sensor, Site, Weather
from dhishoom.sources.decoders import open_audio
from dhishoom.sources.files import decode
from dhishoom.sources.possible import REACH_M, is_time, is_weather
from dhishoom.sources.quality import Quality

SENSORS_MAX = 10_000
OVERLAP_NS_MAX = 1_000_000
"""Recordings of one sensor may overlap by this much: times are written in milliseconds."""
SAME_PLACE_M = 50.0
"""A sensor measures its own place each time, to some metres; farther off it is another sensor."""
REASONS_MAX = 5


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

    def __post_init__(self) -> None:
        if not self.sensor_id.strip():
            raise SourceError("it names no sensor. Give the sensor's id.")
        if not is_time(self.start_ns):
            raise SourceError("it starts before 1970 or after 2115. Set the sensor's clock, or mend the time.")


class Scene:
    """What one folder holds: a Source with a site of its own.

    Attributes:
        folder: Below the replayed directory, with `/`; `.` for the directory itself.
        recordings: In the order of sensor ids, each sensor's in the order of time.
        problems: What was left out and why, one sentence each; grows where a file breaks off while it is played.
        remarks: What is odd about sound that is played nevertheless, one sentence each; grows as it is played.
    """

    def __init__(
        self,
        folder: str,
        site: Site,
        recordings: Sequence[Recording],
        *,
        problems: Iterable[str] = (),
        remarks: Iterable[str] = (),
    ) -> None:
        self.folder = folder
        self.recordings = tuple(recordings)
        self.problems = list(problems)
        self.remarks = list(remarks)
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
        for one in recordings:
            quality = Quality()
            try:
                for chunk in decode(one.path, sensor_id=one.sensor_id, start_ns=one.start_ns, quality=quality):
                    yield replace(chunk, clock_sigma_s=one.clock_sigma_s)
            except SourceError as error:
                _tell_once(self.problems, str(error))
            for remark in quality.remarks():
                _tell_once(self.remarks, f"{one.path}: {remark}")

    def close(self) -> None:
        """End `chunks` at its next chunk."""
        self._closed = True


def make_scene(folder: str, recordings: Iterable[Recording], problems: Iterable[str] = ()) -> Scene:
    """Put recordings together: one frame of places, one weather, no sensor in two places or heard twice at once."""
    told, remarks = list(problems), list[str]()
    ordered = sorted(recordings, key=lambda one: (one.sensor_id, one.start_ns, str(one.path)))
    kept = list(_without_contradictions(_in_reach(_in_metres(ordered, _origin(ordered, folder), told), told), told))
    if not kept:
        raise SourceError(f"nothing to replay in {folder}. {some_of(told)}")
    sensors = {one.sensor_id: _sensor(one) for one in reversed(kept)}
    if len(sensors) > SENSORS_MAX:
        raise SourceError(f"{folder} has {len(sensors)} sensors; at most {SENSORS_MAX} are replayed. Split the folder.")
    weather = _mean_weather(kept, remarks)
    site = Site(name=folder, sensors=dict(sorted(sensors.items())), origin=_origin(ordered, folder), weather=weather)
    remarks += [_without_place(name) for name, sensor in site.sensors.items() if sensor.position is None]
    return Scene(folder, site, kept, problems=told, remarks=remarks)


def some_of(reasons: Sequence[str]) -> str:
    """The first of many reasons, in one message."""
    rest = len(reasons) - REASONS_MAX
    return " ".join(reasons[:REASONS_MAX]) + (f" And {rest} more like these." if rest > 0 else "")


def _tell_once(told: list[str], sentence: str) -> None:
    """A scene that is played again says the same."""
    if sentence not in told:
        told.append(sentence)


def _without_place(sensor_id: str) -> str:
    return f"sensor {sensor_id} has no place: it is heard but cannot help to locate. State its place."


def _origin(recordings: Sequence[Recording], folder: str) -> Origin | None:
    """The median of all geographic places, so that one wrong place moves nothing; None where places are metres."""
    places = [one.place for one in recordings]
    geographic = [place for place in places if isinstance(place, GeographicPlace)]
    if not geographic:
        return None
    if any(isinstance(place, Position) for place in places):
        raise SourceError(
            f"{folder} mixes degrees and metres, so no distance is known. Write all places in one of them."
        )
    return Origin(
        lat=statistics.median(place.lat for place in geographic),
        lon=statistics.median(place.lon for place in geographic),
        altitude_m=statistics.median(place.altitude_m for place in geographic),
    )


def _in_metres(recordings: Iterable[Recording], origin: Origin | None, told: list[str]) -> Iterator[Recording]:
    for one in recordings:
        place = one.place
        if origin is None or not isinstance(place, GeographicPlace):
            yield one
            continue
        try:
            yield replace(one, place=to_local(origin, place.lat, place.lon, place.altitude_m))
        except GeometryError:
            told.append(_too_far(one))


def _in_reach(recordings: Iterable[Recording], told: list[str]) -> list[Recording]:
    """Without those that stand too far from the middle of all to hear anything in common."""
    found = list(recordings)
    places = [one.place for one in found if isinstance(one.place, Position)]
    if not places:
        return found
    middle = Position(
        x_m=statistics.median_low(place.x_m for place in places),
        y_m=statistics.median_low(place.y_m for place in places),
    )
    told.extend(_too_far(one) for one in found if not _near(one.place, middle, REACH_M))
    return [one for one in found if _near(one.place, middle, REACH_M)]


def _too_far(recording: Recording) -> str:
    why = f"stands more than {REACH_M / 1000:.0f} km from the others"
    return _left_out(recording, why, "Mend its place, or replay it by itself.")


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
    return _near(one, other, SAME_PLACE_M)


def _near(one: object, other: Position, reach_m: float) -> bool:
    """Whether a place may lie within a distance of another: an unknown one may."""
    if not isinstance(one, Position):
        return True
    return math.hypot(one.x_m - other.x_m, one.y_m - other.y_m) <= reach_m and abs(one.z_m - other.z_m) <= REACH_M


def _sensor(recording: Recording) -> Sensor:
    place = recording.place if isinstance(recording.place, Position) else None
    sensor = Sensor(sensor_id=recording.sensor_id, position=place, name=recording.name)
    return sensor if recording.clock_sigma_s is None else replace(sensor, clock_sigma_s=recording.clock_sigma_s)


def _mean_weather(recordings: Iterable[Recording], remarks: list[str]) -> Weather:
    """The mean of what is stated and can be, so that one odd thermometer does not decide."""
    stated = [one.weather for one in recordings if one.weather is not None]
    possible = [one for one in stated if is_weather(one)]
    if len(possible) < len(stated):
        odd = next(one for one in stated if not is_weather(one))
        remarks.append(f"weather that cannot be is not believed ({odd.temperature_c:g} degrees Celsius). Mend it.")
    if not possible:
        return Weather()
    return Weather(
        temperature_c=statistics.fmean(one.temperature_c for one in possible),
        humidity_percent=statistics.fmean(one.humidity_percent for one in possible),
        pressure_kpa=statistics.fmean(one.pressure_kpa for one in possible),
        wind_east_m_s=statistics.fmean(one.wind_east_m_s for one in possible),
        wind_north_m_s=statistics.fmean(one.wind_north_m_s for one in possible),
    )
