"""Other sides of sinks on this machine: servers that take what they are sent, and servers that misbehave."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from dhishoom.errors import DhishoomError

DRIP_EVERY_S = 0.02


def closed_port() -> int:
    """A port of this machine at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


class Receiver(ThreadingHTTPServer):
    """Answers every post with `status` and remembers it."""

    daemon_threads = True

    def __init__(self, status: int = 200) -> None:
        super().__init__(("127.0.0.1", 0), _Post)
        self.status = status
        self.posts: list[tuple[dict[str, str], bytes]] = []


class _Post(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.posts.append((dict(self.headers), body))
        self.send_response(self.server.status)
        self.send_header("Location", f"http://127.0.0.1:{closed_port()}/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Stay quiet."""


@contextmanager
def receiving(status: int = 200) -> Iterator[Receiver]:
    """An HTTP server for as long as it is needed."""
    server = Receiver(status)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def misbehaving(behaviour: Callable[[socket.socket, threading.Event], object]) -> Iterator[int]:
    """A port at which every connection is treated alike, until the end of the block."""
    listener = socket.create_server(("127.0.0.1", 0))
    done = threading.Event()

    def treat(connection: socket.socket) -> None:
        with connection:
            try:
                behaviour(connection, done)
            except OSError:
                return  # it has left

    def serve() -> None:
        while not done.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=treat, args=(connection,), daemon=True).start()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        done.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def hangs(_: socket.socket, done: threading.Event) -> None:
    """Takes the connection and says nothing."""
    done.wait(60)


def closes_early(connection: socket.socket, _: threading.Event) -> None:
    """Reads a little and goes."""
    connection.settimeout(0.05)
    connection.recv(10)


def talks_nonsense(connection: socket.socket, done: threading.Event) -> None:
    """Answers what no protocol knows."""
    connection.sendall(b"\xff\x00 nonsense \r\n\r\n" * 3)
    done.wait(60)


def drips(connection: socket.socket, done: threading.Event) -> None:
    """A byte now and then: no single step is ever late."""
    while not done.wait(DRIP_EVERY_S):
        connection.sendall(b"2")


MISBEHAVIOURS = {"hangs": hangs, "closes early": closes_early, "talks nonsense": talks_nonsense, "drips": drips}


def in_time(work: Callable[[], Any], seconds: float = 60.0) -> Any:
    """What `work` returns or raises; an AssertionError where it does not end at all."""
    outcome: list[tuple[bool, Any]] = []

    def run() -> None:
        try:
            outcome.append((True, work()))
        except DhishoomError as error:
            outcome.append((False, error))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    assert outcome, f"it did not end within {seconds} s"
    ended_well, result = outcome[0]
    if not ended_well:
        raise result
    return result


def wait_until(holds: Callable[[], bool], seconds: float = 60.0) -> bool:
    """Whether it comes true in time."""
    until_s = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > until_s:
            return False
        time.sleep(0.01)
    return True
