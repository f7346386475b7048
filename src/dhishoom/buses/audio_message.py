"""A chunk as a message: CloudEvents headers and FLAC, WAV or `.npy` (docs/formats.md).

Taken from others, so everything is checked before it is believed; a pickled array is refused without being loaded.
"""

from __future__ import annotations

import io
import math
import struct
from collections.abc import Mapping
from functools import lru_cache
from tokenize import TokenError
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from dhishoom.core.timestamps import from_rfc3339, to_rfc3339
from dhishoom.errors import BusError, NounError
from dhishoom.nouns import NS_PER_S, Chunk, Site

if TYPE_CHECKING:
    from numpy.typing import NDArray

Form = Literal["npy", "flac", "wav"]
CONTENT_TYPES: dict[Form, str] = {"npy": "application/x-npy", "flac": "audio/flac", "wav": "audio/wav"}
AUDIO_TYPE = "dhishoom.audio.v1"
BYTES_MAX = 32 << 20
SECONDS_MAX = 120.0
CHANNELS_MAX = 64
RATE_MIN, RATE_MAX = 1_000, 384_000
NPY_HEADER_BYTES_MAX = 4096
UNKNOWN_LENGTH = 8 + 0xFFFFFFFF
"""What a recorder writes that cannot go back to its header."""
AHEAD_NS_MAX = 86_400 * NS_PER_S
_NO_HEADER = (
    ValueError, EOFError, OverflowError, SyntaxError, TypeError, RecursionError, MemoryError, struct.error, TokenError
)  # fmt: skip
_MAGIC: dict[bytes, Form] = {b"\x93NUMPY": "npy", b"fLaC": "flac", b"RIFF": "wav"}
_FULL_SCALE = {"int8": 2**7, "int16": 2**15, "int32": 2**31}


class Message(NamedTuple):
    """What a bus carries."""

    value: bytes
    headers: dict[str, str]


def chunk_to_message(chunk: Chunk, form: Form = "npy") -> Message:
    """`npy` is exact and costs next to nothing; `flac` and `wav` are 16 bit."""
    value = _npy_bytes(chunk) if form == "npy" else _sound_bytes(chunk, form)
    headers = {
        "content-type": CONTENT_TYPES[form],
        "ce_specversion": "1.0",
        "ce_id": f"{chunk.sensor_id}/{chunk.start_ns}",
        "ce_source": f"/sensors/{chunk.sensor_id}",
        "ce_type": AUDIO_TYPE,
        "ce_time": f"{to_rfc3339(chunk.start_ns)[:-1]}{chunk.start_ns % 1000:03d}Z",
        "ce_samplerate": str(chunk.sample_rate),
    }
    if chunk.clock_sigma_s is not None:
        headers["ce_clocksigma"] = repr(chunk.clock_sigma_s)
    if chunk.sequence is not None:
        headers["ce_sequence"] = str(chunk.sequence)
    return Message(value, headers)


def chunk_from_message(
    sensor_id: str, value: bytes, headers: Mapping[str, str], *, timestamp_ns: int, site: Site | None = None
) -> Chunk:
    """A chunk, mono and finite. Raises BusError with what is wrong and what mends it.

    Without headers it is the ancestor's form: the sound ended at `timestamp_ns`, and the rate of an array is the one
    that the site states for the sensor.
    """
    where = f"message of sensor {sensor_id!r}"
    _require(bool(sensor_id), "A message has no key; the key is the sensor's id.")
    _require(0 < len(value) <= BYTES_MAX, f"The {where} holds {len(value)} bytes; send 1 to {BYTES_MAX}, in chunks.")
    form = _form_of(value, headers, where)
    samples, rate = _from_npy(value, where) if form == "npy" else _from_sound(value, where)
    rate = rate or _stated_rate(headers, site, sensor_id)
    _require(RATE_MIN <= rate <= RATE_MAX, f"The {where} has {rate} Hz; {RATE_MIN} to {RATE_MAX} are taken.")
    mono = _mono(samples, where)
    _require(len(mono) <= SECONDS_MAX * rate, f"The {where} is longer than {SECONDS_MAX:.0f} s; send shorter chunks.")
    return Chunk(
        sensor_id=sensor_id,
        start_ns=_start_ns(headers, timestamp_ns, len(mono) * NS_PER_S // rate, where),
        sample_rate=rate,
        samples=mono,
        clock_sigma_s=_number(headers, "ce_clocksigma"),
        sequence=None if "ce_sequence" not in headers else int(_number(headers, "ce_sequence") or 0),
    )


def _start_ns(headers: Mapping[str, str], timestamp_ns: int, duration_ns: int, where: str) -> int:
    """By `ce_time`, else by the bus; no clock may be a day ahead of the bus's own."""
    text = headers.get("ce_time")
    if text is None:
        _require(timestamp_ns > 0, f"The {where} says no time, nor does the bus. Send the header ce_time (RFC 3339).")
        return timestamp_ns - duration_ns
    try:
        start_ns = from_rfc3339(text)
    except NounError as error:
        raise BusError(f"Header ce_time of the {where}: {error}") from error
    _require(
        timestamp_ns <= 0 or start_ns <= timestamp_ns + AHEAD_NS_MAX,
        f"The {where} is of {text[:40]}, more than a day after the bus took it. Set the sensor's clock (NTP or GPS).",
    )
    return start_ns


def _require(holds: bool, message: str) -> None:
    if not holds:
        raise BusError(message)


def _number(headers: Mapping[str, str], name: str) -> float | None:
    text = headers.get(name)
    if text is None:
        return None
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    _require(0 <= number < 2**63, f"Header {name} is {text[:40]!r}; send a number that is not negative.")
    return number


def _form_of(value: bytes, headers: Mapping[str, str], where: str) -> Form:
    """By what it begins with; a content type may be missing but must not say otherwise."""
    form = next((form for magic, form in _MAGIC.items() if value.startswith(magic)), None)
    if form is None:
        pickled = "a pickled array, which is never loaded" if value[:1] == b"\x80" else "neither FLAC, WAV nor .npy"
        raise BusError(
            f"The {where} is {pickled}. Have the producer send it with "
            "`buffer = io.BytesIO(); numpy.save(buffer, array, allow_pickle=False); value = buffer.getvalue()`."
        )
    stated = headers.get("content-type")
    known = stated in CONTENT_TYPES.values()
    _require(not known or stated == CONTENT_TYPES[form], f"The {where} says {stated!r} but is {CONTENT_TYPES[form]}.")
    return form


def _stated_rate(headers: Mapping[str, str], site: Site | None, sensor_id: str) -> int:
    stated = _number(headers, "ce_samplerate")
    if stated is not None:
        return round(stated)
    sensor = site.sensors.get(sensor_id) if site else None
    if sensor is None or sensor.sample_rate is None:
        raise BusError(
            f"The message of sensor {sensor_id!r} does not say its rate. Send the header ce_samplerate, or state "
            "sample_rate for the sensor in dhishoom.toml."
        )
    return sensor.sample_rate


def _from_npy(value: bytes, where: str) -> tuple[NDArray[Any], int]:
    """The header is held against the bytes that are there before anything is allocated."""
    length = _npy_header_bytes(value)
    try:
        shape, fortran, kind = _npy_header(value[:length])
    except _NO_HEADER as error:
        raise BusError(f"The {where} is no readable .npy: {str(error)[:100]}. Write it with numpy.save.") from error
    _require(not kind.hasobject, f"The {where} holds Python objects, which are never loaded. Send int16 or float32.")
    _require(kind.kind in "fiu", f"The {where} is an array of {str(kind)[:40]}; send int16 or float32.")
    _require(
        math.prod(shape) * kind.itemsize == len(value) - length > 0,
        f"The {where} does not hold the {shape} numbers of {kind} it promises. Send it whole and not empty.",
    )
    array = np.frombuffer(value, kind, offset=length)
    return array.reshape(shape, order="F" if fortran else "C"), 0


def _npy_header_bytes(value: bytes) -> int:
    """Length of magic, version, length and header; see numpy.lib.format."""
    wide = value[6:7] != b"\x01"
    stated = value[8:12] if wide else value[8:10]
    return min(NPY_HEADER_BYTES_MAX, (12 if wide else 10) + int.from_bytes(stated, "little"))


@lru_cache(maxsize=64)
def _npy_header(header: bytes) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, order and kind; producers send the same header over and over, and to parse it is the dear part."""
    stream = io.BytesIO(header)
    wide = np.lib.format.read_magic(stream) != (1, 0)
    read = np.lib.format.read_array_header_2_0 if wide else np.lib.format.read_array_header_1_0
    shape, fortran, kind = read(stream, max_header_size=NPY_HEADER_BYTES_MAX)
    return tuple(int(size) for size in shape), fortran, kind


def _from_sound(value: bytes, where: str) -> tuple[NDArray[Any], int]:
    import soundfile  # slow to import, and most buses carry arrays

    promised = 8 + int.from_bytes(value[4:8], "little") if value.startswith(b"RIFF") else 0
    _require(
        promised <= len(value) + 1 or promised == UNKNOWN_LENGTH,
        f"The {where} breaks off: its header promises {promised} bytes, {len(value)} came. Send whole files.",
    )
    try:
        with soundfile.SoundFile(io.BytesIO(value)) as sound:
            seconds = sound.frames / sound.samplerate
            _require(seconds <= SECONDS_MAX, f"The {where} is longer than {SECONDS_MAX:.0f} s; send shorter chunks.")
            _require(sound.channels <= CHANNELS_MAX, f"The {where} has {sound.channels} channels; send one.")
            return sound.read(dtype="float32", always_2d=True), int(sound.samplerate)
    except soundfile.SoundFileError as error:
        raise BusError(f"The {where} is no readable sound: {error}. Send whole FLAC or WAV files.") from error


def _mono(array: NDArray[Any], where: str) -> NDArray[np.float32]:
    """[n] or [n, channels] of any usual kind to float32 [n] in [-1, 1]."""
    columns = array.shape[1] if array.ndim == 2 else 1
    _require(
        array.ndim in (1, 2) and array.size > 0 and columns <= CHANNELS_MAX,
        f"The {where} is an array {array.shape}; send [n] or [n, channels].",
    )
    kind = array.dtype.name
    _require(
        kind in _FULL_SCALE or array.dtype.kind == "f", f"The {where} is an array of {kind}; send int16 or float32."
    )
    samples = np.asarray(array, np.float32)
    if kind in _FULL_SCALE:
        samples = samples / np.float32(_FULL_SCALE[kind])
    return _sound(samples if samples.ndim == 1 else samples.mean(axis=1, dtype=np.float32), where)


def _sound(samples: NDArray[np.float32], where: str) -> NDArray[np.float32]:
    """Within [-1, 1]; the usual case is told by two numbers and copied by nobody."""
    lowest, highest = float(samples.min()), float(samples.max())
    _require(
        math.isfinite(lowest) and math.isfinite(highest),
        f"The {where} holds samples that are no numbers (NaN or infinite). Send float32 in [-1, 1], or int16.",
    )
    return samples if lowest >= -1 and highest <= 1 else np.clip(samples, np.float32(-1), np.float32(1))


def _npy_bytes(chunk: Chunk) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.ascontiguousarray(chunk.samples, np.float32), allow_pickle=False)
    return buffer.getvalue()


def _sound_bytes(chunk: Chunk, form: Form) -> bytes:
    import soundfile

    buffer = io.BytesIO()
    soundfile.write(buffer, chunk.samples, chunk.sample_rate, format=form.upper(), subtype="PCM_16")
    return buffer.getvalue()
