"""Whatever a file holds that others wrote: it is understood or refused with SourceError, in bounded room."""

from __future__ import annotations

import contextlib
import json
import struct
import tracemalloc
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dhishoom.errors import SourceError
from dhishoom.sources import smj0
from dhishoom.sources.picks import read_picks
from dhishoom.sources.replay import Replay
from dhishoom.sources.riff import CHUNKS_MAX, chunk_bytes, missing_bytes, riff_chunks
from dhishoom.sources.smj0 import parse_smj0
from tests.sources.conftest import noise, smj0_chunk
from tests.sources.radio import encoded

relaxed = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
WAV = encoded(noise(0.1), "WAV")

numbers = st.one_of(st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.just(1e308), st.just(-1e308))
anything: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), numbers, st.text(max_size=20)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)),
    max_leaves=6,
)
times = st.one_of(
    st.sampled_from(["2026-01-01T00:00:00Z", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59.999999999Z", ""]),
    st.text(),
)
places = st.one_of(st.fixed_dictionaries({"x": numbers, "y": numbers, "z": numbers}), anything)


@contextlib.contextmanager
def refused_or_understood() -> Iterator[None]:
    """Only SourceError may come out."""
    with contextlib.suppress(SourceError):
        yield


def play(folder: Path) -> None:
    """Find and play whatever is there; all that is wrong is told in words."""
    with refused_or_understood():
        replay = Replay(folder)
        for scene in replay.scenes:
            list(scene.chunks())
            assert all(isinstance(problem, str) for problem in scene.problems)


@relaxed
@given(
    facts=st.fixed_dictionaries(
        {
            "serialNumber": st.one_of(st.text(max_size=9), anything),
            "startTimeUTC": st.one_of(times, anything),
            "geolocation": st.one_of(
                st.fixed_dictionaries({"latitude": numbers, "longitude": numbers, "elevation": numbers}), anything
            ),
            "weather": st.one_of(st.fixed_dictionaries({"temperature": numbers, "speed": numbers}), anything),
        }
    )
)
def test_any_json_in_an_smj0_chunk(tmp_path: Path, facts: dict[str, Any]) -> None:
    """Right and wrong types, times out of range, places off the Earth."""
    (tmp_path / "a.wav").write_bytes(WAV + smj0_chunk(facts))

    play(tmp_path)


@relaxed
@given(content=st.binary(max_size=200))
def test_any_bytes_in_an_smj0_chunk(tmp_path: Path, content: bytes) -> None:
    """Neither zlib nor JSON."""
    with refused_or_understood():
        parse_smj0(content, tmp_path / "a.wav")
    with refused_or_understood():
        parse_smj0(zlib.compress(content), tmp_path / "a.wav")


def test_a_chunk_that_unpacks_without_end_costs_no_memory(tmp_path: Path) -> None:
    """A gigabyte of zeros in a chunk of a megabyte is refused after the bound."""
    bomb = zlib.compress(b"\0" * (64 << 20), 9)
    tracemalloc.start()
    with pytest.raises(SourceError, match="unpacks to more"):
        parse_smj0(bomb, tmp_path / "a.wav")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 8 * smj0.JSON_BYTES_MAX


@relaxed
@given(content=st.one_of(st.binary(max_size=300), st.binary(max_size=100).map(lambda more: WAV[:44] + more)))
def test_any_bytes_as_riff(tmp_path: Path, content: bytes) -> None:
    """Chunks lie where the file says or are not there; no size is believed."""
    path = tmp_path / "a.wav"
    path.write_bytes(content)

    assert len(list(riff_chunks(path))) <= CHUNKS_MAX
    assert len(chunk_bytes(path, b"data", bytes_max=50) or b"") <= 50
    assert missing_bytes(path) >= 0


def test_endless_chunks_end(tmp_path: Path) -> None:
    """A file of a hundred thousand empty chunks is read to the bound."""
    path = tmp_path / "a.wav"
    path.write_bytes(b"RIFF\0\0\0\0WAVE" + (b"junk" + struct.pack("<I", 0)) * 100_000)

    assert len(list(riff_chunks(path))) == CHUNKS_MAX


@relaxed
@given(
    facts=st.one_of(
        st.fixed_dictionaries(
            {"serial_number": st.one_of(st.text(max_size=9), anything), "timestamp": times, "location": places}
        ),
        anything,
    ),
    weather=st.one_of(st.fixed_dictionaries({"temperature": numbers}), anything),
)
def test_any_json_as_sidecar(tmp_path: Path, facts: Any, weather: Any) -> None:
    """Beside a good recording, with any weather."""
    (tmp_path / "t.audio.s.wav").write_bytes(WAV)
    (tmp_path / "t.audio.s.json").write_text(json.dumps(facts))
    (tmp_path / "t.weather.json").write_text(json.dumps(weather))

    play(tmp_path)


@relaxed
@given(content=st.binary(max_size=200))
def test_any_bytes_as_sidecar_or_table(tmp_path: Path, content: bytes) -> None:
    """Neither JSON nor CSV, nor UTF-8."""
    (tmp_path / "t.audio.s.wav").write_bytes(WAV)
    for name in ("t.audio.s.json", "sensors.csv"):
        (tmp_path / name).write_bytes(content)
        play(tmp_path)


cells = st.one_of(
    st.sampled_from(
        ["a.wav", "s1", "2026-01-01T00:00:00Z", "1", "-1e308", "nan", "", "../a.wav", "a" * 5000, "\0", "52"]
    ),
    st.text(max_size=12),
)


@relaxed
@given(
    columns=st.lists(st.sampled_from(["x", "y", "z", "lat", "lon", "clock_sigma_s", "temperature_c"]), unique=True),
    rows=st.lists(st.lists(cells, max_size=9), max_size=4),
)
def test_any_rows_of_a_sensors_csv(tmp_path: Path, columns: list[str], rows: list[list[str]]) -> None:
    """Too few cells and too many, numbers out of all bounds, names that cannot be."""
    (tmp_path / "a.wav").write_bytes(WAV)
    lines = [["sensor_id", "file", "start_time", *columns], *rows]
    text = "\n".join(",".join(line) for line in lines)
    (tmp_path / "sensors.csv").write_text(text, encoding="utf-8", errors="surrogatepass", newline="")

    play(tmp_path)


@relaxed
@given(
    content=st.one_of(
        anything,
        st.fixed_dictionaries(
            {
                "sensors": st.dictionaries(st.sampled_from("ab"), places, max_size=2),
                "picks": st.lists(
                    st.fixed_dictionaries(
                        {"sensor_id": st.sampled_from("abc"), "time": times, "sigma_s": numbers, "score": numbers}
                    ),
                    max_size=3,
                ),
                "temperature_c": numbers,
            }
        ),
        st.lists(
            st.fixed_dictionaries(
                {
                    "pulse_uuid": st.text(max_size=4),
                    "serial_number": st.just("s"),
                    "arrival_time_utc": times,
                    "location": places,
                }
            ),
            max_size=3,
        ),
    )
)
def test_any_json_as_picks(tmp_path: Path, content: Any) -> None:
    """Both forms with right and wrong types, and values out of all bounds."""
    path = tmp_path / "t.allpulses.json"
    path.write_text(json.dumps(content))

    with refused_or_understood():
        found = read_picks(path)
        assert -100 < found.site.weather.temperature_c < 100


@relaxed
@given(content=st.binary(max_size=200))
def test_any_bytes_as_picks(tmp_path: Path, content: bytes) -> None:
    """No JSON at all, and weather beside it that is none."""
    path = tmp_path / "t.allpulses.json"
    path.write_bytes(content)
    (tmp_path / "t.weather.json").write_bytes(content)
    with refused_or_understood():
        read_picks(path)

    path.write_text("[]")
    with refused_or_understood():
        read_picks(path)
