"""The web server: its port and its end."""

from __future__ import annotations

import socket
import urllib.request
from typing import Any

import pytest

from dhishoom.errors import ServiceError
from dhishoom.service.web_server import WebServer


async def hello(scope: Any, receive: Any, send: Any) -> None:
    """The smallest application."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"hello"})


def test_it_answers_as_soon_as_it_has_started_and_leaves_the_port_free() -> None:
    """Port 0 takes any; after stop, twice even, it can be taken again."""
    server = WebServer("127.0.0.1", 0)
    server.start(hello)
    with urllib.request.urlopen(server.url) as answer:
        assert answer.read() == b"hello"

    server.stop()
    server.stop()

    again = WebServer("127.0.0.1", int(server.url.rpartition(":")[2]))
    again.stop()


def test_a_port_in_use_says_how_to_go_on() -> None:
    """What, why and the fix."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ServiceError, match=f"port {port} .* in use .*--port"):
            WebServer("127.0.0.1", port)


@pytest.mark.parametrize(("host", "port"), [("127.0.0.1", 70_000), ("no.such.host.invalid", 0)])
def test_an_impossible_address_is_one_message(host: str, port: int) -> None:
    """Not a traceback."""
    with pytest.raises(ServiceError, match="nothing can be served"):
        WebServer(host, port)
