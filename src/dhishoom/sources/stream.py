"""Sound from the network, `rtsp://` and `http(s)://`, through PyAV (extra `media`), with reconnection."""

from __future__ import annotations

import errno
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import numpy as np

from dhishoom.errors import SourceError
from dhishoom.nouns import Chunk, Sensor, Site
from dhishoom.sources.decoders import ffmpeg_frames, require_within_limits
from dhishoom.sources.live_clock import LiveClock

if TYPE_CHECKING:
    from numpy.typing import NDArray

SCHEMES = ("rtsp", "rtsps", "http", "https")
PROTOCOLS = "http,https,httpproxy,tcp,tls,udp,rtp,rtsp,rtsps,crypto,hls"
"""What a playlist may refer to: no files of this computer."""
BLOCK_S = 0.25
CLOCK_SIGMA_S = 0.5
"""Of sound timed by its arrival through a network: good for a warning, useless for a place."""
BACKOFF_MAX_S = 30.0
END_S = 0.25
"""A recording's length is known to about this much, where its bit rate was measured."""


class StreamSource:
    """One sensor without a place.

    Attributes:
        connections: How often sound began to come.
        last_failure: Why the connection was lost or refused the last time; empty if it never was.
    """

    def __init__(
        self,
        url: str,
        *,
        sensor_id: str = "stream",
        timeout_s: float = 10.0,
        backoff_s: float = 1.0,
        failures_max: int = 8,
        tell: Callable[[str], object] = lambda _: None,
    ) -> None:
        """Nothing is opened yet.

        Args:
            timeout_s: How long to wait for the first and for the next bytes.
            backoff_s: Wait before the second try; doubled each time, at most 30 s.
            failures_max: Tries in a row without any sound after which it gives up.
            tell: Called with a sentence whenever the connection is lost or refused and will be tried again.
        """
        parts = urlsplit(url)
        if parts.scheme not in SCHEMES or not parts.hostname:
            raise SourceError(f"{self._shown(url)} is no stream; give an address that begins with rtsp:// or https://.")
        self.connections = 0
        self.last_failure = ""
        self._url = url
        self._sensor_id = sensor_id
        self._timeout_s = timeout_s
        self._backoff_s = backoff_s
        self._failures_max = failures_max
        self._tell = tell
        self._closed = threading.Event()
        self._av = _import_av()

    @staticmethod
    def _shown(url: str) -> str:
        """The address without user, password and query: messages end up in logs."""
        parts = urlsplit(url)
        port = f":{parts.netloc.rpartition(':')[2]}" if parts.netloc.rpartition("@")[2].count(":") else ""
        return f"{parts.scheme}://{parts.hostname or ''}{port}{parts.path}" if parts.scheme else url

    def site(self) -> Site:
        """One sensor, place unknown."""
        return Site(name="stream", sensors={self._sensor_id: Sensor(sensor_id=self._sensor_id)})

    def chunks(self) -> Iterator[Chunk]:
        """Quarter seconds as they come, over as many connections as it takes, until a recording ends.

        Raises SourceError with the reason after `failures_max` tries in a row without sound, and where a recording
        (what has a length) breaks off.
        """
        clock = LiveClock()
        failures = 0
        while not self._closed.is_set():
            before = self.connections
            try:
                yield from self._one_connection(clock)
                return
            except (self._av.FFmpegError, OSError) as error:
                self.last_failure = self._reason(error, connected=self.connections > before)
            failures = 1 if self.connections > before else failures + 1
            if not self._closed.is_set():
                self._wait(failures)

    def _wait(self, failures: int) -> None:
        """Longer after each failure in a row; give up after the last. Ends at once when closed."""
        shown = self._shown(self._url)
        if failures >= self._failures_max:
            fix = "Check the address and that the server plays sound."
            raise SourceError(f"no sound from {shown}: {self.last_failure} ({failures} tries in a row failed). {fix}")
        wait_s = min(BACKOFF_MAX_S, self._backoff_s * 2.0 ** (failures - 1))
        self._tell(f"no sound from {shown}: {self.last_failure}. Trying again in {wait_s:g} s.")
        self._closed.wait(wait_s)

    def _one_connection(self, clock: LiveClock) -> Iterator[Chunk]:
        options = {"protocol_whitelist": PROTOCOLS, "rtsp_transport": "tcp"}
        with self._av.open(self._url, options=options, timeout=self._timeout_s) as container:
            context = container.streams.audio[0].codec_context if container.streams.audio else None
            if context is None:
                why = "plays no sound that FFmpeg can decode"
                raise SourceError(f"{self._shown(self._url)} {why}. Switch the camera's microphone on.")
            require_within_limits(self._shown(self._url), context.sample_rate or 0, context.channels)
            self.connections += 1
            for samples in self._blocks(container, context.sample_rate):
                if self._closed.is_set():
                    return
                yield Chunk(
                    sensor_id=self._sensor_id,
                    start_ns=clock.start_ns(time.time_ns(), len(samples), context.sample_rate),
                    sample_rate=context.sample_rate,
                    samples=samples,
                    clock_sigma_s=CLOCK_SIGMA_S,
                )

    def _blocks(self, container: Any, sample_rate: int) -> Iterator[NDArray[np.float32]]:
        """Frames gathered to blocks of at least `BLOCK_S`, and what is left when the connection ends or breaks."""
        waiting: list[NDArray[np.float32]] = []
        heard = 0
        failure: Exception | None = None
        try:
            for frame in ffmpeg_frames(container):
                waiting.append(_mono(frame))
                heard += len(frame)
                if sum(map(len, waiting)) >= BLOCK_S * sample_rate:
                    yield np.concatenate(waiting)
                    waiting = []
        except (self._av.FFmpegError, OSError) as error:
            failure = error
        if waiting:
            yield np.concatenate(waiting)
        self._require_good_end(container, heard / sample_rate, failure)

    def _require_good_end(self, container: Any, heard_s: float, failure: Exception | None) -> None:
        """A recording ends once; a live stream never does: it is opened again."""
        if self._closed.is_set() or self._is_whole(container, heard_s):
            return
        if not _is_recording(container):
            raise failure or OSError(errno.EPIPE, "the server ended the stream")
        if failure:
            why = self._reason(failure, connected=True)
            raise SourceError(f"{self._shown(self._url)} breaks off early: {why}. Fetch it as a file.") from failure

    def _is_whole(self, container: Any, heard_s: float) -> bool:
        """Whether a recording that says its length was heard to its end: a server that does not just hangs up there."""
        return bool(container.duration) and heard_s >= container.duration / self._av.time_base - END_S

    def _reason(self, error: Exception, *, connected: bool) -> str:
        if isinstance(error, self._av.error.ExitError):
            return f"nothing came for {self._timeout_s:g} s"
        text = getattr(error, "strerror", None) or type(error).__name__
        if text != "Input/output error":
            return str(text)
        return "the connection broke off" if connected else "the host is unknown or does not answer"

    def close(self) -> None:
        """End `chunks` at the next sound or timeout, at once where it waits to reconnect."""
        self._closed.set()


def _is_recording(container: Any) -> bool:
    """Whether it has a length: a live stream has none."""
    return container.size > 0 or bool(container.duration)


def _mono(frame: NDArray[np.float32]) -> NDArray[np.float32]:
    finite = np.nan_to_num(frame, nan=0.0, posinf=0.0, neginf=0.0)
    mixed: NDArray[np.float32] = finite.mean(axis=1, dtype=np.float32)
    return np.clip(mixed, -1, 1)


def _import_av() -> Any:
    try:
        import av
    except ImportError as error:
        raise SourceError("streams need FFmpeg's libraries: pip install 'dhishoom[media]'.") from error
    return av
