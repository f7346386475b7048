"""What every part needs: a cache, a free port, a program that runs until it is stopped."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

SEARCH_PATH = os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin:/usr/local/go/bin"
START_S_MAX = 60.0
STOP_S_MAX = 20.0
LOOK_EVERY_S = 0.05


class Missing(Exception):
    """A part cannot be had on this machine; the message says why."""


def cache() -> Path:
    """Where downloaded parts stay, shared by every checkout of this user."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "dhishoom" / "parts"


def program(name: str, why: str) -> str:
    """Its path, or Missing with what brings it."""
    found = shutil.which(name, path=SEARCH_PATH)
    if found is None:
        raise Missing(f"no {name} here: {why}")
    return found


def free_port() -> int:
    """One that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def listens(port: int) -> bool:
    """Whether somebody answers there."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1.0):
        return True
    return False


def eventually(holds: Callable[[], object], what: str, *, within_s: float = START_S_MAX) -> None:
    """Wait for a condition, never for a time; AssertionError where it does not come true."""
    until_s = time.monotonic() + within_s
    while not holds():
        if time.monotonic() > until_s:
            raise AssertionError(f"not within {within_s:.0f} s: {what}")
        time.sleep(LOOK_EVERY_S)


class Program:
    """A process with its log; killed, paused and begun again as tests ask.

    Args:
        is_up: Whether it can be used.
        user_id: Whom it runs as, where it refuses root.
        end: The signal that asks it to end.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        log: Path,
        is_up: Callable[[], bool],
        *,
        environment: Mapping[str, str] | None = None,
        user_id: int | None = None,
        end: signal.Signals = signal.SIGTERM,
    ) -> None:
        self._arguments, self._log, self._is_up = [str(one) for one in arguments], log, is_up
        self._environment = {**os.environ, **(environment or {})}
        self._user_id, self._end = user_id, end
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Of the process that runs."""
        assert self._process is not None
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Return once it is up. Raises Missing with the end of its log where it ends instead."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._arguments,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                env=self._environment,
                user=self._user_id,
                group=self._user_id,
            )
        try:
            eventually(lambda: self._is_up() or self._process.poll() is not None, f"{self._arguments[0]} is up")
        except AssertionError as error:
            self.stop()
            raise Missing(f"{error}: {self._last_words()}") from error
        if self._process.poll() is not None:
            raise Missing(f"{self._arguments[0]} ended at once: {self._last_words()}")

    def stop(self) -> None:
        """Ask it to end, and make it."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGCONT)
        self._process.send_signal(self._end)
        try:
            self._process.wait(STOP_S_MAX)
        except subprocess.TimeoutExpired:
            self.kill()
        self._process = None

    def kill(self) -> None:
        """End it without a goodbye."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def pause(self) -> None:
        """It stays connected and answers nothing."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """It goes on."""
        os.kill(self.pid, signal.SIGCONT)

    def _last_words(self) -> str:
        return self._log.read_text(errors="replace")[-800:]
