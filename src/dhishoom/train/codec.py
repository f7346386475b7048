"""What a camera's or a phone's codec leaves of a sound: encoded and decoded in memory."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np

from dhishoom.errors import DhishoomError

if TYPE_CHECKING:
    from dhishoom.train.library import Samples

CODECS = {
    "opus": ("libopus", "ogg", 48_000),
    "aac": ("aac", "adts", 16_000),
    "mp3": ("libmp3lame", "mp3", 16_000),
    "mulaw": ("pcm_mulaw", "wav", 8_000),
}
"""Name: encoder, container, sampling rate (Hz) it is run at."""


def recoded(samples: Samples, sample_rate: int, codec: str, bits_per_second: int) -> Samples:
    """The sound after a codec: as long as before, and where it was (to the sample, by the best correlation)."""
    try:
        import av
    except ImportError as error:
        raise DhishoomError("Codecs need PyAV, which is not here. Run: pip install 'dhishoom[media]'") from error
    encoder, container, rate = CODECS[codec]
    file = io.BytesIO()
    with av.open(file, "w", format=container) as target:
        stream: Any = target.add_stream(encoder, rate=rate, layout="mono")
        if codec != "mulaw":
            stream.bit_rate = bits_per_second
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples[None], np.float32), "fltp", "mono")
        frame.sample_rate = sample_rate
        resampler = av.AudioResampler(stream.format, "mono", rate, stream.frame_size or None)
        for piece in [*resampler.resample(frame), *resampler.resample(None)]:
            target.mux(stream.encode(piece))
        target.mux(stream.encode(None))
    file.seek(0)
    return _aligned(_decoded(av.open(file), sample_rate), samples)


def _decoded(source: Any, sample_rate: int) -> Samples:  # PyAV's containers are typed as a union of all of them
    import av

    back = av.AudioResampler("fltp", "mono", sample_rate)
    with source:
        pieces = [part.to_ndarray()[0] for frame in source.decode(audio=0) for part in back.resample(frame)]
    pieces += [part.to_ndarray()[0] for part in back.resample(None)]
    return np.concatenate(pieces)


def _aligned(decoded: Samples, original: Samples, late_max: int = 4096) -> Samples:
    """A codec delays what it is given: undo it."""
    size = 1 << (len(original) + late_max).bit_length()
    spectrum = np.fft.rfft(decoded[: len(original) + late_max], size) * np.conj(np.fft.rfft(original, size))
    late = int(np.argmax(np.fft.irfft(spectrum, size)[:late_max]))
    moved = decoded[late : late + len(original)]
    return np.asarray(np.pad(moved, (0, len(original) - len(moved))), np.float32)
