"""A sound card that is not there: what `sounddevice` offers, fed by the test."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from types import ModuleType
from typing import Any

import numpy as np

RATE = 8000


class PortAudioError(Exception):
    """As sounddevice's."""


class FakePortAudio(ModuleType):
    """Stands in `sys.modules["sounddevice"]`.

    Args:
        blocks: Given to the callback one after another, from a thread of its own, once recording starts.
        devices: Names of the microphones there are.
        busy: Whether recording cannot be started.
    """

    def __init__(
        self, blocks: Sequence[np.ndarray] = (), *, devices: Sequence[str] = ("built-in",), busy: bool = False
    ) -> None:
        super().__init__("sounddevice")
        self.PortAudioError = PortAudioError
        self.blocks, self.devices, self.busy = list(blocks), list(devices), busy
        self.opened: list[Any] = []

    def query_devices(self, device: str | int | None, kind: str) -> dict[str, Any]:
        """Facts about one device."""
        if not self.devices:
            raise PortAudioError("Error querying device -1")
        if device is not None and device not in self.devices and device not in range(len(self.devices)):
            raise ValueError(f"No input device matching {device!r}")
        return {"default_samplerate": float(RATE)}

    def InputStream(self, **options: Any) -> FakeStream:
        """A stream that is not yet recording."""
        stream = FakeStream(self, **options)
        self.opened.append(stream)
        return stream


class FakeStream:
    """Records the module's blocks."""

    def __init__(self, card: FakePortAudio, *, samplerate: float, callback: Any, **_: Any) -> None:
        self.samplerate, self.state = samplerate, "open"
        self._card, self._callback = card, callback

    def start(self) -> None:
        """Feed the callback, as PortAudio does, from another thread."""
        if self._card.busy:
            raise PortAudioError("Device unavailable")
        self.state = "recording"
        threading.Thread(target=self._feed, daemon=True).start()

    def _feed(self) -> None:
        for block in self._card.blocks:
            self._callback(block.reshape(-1, 1), len(block), None, None)

    def abort(self, *, ignore_errors: bool = True) -> None:
        """Stop at once."""
        self.state = "aborted"

    def close(self, *, ignore_errors: bool = True) -> None:
        """Free it."""
        self.state = "closed"
