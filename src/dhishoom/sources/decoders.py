"""Audio files as blocks of samples: libsndfile where it can, FFmpeg (extra `media`) for everything else."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import soundfile

from dhishoom.errors import SourceError
from dhishoom.sources.riff import missing_bytes

if TYPE_CHECKING:
    from numpy.typing import NDArray

BLOCK_S = 10.0
"""Decoded at a time: what a file of any length takes in memory."""
CHANNELS_MAX = 64
SAMPLE_RATE_MIN = 1_000
SAMPLE_RATE_MAX = 768_000

Blocks = Iterator["NDArray[np.float32]"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Audio:
    """An open file: what it holds, and its sound.

    Attributes:
        duration_s: What the header promises; 0 where it does not say.
        blocks: float32 [n, channels], as written. Ends with SourceError where the file breaks off, after what is there.
    """

    sample_rate: int
    channels: int
    duration_s: float
    blocks: Blocks


def open_audio(path: Path) -> Audio:
    """Open any audio file that libsndfile or FFmpeg reads; raises SourceError. Nothing is decoded yet."""
    _require_readable(path)
    try:
        file = soundfile.SoundFile(str(path))
    except soundfile.SoundFileError as error:
        return _open_with_ffmpeg(path, str(error))
    require_within_limits(path, file.samplerate, file.channels)
    duration_s = file.frames / file.samplerate
    blocks = _blocks(path, file)
    return Audio(sample_rate=file.samplerate, channels=file.channels, duration_s=duration_s, blocks=blocks)


def _require_readable(path: Path) -> None:
    try:
        with path.open("rb") as file:
            empty = not file.read(1)
    except OSError as error:
        raise SourceError(f"cannot read {path}: {error.strerror}. Check the path and its permissions.") from error
    if empty:
        raise SourceError(f"cannot read {path}: the file is empty (0 bytes). Copy or record it again.")


def require_within_limits(name: object, sample_rate: int, channels: int) -> None:
    """Refuse what no recorder gives: raises SourceError for a rate or a number of channels out of bounds."""
    if not SAMPLE_RATE_MIN <= sample_rate <= SAMPLE_RATE_MAX:
        limits = f"{SAMPLE_RATE_MIN} to {SAMPLE_RATE_MAX} Hz are read"
        raise SourceError(f"cannot read {name}: its sample rate is {sample_rate} Hz; {limits}. Convert it first.")
    if not 1 <= channels <= CHANNELS_MAX:
        limits = f"1 to {CHANNELS_MAX} are read"
        raise SourceError(f"cannot read {name}: it has {channels} channels; {limits}. Split it first.")


def _blocks(path: Path, file: soundfile.SoundFile) -> Blocks:
    with file:
        block_frames = round(BLOCK_S * file.samplerate)
        read = 0
        while read < file.frames:
            block = np.full((min(block_frames, file.frames - read), file.channels), np.nan, np.float32)
            try:
                block = file.read(out=block)
            except soundfile.SoundFileError as error:
                yield _written_part(block)
                raise _broken_off(path, str(error)) from error
            if not len(block):
                raise _broken_off(path, f"the header promises {file.frames / file.samplerate:.1f} s")
            read += len(block)
            yield block
    if missing := missing_bytes(path):
        raise _broken_off(path, f"the header promises {missing} bytes more")


def _written_part(block: NDArray[np.float32]) -> NDArray[np.float32]:
    """What libsndfile had written into a block of NaN when it failed: it tells the failure, not the count."""
    written = np.flatnonzero(~np.isnan(block[:, 0]))
    return block[: written[-1] + 1 if len(written) else 0]


def _broken_off(path: Path, why: str) -> SourceError:
    return SourceError(f"{path} breaks off early ({_reason(why)}). What is there was read; copy it again.")


def _open_with_ffmpeg(path: Path, sndfile_says: str) -> Audio:
    try:
        import av
    except ImportError as error:
        fix = "For other formats: pip install 'dhishoom[media]'."
        raise SourceError(f"cannot read {path} as audio (libsndfile: {_reason(sndfile_says)}). {fix}") from error
    try:
        # Only local files: a playlist must not make us fetch what it names.
        container = av.open(f"file:{path}", options={"protocol_whitelist": "file"})
    except (av.FFmpegError, OSError, ValueError) as error:
        raise _not_audio(path, sndfile_says) from error
    context = container.streams.audio[0].codec_context if container.streams.audio else None
    if context is None:
        container.close()
        raise SourceError(f"cannot read {path}: it holds no sound that FFmpeg can decode. Convert it to WAV first.")
    require_within_limits(path, context.sample_rate or 0, context.channels)
    duration_s = (container.duration or 0) / av.time_base
    blocks = _ffmpeg_blocks(path, container)
    return Audio(sample_rate=context.sample_rate, channels=context.channels, duration_s=duration_s, blocks=blocks)


def _not_audio(path: Path, sndfile_says: str) -> SourceError:
    why = f"neither libsndfile ({_reason(sndfile_says)}) nor FFmpeg knows it as audio"
    return SourceError(f"cannot read {path}: {why}. Check that it is a recording and not damaged.")


def _reason(message: str) -> str:
    """A library's reason without the path or the "Error" before it."""
    return message.rpartition(": ")[2].strip().rstrip(".")


def _ffmpeg_blocks(path: Path, container: Any) -> Blocks:
    import av

    with container:
        try:
            yield from ffmpeg_frames(container)
        except (av.FFmpegError, OSError) as error:
            raise _broken_off(path, error.strerror or type(error).__name__) from error


def ffmpeg_frames(container: Any) -> Blocks:
    """The first audio stream of an open container as float32 [n, channels], frame by frame.

    Raises av.FFmpegError or OSError where it breaks off, and OSError where its format changes midway.
    """
    import av

    resampler = av.AudioResampler(format="fltp")
    sample_rate = container.streams.audio[0].codec_context.sample_rate
    for frame in container.decode(audio=0):
        if frame.sample_rate != sample_rate:
            raise OSError(errno.EIO, f"its sample rate changes from {sample_rate} to {frame.sample_rate} Hz")
        try:
            resampled = resampler.resample(frame)
        except ValueError as error:
            raise OSError(errno.EIO, "its channels or its samples' format change") from error
        yield from (planar.to_ndarray().T.astype(np.float32) for planar in resampled)
