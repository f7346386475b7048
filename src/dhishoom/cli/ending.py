"""An end asked for by a signal or the clock, in commands that run until then."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def asked_to_end(seconds: float | None, end: Callable[[], object]) -> Iterator[None]:
    """Within, Ctrl-C, SIGTERM or the end of `seconds` calls `end`, once; a second Ctrl-C interrupts."""
    asked = threading.Event()

    def ask(*_: object) -> None:
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()
        end()

    def run_out() -> None:
        if not asked.is_set():
            ask()

    timer = threading.Timer(seconds or 0.0, run_out)
    timer.daemon = True
    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    if seconds is not None:
        timer.start()
    try:
        yield
    finally:
        timer.cancel()
        for number, handler in before.items():
            signal.signal(number, handler)
