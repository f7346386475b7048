"""What every source of sound promises."""

from __future__ import annotations

import itertools
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from dhishoom.errors import SourceError
from dhishoom.nouns import Chunk
from dhishoom.seams import Source
from tests.sources.portaudio import FakePortAudio
from tests.sources.radio import RATE, Programme, encoded, endless_wav, on_air

SECONDS = 6.0
JOIN_S = 30.0
"""How long a thread may take that should end at once, on the slowest machine."""


@dataclass(frozen=True)
class Bench:
    """What a source needs of its surroundings."""

    folder: Path
    patch: pytest.MonkeyPatch
    stack: ExitStack


def noise() -> np.ndarray:
    """A few seconds of quiet noise."""
    return (0.05 * np.random.default_rng(0).standard_normal(round(SECONDS * RATE))).astype(np.float32)


def open_file(bench: Bench) -> Source:
    """A stereo file with a NaN in it."""
    from dhishoom.sources.files import FileSource

    both = np.stack([noise(), noise()], axis=1)
    both[5, 0] = np.nan
    soundfile.write(bench.folder / "a.wav", both, RATE, subtype="FLOAT")
    return FileSource(bench.folder / "a.wav", sensor_id="a")


def open_replay(bench: Bench) -> Source:
    """Two folders of two sensors."""
    from dhishoom.sources.replay import Replay

    for minute, name in enumerate(("one", "two")):
        (bench.folder / name).mkdir()
        rows = ["sensor_id,file,start_time,x,y"]
        for sensor in "ab":
            soundfile.write(bench.folder / name / f"{sensor}.flac", noise(), RATE)
            rows.append(f"{sensor},{sensor}.flac,2026-01-01T00:0{minute}:00Z,{ord(sensor)},0")
        (bench.folder / name / "sensors.csv").write_text("\n".join(rows))
    return Replay(bench.folder)


def open_paced_replay(bench: Bench) -> Source:
    """The same in a thousandth of its time, so that it waits now and then."""
    from dhishoom.sources.replay import Replay

    open_replay(bench)
    return Replay(bench.folder, rate=1000.0)


def open_microphone(bench: Bench) -> Source:
    """A sound card that the suite plays; it never ends by itself."""
    from dhishoom.sources.microphone import MicrophoneSource

    blocks = np.split(noise(), range(RATE // 4, round(SECONDS * RATE), RATE // 4))
    bench.patch.setitem(sys.modules, "sounddevice", FakePortAudio(blocks))
    return MicrophoneSource(sensor_id="a")


def open_recorded_stream(bench: Bench) -> Source:
    """A recording over HTTP."""
    from dhishoom.sources.stream import StreamSource

    pytest.importorskip("av")
    body = encoded(noise(), "WAV")
    station = bench.stack.enter_context(on_air(Programme(body, length=len(body))))
    return StreamSource(station.url, sensor_id="a", timeout_s=5.0)


def open_live_stream(bench: Bench) -> Source:
    """Live sound over HTTP that drops once, then falls silent."""
    from dhishoom.sources.stream import StreamSource

    pytest.importorskip("av")
    half = len(noise()) // 2
    programmes = (Programme(endless_wav(noise()[:half])), Programme(endless_wav(noise()[half:]), stays=True))
    station = bench.stack.enter_context(on_air(*programmes))
    return StreamSource(station.url, sensor_id="a", timeout_s=1.0, backoff_s=0.01)


def open_simulation(bench: Bench) -> Source:
    """The demo's city, as fast as it can be computed."""
    pytest.importorskip("dhishoom.simulate.source")
    from dhishoom.wiring import simulated_city

    source: Source = simulated_city(seed=1, realtime=False)
    return source


KINDS: dict[str, Callable[[Bench], Source]] = {
    "file": open_file,
    "replay": open_replay,
    "paced replay": open_paced_replay,
    "microphone": open_microphone,
    "recorded stream": open_recorded_stream,
    "live stream": open_live_stream,
    "simulation": open_simulation,
}
SEVERAL = 20
"""Chunks that every kind gives."""


@pytest.fixture(params=KINDS)
def source(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Source]:
    """One of every kind."""
    with ExitStack() as stack:
        made = KINDS[request.param](Bench(tmp_path, monkeypatch, stack))
        yield made
        made.close()


def several(source: Source) -> list[Chunk]:
    """The first chunks, or all of a source that has fewer."""
    return list(itertools.islice(source.chunks(), SEVERAL))


def test_chunks_are_finite_mono_sound_within_full_scale(source: Source) -> None:
    """float32 [n], n > 0, in [-1, 1], at a rate, of a named sensor."""
    for chunk in several(source):
        assert (chunk.samples.dtype, chunk.samples.ndim) == (np.float32, 1)
        assert len(chunk.samples) > 0
        assert np.isfinite(chunk.samples).all()
        assert np.abs(chunk.samples).max() <= 1
        assert (chunk.sample_rate > 0, bool(chunk.sensor_id)) == (True, True)


def test_the_chunks_of_a_sensor_come_in_order(source: Source) -> None:
    """Each begins where the one before ended or later; a clock that is followed may take back a thousandth of it."""
    before: dict[str, Chunk] = {}
    for chunk in several(source):
        if chunk.sensor_id in before:
            last = before[chunk.sensor_id]
            assert chunk.start_ns >= last.end_ns - round(last.duration_s * 1_001_000)
        before[chunk.sensor_id] = chunk
    assert before


def test_a_site_names_the_sensors_that_are_heard(source: Source) -> None:
    """Where the source knows its site, every chunk's sensor is in it; it may be asked again."""
    site = source.site()
    if site is not None:
        assert {chunk.sensor_id for chunk in several(source)} <= set(site.sensors)
        assert source.site() == site


def test_closing_ends_the_chunks(source: Source) -> None:
    """After `close` no further chunk comes, and no error."""
    chunks = source.chunks()
    next(chunks)
    source.close()

    assert list(chunks) == []


def test_closing_from_another_thread_ends_the_chunks(source: Source) -> None:
    """Whoever reads, waits or computes in one thread is ended by `close` in another."""
    begun, failures = threading.Event(), list[Any]()

    def read() -> None:
        try:
            for _ in source.chunks():
                begun.set()
        except SourceError as error:  # a stream may fail before it is closed, never because of it
            failures.append(error)
        begun.set()

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    assert begun.wait(JOIN_S)
    source.close()
    reader.join(JOIN_S)

    assert not reader.is_alive()
    assert failures == []


def test_closing_twice_or_before_the_first_chunk_is_no_error(source: Source) -> None:
    """And a closed source gives nothing."""
    source.close()
    source.close()

    assert list(source.chunks()) == []
