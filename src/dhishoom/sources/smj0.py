"""WAV files that carry their sensor in themselves: a RIFF chunk `smj0` of zlib-compressed JSON.

Seen in recordings of street sensors: serialNumber, startTimeUTC, geolocation in degrees, weather.
"""

from __future__ import annotations

import math
import zlib
from pathlib import Path

import msgspec

from dhishoom.core.timestamps import from_rfc3339
from dhishoom.errors import DhishoomError, SourceError
from dhishoom.nouns import Weather
from dhishoom.sources.riff import chunk_bytes
from dhishoom.sources.scenes import GeographicPlace, Recording

CHUNK_NAME = b"smj0"
COMPRESSED_BYTES_MAX = 1 << 18
JSON_BYTES_MAX = 1 << 20
"""The bound of decompression: real chunks hold about 1 kB."""


class _Geolocation(msgspec.Struct):
    latitude: float
    longitude: float
    elevation: float | None = None


class _Weather(msgspec.Struct):
    temperature: float | None = None
    relative_humidity: float | None = msgspec.field(name="relativeHumidity", default=None)
    speed: float | None = None
    direction: float | None = None


class _Facts(msgspec.Struct):
    serial_number: str = msgspec.field(name="serialNumber")
    start_time_utc: str = msgspec.field(name="startTimeUTC")
    geolocation: _Geolocation | None = None
    weather: _Weather | None = None
    friendly_name: str | None = msgspec.field(name="friendlyName", default=None)


def read_smj0(folder: Path, problems: list[str]) -> list[Recording]:
    """Every WAV of one folder that carries its sensor; a chunk that cannot be understood is told in `problems`."""
    found: list[Recording] = []
    for path in sorted(path for path in folder.glob("*.[wW][aA][vV]") if not path.is_dir()):
        try:
            recording = _recording(path)
        except DhishoomError as error:
            problems.append(f"{path} is left out: {error}")
            continue
        if recording is not None:
            found.append(recording)
    return found


def _recording(path: Path) -> Recording | None:
    try:
        compressed = chunk_bytes(path, CHUNK_NAME, bytes_max=COMPRESSED_BYTES_MAX)
    except OSError as error:
        raise SourceError(f"it cannot be read: {error.strerror}. Check its permissions.") from error
    return None if compressed is None else parse_smj0(compressed, path)


def parse_smj0(compressed: bytes, path: Path) -> Recording:
    """What one `smj0` chunk says of the file it was found in; raises SourceError or NounError."""
    try:
        facts = msgspec.json.decode(_decompress(compressed), type=_Facts)
    except (zlib.error, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise SourceError(f"its smj0 chunk cannot be understood: {error}. Use the file as recorded.") from error
    return Recording(
        sensor_id=facts.serial_number,
        path=path,
        start_ns=from_rfc3339(facts.start_time_utc),
        place=_place(facts.geolocation),
        weather=_weather(facts.weather),
        name=facts.friendly_name or "",
    )


def _decompress(compressed: bytes) -> bytes:
    inflater = zlib.decompressobj()
    text = inflater.decompress(compressed, JSON_BYTES_MAX)
    if inflater.unconsumed_tail:
        raise zlib.error(f"it unpacks to more than {JSON_BYTES_MAX} bytes")
    return text


def _place(geolocation: _Geolocation | None) -> GeographicPlace | None:
    if geolocation is None:
        return None
    height_m = geolocation.elevation or 0.0
    return GeographicPlace(lat=geolocation.latitude, lon=geolocation.longitude, altitude_m=height_m)


def _weather(stated: _Weather | None) -> Weather | None:
    """Wind is stated as weather stations do: metres per second, and the degrees it comes FROM."""
    if stated is None or stated.temperature is None:
        return None
    speed, toward = stated.speed or 0.0, math.radians((stated.direction or 0.0) + 180)
    still = Weather()
    return Weather(
        temperature_c=stated.temperature,
        humidity_percent=still.humidity_percent if stated.relative_humidity is None else stated.relative_humidity,
        wind_east_m_s=speed * math.sin(toward),
        wind_north_m_s=speed * math.cos(toward),
    )
