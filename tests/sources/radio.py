"""A radio station on this machine: HTTP without a length, one programme a connection."""

from __future__ import annotations

import io
import struct
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import soundfile

RATE = 8000


def endless_wav(samples: np.ndarray, rate: int = RATE) -> bytes:
    """A WAV whose length was left open, as live encoders write it."""
    header = b"fmt " + struct.pack("<IHHIIHH", 16, 1, 1, rate, 2 * rate, 2, 16) + b"data\xff\xff\xff\xff"
    sound = (np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes()
    return b"RIFF\xff\xff\xff\xffWAVE" + header + sound


def encoded(samples: np.ndarray, form: str, rate: int = RATE) -> bytes:
    """A whole file in one of libsndfile's formats."""
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format=form)
    return file.getvalue()


@dataclass(frozen=True)
class Programme:
    """What one connection gets.

    Attributes:
        length: Told in the header; None for a live stream.
        status: Other than 200 refuses.
        stays: Whether the connection stays open, silent, after the sound.
    """

    body: bytes = b""
    length: int | None = None
    status: int = 200
    stays: bool = False


@dataclass
class Station:
    """A running server.

    Attributes:
        requests: How many connections came so far; one beyond the programmes gets the last of them again.
    """

    programmes: Sequence[Programme]
    url: str = ""
    requests: int = 0
    over: threading.Event = field(default_factory=threading.Event)


@contextmanager
def on_air(*programmes: Programme) -> Iterator[Station]:
    """A station with these programmes, until the block ends."""
    station = Station(programmes)

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            programme = programmes[min(station.requests, len(programmes) - 1)]
            station.requests += 1
            self.send_response(programme.status)
            self.send_header("Content-Type", "audio/wav")
            if programme.length is not None:
                self.send_header("Content-Length", str(programme.length))
            self.end_headers()
            try:
                self.wfile.write(programme.body)
                self.wfile.flush()
            except OSError:
                return  # the listener left
            if programme.stays:
                station.over.wait(60)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    station.url = f"http://127.0.0.1:{server.server_port}/live"
    try:
        yield station
    finally:
        station.over.set()
        server.shutdown()
        server.server_close()
        thread.join()
