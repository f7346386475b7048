"""A server of videos on this machine that misbehaves in every way that a real one does."""

from __future__ import annotations

import io
import re
import threading
import wave
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np

RATE = 8000


def sound(seconds: float, rate: int = RATE) -> bytes:
    """A WAV that tells where one is in it: second n is a sine of 200 + 40 n Hz."""
    time = np.arange(round(seconds * rate)) / rate
    samples = 0.5 * np.sin(2 * np.pi * (200 + 40 * np.floor(time)) * time)
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes((samples * 32767).astype("<i2").tobytes())
    return file.getvalue()


@dataclass
class Studio:
    """A running server.

    Attributes:
        manners: What a video does: a status other than 200, `page`, `hangs up`, `cut short`, or `busy once`.
        asked: How often each video was asked for.
    """

    manners: Mapping[str, int | str] = field(default_factory=dict)
    asked: Counter[str] = field(default_factory=Counter)
    address: str = ""


@contextmanager
def studio(manners: Mapping[str, int | str], seconds: float = 45.0) -> Iterator[Studio]:
    """Serve every video as `seconds` of sound, but those that have manners."""
    place = Studio(manners)
    content = sound(seconds)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.0"

        def do_HEAD(self) -> None:
            """As for GET, without the sound."""
            self.do_GET()

        def do_GET(self) -> None:
            """One video, as it behaves."""
            name = self.path.strip("/").removesuffix(".wav")
            if self.command == "GET":
                place.asked[name] += 1
            manner = place.manners.get(name, 200)
            if manner == "busy once":
                manner = 429 if place.asked[name] == 1 else 200
            if isinstance(manner, int) and manner != 200:
                self.send_error(manner)
            elif manner == "page":
                self._answer(b"<html><title>gone</title>nothing to hear</html>", "text/html")
            elif manner == "hangs up":
                self.connection.close()
            else:
                self._sound(content[: len(content) // 4] if manner == "cut short" else content)

        def _sound(self, body: bytes) -> None:
            asked = re.match(r"bytes=(\d+)-", self.headers.get("Range") or "")
            start = int(asked[1]) if asked else 0
            self.send_response(206 if asked else 200)
            self.send_header("Content-Type", "audio/x-wav")
            self.send_header("Accept-Ranges", "bytes")
            self.send_header("Content-Length", str(len(body) - start))
            if asked:
                self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
            self.end_headers()
            self._send(body[start:])

        def _answer(self, body: bytes, kind: str) -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self._send(body)

        def _send(self, body: bytes) -> None:
            if self.command == "GET":
                try:
                    self.wfile.write(body)
                except OSError:
                    self.close_connection = True

        def log_message(self, *_: object) -> None:
            """Nothing on the terminal."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        place.address = f"http://127.0.0.1:{server.server_port}/{{video}}.wav"
        yield place
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
