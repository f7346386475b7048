"""Sound from the network: heard over as many connections as it takes, or given up with the reason."""

from __future__ import annotations

import itertools
import sys
import threading
from typing import Any

import numpy as np
import pytest

from dhishoom.errors import SourceError
from dhishoom.nouns import Chunk
from dhishoom.sources.stream import StreamSource
from tests.sources.radio import RATE, Programme, encoded, endless_wav, on_air

pytest.importorskip("av")


def tone(seconds: float, rate: int = RATE) -> np.ndarray:
    """A quiet tone."""
    return (0.25 * np.sin(np.arange(round(seconds * rate)))).astype(np.float32)


def heard(source: StreamSource) -> tuple[list[Chunk], SourceError | None]:
    """All chunks, and the failure that ended them."""
    chunks: list[Chunk] = []
    try:
        for chunk in source.chunks():
            chunks.append(chunk)  # noqa: PERF402 (those before a failure count)
    except SourceError as error:
        return chunks, error
    return chunks, None


def open_stream(url: str, **options: object) -> StreamSource:
    """Impatient: tests do not wait."""
    return StreamSource(url, **{"timeout_s": 5.0, "backoff_s": 0.01, "failures_max": 3, **options})


def test_a_recording_is_heard_to_its_end() -> None:
    """What has a length ends without an error, after one connection."""
    body = encoded(tone(2.0), "WAV")
    with on_air(Programme(body, length=len(body))) as station:
        source = open_stream(station.url)
        chunks, _ = heard(source)

    assert sum(chunk.duration_s for chunk in chunks) == pytest.approx(2.0, abs=0.01)
    assert (source.connections, source.last_failure) == (1, "")


@pytest.mark.parametrize("form", ["wav", "mp3"])
def test_a_live_stream_that_drops_is_opened_again(form: str) -> None:
    """Both programmes are heard, the loss is told with its reason, time goes on without going back."""
    bodies = [endless_wav(tone(1.0)) if form == "wav" else encoded(tone(1.0, 16_000), form.upper(), 16_000)] * 2
    told: list[str] = []
    with on_air(*map(Programme, bodies), Programme(status=503)) as station:
        source = open_stream(station.url, tell=told.append)
        chunks, failure = heard(source)

    assert "no sound from http://127.0.0.1:" in str(failure)
    assert source.connections == 2
    assert sum(chunk.duration_s for chunk in chunks) == pytest.approx(2.0, abs=0.15)
    assert all(after.start_ns >= before.end_ns - 1 for before, after in itertools.pairwise(chunks))
    assert "the connection broke off. Trying again in 0.01 s." in told[0]
    assert "5XX" in source.last_failure


def test_after_too_many_failures_the_last_reason_is_told() -> None:
    """Refused three times: an error with the reason, the count and what to check, without the password."""
    with on_air(Programme(status=404)) as station:
        source = open_stream(station.url.replace("http://", "http://me:secret@") + "?key=private")
        with pytest.raises(SourceError) as error:
            list(source.chunks())

    assert "404" in str(error.value)
    assert "3 tries in a row" in str(error.value)
    assert "secret" not in str(error.value)
    assert "private" not in str(error.value)


def test_a_recording_that_breaks_off_is_not_heard_again_from_the_start() -> None:
    """Half of the promised length: what is there is heard once, then the error says so."""
    body = encoded(tone(2.0), "WAV")
    with on_air(Programme(body[: len(body) // 2], length=len(body))) as station:
        chunks, failure = heard(open_stream(station.url))

    assert "breaks off early" in str(failure)
    assert sum(chunk.duration_s for chunk in chunks) == pytest.approx(1.0, abs=0.05)
    assert station.requests <= 2


def test_a_recording_that_says_its_own_length_ends_there() -> None:
    """A FLAC from a server that tells no length and hangs up at the end is whole."""
    with on_air(Programme(encoded(tone(2.0), "FLAC"))) as station:
        chunks, failure = heard(open_stream(station.url))

    assert failure is None
    assert sum(chunk.duration_s for chunk in chunks) == pytest.approx(2.0)


def test_a_stream_without_sound_is_refused() -> None:
    """A page instead of a stream: FFmpeg's reason, after the tries."""
    with on_air(Programme(b"<html>no radio here</html>" * 99)) as station, pytest.raises(SourceError, match="no sound"):
        list(open_stream(station.url).chunks())


def test_silence_on_the_line_is_a_failure_with_a_reason() -> None:
    """A server that accepts and sends nothing more: the wait is told."""
    with on_air(Programme(b"", stays=True)) as station:
        _, failure = heard(open_stream(station.url, timeout_s=0.2, failures_max=1))

    assert "nothing came for 0.2 s" in str(failure)


def test_closing_ends_the_wait_for_the_next_try() -> None:
    """Closed from another thread while it waits half a minute to reconnect, it ends at once."""
    waits = threading.Event()
    source = open_stream("http://127.0.0.1:9/nobody", backoff_s=30.0, tell=lambda _: waits.set())
    thread = threading.Thread(target=list, args=(source.chunks(),))
    thread.start()
    assert waits.wait(30)
    source.close()
    thread.join(20)

    assert not thread.is_alive()


@pytest.mark.parametrize("address", ["ftp://host/a.mp3", "rtsp://", "street.wav"])
def test_what_is_no_address_of_a_stream_is_refused(address: str) -> None:
    """Before anything is opened."""
    with pytest.raises(SourceError, match="is no stream"):
        StreamSource(address)


def test_without_ffmpeg_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """The package that is missing, and how to get it."""
    monkeypatch.setitem(sys.modules, "av", None)

    with pytest.raises(SourceError, match=r"dhishoom\[media\]"):
        StreamSource("http://host/live")


def test_a_camera_is_heard_over_rtsp(camera: Any) -> None:
    """A second of its tone: 8 kHz, a quarter of full scale, at 1 kHz."""
    source = StreamSource(camera.url, sensor_id="gate", timeout_s=20.0)
    chunks = list(itertools.islice(source.chunks(), 5))
    source.close()

    sound = np.concatenate([chunk.samples for chunk in chunks[1:]])
    assert {(chunk.sensor_id, chunk.sample_rate) for chunk in chunks} == {("gate", 8000)}
    assert np.abs(sound).max() == pytest.approx(0.25, abs=0.02)
    assert np.abs(np.fft.rfft(sound)).argmax() * 8000 / len(sound) == pytest.approx(1000, abs=2)


def test_a_camera_that_restarts_is_heard_on(camera: Any) -> None:
    """Killed and begun again: the loss is told, then sound comes, later than before."""
    told: list[str] = []
    source = StreamSource(camera.url, timeout_s=5.0, backoff_s=0.2, failures_max=20, tell=told.append)
    chunks = source.chunks()
    before = next(chunks)
    camera.program.kill()
    camera.start()
    after = next(chunk for chunk in chunks if source.connections == 2)
    source.close()

    assert told
    assert after.start_ns >= before.end_ns
