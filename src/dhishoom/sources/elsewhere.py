"""Sound that others put on the bus."""

from __future__ import annotations

import threading
from collections.abc import Iterator

from dhishoom.nouns import Chunk, Site


class Elsewhere:
    """A source that gives nothing itself and does not end, so that whoever listens goes on."""

    def __init__(self) -> None:
        self._closed = threading.Event()

    def site(self) -> Site | None:
        """Not known here."""
        return None

    def chunks(self) -> Iterator[Chunk]:
        """None, until it is closed."""
        self._closed.wait()
        yield from ()

    def close(self) -> None:
        """End `chunks`."""
        self._closed.set()
