"""Ten seconds of a video's sound: yt-dlp finds the stream, FFmpeg (PyAV) reads only that stretch of it."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import soundfile

from dhishoom.datasets.fetching import Reason, Unfetched
from dhishoom.datasets.manifest import ADDRESS
from dhishoom.datasets.segments import Segment
from dhishoom.errors import UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

PROTOCOLS = "http,https,httpproxy,tcp,tls,crypto,hls"
WHOLE_SHARE = 0.9
_REASONS: tuple[tuple[Reason, str], ...] = (
    ("busy", r"HTTP Error 429|too many requests|not a bot|rate-limited"),
    ("private", r"private video|video is private|HTTP Error 401"),
    ("region", r"in your country|in your location|geo.?restrict|HTTP Error 451"),
    ("age", r"confirm your age|age.?restricted|inappropriate for some users"),
    ("paid", r"members-only|join this channel|requires payment|rent"),
    ("refused", r"HTTP Error 403"),
    ("deleted", r"removed|deleted|terminated|no longer available|does not exist|unavailable|HTTP Error 4(04|10)"),
)


def reason_of(message: str) -> Reason:
    """What a refusal means, in one of few words; whatever is not known may be the network."""
    return next((why for why, pattern in _REASONS if re.search(pattern, message, re.IGNORECASE)), "network")


class Videos:
    """Brings clips of videos as FLAC, mono, at the stream's own rate.

    Args:
        address: Of a video's page, `{video}` where its id goes.
        timeout_s: How long to wait for an answer.
    """

    def __init__(self, address: str = ADDRESS, *, timeout_s: float = 30.0) -> None:
        try:
            import av  # noqa: F401
            import yt_dlp  # noqa: F401
        except ImportError as error:
            raise UsageError(
                "Downloading needs yt-dlp and PyAV, which are not here. Run: pip install 'dhishoom[download]'"
            ) from error
        self._address, self._timeout_s = address, timeout_s

    def __call__(self, segment: Segment) -> bytes:
        """The FLAC of a segment. Raises Unfetched with the reason."""
        url, headers = self._stream(self._address.format(video=segment.video))
        samples, rate = self._sound(url, headers, segment)
        wanted_s = segment.end_s - segment.start_s
        if len(samples) < WHOLE_SHARE * wanted_s * rate:
            raise Unfetched("cut short", f"only {len(samples) / max(1, rate):.1f} of {wanted_s:g} s came")
        file = io.BytesIO()
        soundfile.write(file, np.clip(samples, -1, 1), rate, format="FLAC", subtype="PCM_16")
        return file.getvalue()

    def _stream(self, page: str) -> tuple[str, dict[str, str]]:
        """Where the best sound lies, and what to send along."""
        import yt_dlp

        options = {
            "quiet": True, "no_warnings": True, "noprogress": True, "logger": _Silent(), "noplaylist": True,
            "format": "bestaudio/best", "socket_timeout": self._timeout_s, "extractor_retries": 0, "retries": 0,
            "skip_download": True, "cachedir": False,
        }  # fmt: skip
        try:
            with yt_dlp.YoutubeDL(options) as reader:
                about = reader.extract_info(page, download=False)
                return str(about["url"]), dict(about.get("http_headers") or {})
        except yt_dlp.utils.YoutubeDLError as error:
            raise Unfetched(reason_of(str(error)), _plain(str(error))) from error
        except (KeyError, TypeError) as error:
            raise Unfetched("deleted", "there is no sound behind this address") from error

    def _sound(self, url: str, headers: dict[str, str], segment: Segment) -> tuple[NDArray[np.float32], int]:
        import av

        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        options = {"headers": lines, "protocol_whitelist": PROTOCOLS}
        try:
            with av.open(url, options=options, timeout=self._timeout_s) as container:
                rate = container.streams.audio[0].codec_context.sample_rate
                parts = list(_stretch(container, segment.start_s, segment.end_s))
        except (av.FFmpegError, OSError, IndexError, ValueError) as error:
            raise Unfetched("network", f"{type(error).__name__}: {error}"[:200]) from error
        return (np.concatenate(parts) if parts else np.zeros(0, np.float32)), rate


def _stretch(container: Any, start_s: float, end_s: float) -> Iterator[NDArray[np.float32]]:
    """Mono sound between two instants of an open container."""
    import av

    if start_s > 0:
        container.seek(int(start_s * av.time_base), any_frame=False, backward=True)
    mono = av.AudioResampler(format="fltp", layout="mono")
    for frame in container.decode(audio=0):
        for part in mono.resample(frame):
            begin_s = float(part.time or 0.0)
            samples = part.to_ndarray()[0].astype(np.float32)
            first = max(0, round((start_s - begin_s) * part.sample_rate))
            last = round((end_s - begin_s) * part.sample_rate)
            if last <= 0:
                return
            yield samples[first:last]


def _plain(message: str) -> str:
    """yt-dlp's message without colours, its ERROR and its advice to report."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", message).removeprefix("ERROR: ")
    return re.split(r"; please report|\(caused by", text)[0].strip()[:200]


class _Silent:
    """Every message comes as an exception; nothing else is said."""

    def debug(self, _message: str) -> None:
        """Not told."""

    info = warning = error = debug
