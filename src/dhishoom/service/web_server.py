"""The web server in a thread of its own, on a socket that is bound before anything is promised."""

from __future__ import annotations

import errno
import socket
import threading
import time
from typing import Any

from dhishoom.errors import ServiceError

START_S_MAX = 10.0
STOP_S_MAX = 5


class WebServer:
    """Serves an ASGI application.

    Attributes:
        url: Where a browser finds it.
    """

    def __init__(self, host: str, port: int) -> None:
        """Take the port; 0 takes any that is free. Raises ServiceError where it is taken."""
        self._socket = _bound(host, port)
        shown = f"[{host}]" if ":" in host else host
        self.url = f"http://{shown}:{self._socket.getsockname()[1]}"
        self._server: Any = None
        self._thread: threading.Thread | None = None

    def start(self, app: Any) -> None:
        """Serve `app`; returns once it answers."""
        import uvicorn  # a third of a second, and only those who serve need it

        config = uvicorn.Config(
            app, log_level="warning", access_log=False, lifespan="off", timeout_graceful_shutdown=1, ws="none"
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, name="web", daemon=True
        )
        self._thread.start()
        until_s = time.monotonic() + START_S_MAX
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > until_s:
                raise ServiceError(f"the web server at {self.url} did not start; run with another --port.")
            time.sleep(0.01)

    def stop(self) -> None:
        """Close every connection, the port, and end the thread. Safe twice."""
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join(STOP_S_MAX)
        self._socket.close()


def _bound(host: str, port: int) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=128)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "errno", None)
        if reason == errno.EADDRINUSE:
            raise ServiceError(
                f"port {port} of {host} is in use by another program, perhaps another dhishoom. Stop it, or choose "
                "another port with --port (0 takes any that is free)."
            ) from error
        raise ServiceError(f"nothing can be served at {host}, port {port}: {error}. Choose others.") from error
