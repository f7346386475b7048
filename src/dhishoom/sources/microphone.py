"""The sound of a microphone of this computer, through PortAudio (extra `microphone`)."""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from dhishoom.errors import SourceError
from dhishoom.nouns import Chunk, Sensor, Site
from dhishoom.sources.live_clock import LiveClock

BLOCK_S = 0.25
BLOCKS_MAX = 240
"""A minute of sound may wait; what comes then is dropped, counted, and heard as a gap."""
SILENT_S_MAX = 10.0
CLOCK_SIGMA_S = 0.02
"""Of a block timed by its arrival: buffers of ordinary computers differ by about this much."""


class MicrophoneSource:
    """One sensor without a place.

    Attributes:
        blocks_lost: Dropped because nobody took them in time.
    """

    def __init__(self, device: str | int | None = None, *, sensor_id: str = "microphone") -> None:
        """Open the device named or numbered, else the default one; raises SourceError where there is none."""
        self.blocks_lost = 0
        self._sensor_id = sensor_id
        self._blocks: queue.Queue[tuple[int, Any] | None] = queue.Queue(BLOCKS_MAX)
        self._closed = threading.Event()
        self._portaudio = _import_sounddevice()
        self._stream = self._open(device)
        self._sample_rate = round(self._stream.samplerate)

    def _open(self, device: str | int | None) -> Any:
        try:
            facts = self._portaudio.query_devices(device, "input")
            rate = facts["default_samplerate"]
            return self._portaudio.InputStream(
                device=device,
                channels=1,
                dtype="float32",
                samplerate=rate,
                blocksize=round(rate * BLOCK_S),
                callback=self._take,
            )
        except (self._portaudio.PortAudioError, ValueError) as error:
            which = "no microphone was found" if device is None else f"microphone {device!r} cannot be opened"
            fix = "Plug one in, or name one that `python -m sounddevice` lists, as microphone:NAME."
            raise SourceError(f"{which}: {_reason(error)}. {fix}") from error

    def _take(self, samples: Any, frames: int, times: Any, flags: Any) -> None:  # noqa: ARG002 (PortAudio's signature)
        """Called by PortAudio's thread: must neither wait nor fail."""
        try:
            self._blocks.put_nowait((time.time_ns(), samples[:, 0].copy()))
        except queue.Full:
            self.blocks_lost += 1

    def site(self) -> Site:
        """One sensor, place unknown."""
        return Site(name="microphone", sensors={self._sensor_id: Sensor(sensor_id=self._sensor_id)})

    def chunks(self) -> Iterator[Chunk]:
        """Quarter seconds as they come; raises SourceError if the device falls silent for ten seconds."""
        clock = LiveClock()
        if self._closed.is_set():
            return
        self._start()
        try:
            while (block := self._next_block()) is not None and not self._closed.is_set():
                arrived_ns, samples = block
                yield Chunk(
                    sensor_id=self._sensor_id,
                    start_ns=clock.start_ns(arrived_ns, len(samples), self._sample_rate),
                    sample_rate=self._sample_rate,
                    samples=np.clip(np.nan_to_num(samples), -1, 1),
                    clock_sigma_s=CLOCK_SIGMA_S,
                )
        finally:
            self._stream.close(ignore_errors=True)

    def _start(self) -> None:
        try:
            self._stream.start()
        except self._portaudio.PortAudioError as error:
            fix = "Close what else uses it, or name another microphone."
            raise SourceError(f"the microphone cannot record: {_reason(error)}. {fix}") from error

    def _next_block(self) -> tuple[int, Any] | None:
        try:
            return self._blocks.get(timeout=SILENT_S_MAX)
        except queue.Empty:
            why = f"nothing came for {SILENT_S_MAX:.0f} s"
            raise SourceError(f"the microphone stopped: {why}. Plug it in again and restart.") from None

    def close(self) -> None:
        """Stop recording; `chunks` ends at once."""
        self._closed.set()
        self._stream.abort(ignore_errors=True)
        with contextlib.suppress(queue.Full):  # then there is something to wake it anyhow
            self._blocks.put_nowait(None)


def _import_sounddevice() -> Any:
    try:
        import sounddevice
    except ImportError as error:
        raise SourceError("the microphone needs sounddevice: pip install 'dhishoom[microphone]'.") from error
    except OSError as error:
        fix = "Install it, on Debian and Ubuntu: apt install libportaudio2."
        raise SourceError(f"the microphone needs the PortAudio library ({error}). {fix}") from error
    return sounddevice


def _reason(error: Exception) -> str:
    return str(error).strip().rstrip(".") or type(error).__name__
