"""A folder in which a sensor's messages wait while the bus is away, and from which they catch up in their order."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping
from pathlib import Path

import msgspec

from dhishoom.errors import BusAway, BusError, BusFull
from dhishoom.seams import Bus

BYTES_MAX = 4 << 30
AT_ONCE = 200
SUFFIX = ".message"
AWAY_S = 0.2
TRY_EVERY_S = 1.0


class _Kept(msgspec.Struct, frozen=True, array_like=True):
    topic: str
    key: str
    headers: dict[str, str]
    value: bytes


class Spool:
    """Publishes to a bus; what that has no room for waits in a folder, and so does all that comes after it.

    What an earlier process left in the folder goes first.

    Args:
        bytes_max: What the folder may hold; beyond it `publish` refuses.
    """

    def __init__(self, bus: Bus, folder: Path, *, bytes_max: int = BYTES_MAX) -> None:
        self._bus, self._folder, self._bytes_max = bus, folder, bytes_max
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._waiting = deque(sorted(folder.glob(f"*{SUFFIX}")))
            self._bytes = sum(path.stat().st_size for path in self._waiting)
        except OSError as error:
            raise BusError(f"Nothing can be spooled in {folder}: {error.strerror}. Name another folder.") from error
        self._unconfirmed: list[Path] = []
        self._tried_s = 0.0
        self._count = int(self._waiting[-1].stem) + 1 if self._waiting else 0

    @property
    def waiting(self) -> int:
        """Messages in the folder."""
        return len(self._waiting) + len(self._unconfirmed)

    def publish(self, topic: str, key: str, value: bytes, headers: Mapping[str, str]) -> None:
        """Take a message; BusFull where the folder is full as well."""
        if self._waiting and time.monotonic() - self._tried_s > TRY_EVERY_S:
            self.catch_up()
        if not self._waiting:
            try:
                self._bus.publish(topic, key, value, headers)
                return
            except BusFull:
                pass  # it waits here
        self._keep(_Kept(topic, key, dict(headers), value))

    def catch_up(self) -> int:
        """Send what waits, as far as there is room; return how many are sent for good."""
        self._tried_s = time.monotonic()
        while self._waiting and len(self._unconfirmed) < AT_ONCE:
            kept = msgspec.msgpack.decode(self._waiting[0].read_bytes(), type=_Kept)
            try:
                self._bus.publish(kept.topic, kept.key, kept.value, kept.headers)
            except BusFull:
                break
            self._unconfirmed.append(self._waiting.popleft())
        try:
            self._bus.flush(AWAY_S)
        except BusAway:
            return 0
        return self._forget()

    def flush(self, wait_s: float = 30.0) -> None:
        """Send everything. Raises BusAway where the bus does not take it."""
        while self.waiting:
            if not self.catch_up():
                self._bus.flush(wait_s)
        self._bus.flush(wait_s)

    def close(self) -> None:
        """What the bus has taken is handed over; what waits in the folder stays there."""
        self._bus.close()

    def _keep(self, message: _Kept) -> None:
        body = msgspec.msgpack.encode(message)
        if self._bytes + len(body) > self._bytes_max:
            raise BusFull(
                f"The spool {self._folder} holds {self._bytes >> 20} MiB and takes no more: the bus has been away for "
                "too long. Give it a larger disk, or bring the bus back."
            )
        path = self._folder / f"{self._count:012d}{SUFFIX}"
        part = path.with_suffix(".part")
        try:
            part.write_bytes(body)
            part.replace(path)
        except OSError as error:
            raise BusFull(f"Nothing can be spooled in {self._folder}: {error.strerror}. Free some space.") from error
        self._count += 1
        self._bytes += len(body)
        self._waiting.append(path)

    def _forget(self) -> int:
        count = len(self._unconfirmed)
        for path in self._unconfirmed:
            self._bytes -= path.stat().st_size
            path.unlink()
        self._unconfirmed.clear()
        return count
