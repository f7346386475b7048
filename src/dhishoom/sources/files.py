"""Recordings on disk: found, decoded in pieces and mixed to one channel."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dhishoom.errors import SourceError
from dhishoom.nouns import NS_PER_S, Chunk, Site
from dhishoom.sources.decoders import Audio, open_audio
from dhishoom.sources.quality import Quality

if TYPE_CHECKING:
    from typing import BinaryIO

    from numpy.typing import NDArray

_AUDIO_SUFFIX = re.compile(
    r"\.(3gp|aac|ac3|aif|aiff|amr|au|avi|caf|flac|m4a|mka|mkv|mov|mp2|mp3|mp4|oga|ogg|opus|rf64|snd|w64|wave?|webm|wma)",
    re.IGNORECASE,
)
CHUNK_S = 1.0
WHOLE_S_MAX = 3600.0
STANDARD_INPUT_BYTES_MAX = 4 << 30


def is_audio_name(path: Path) -> bool:
    """Whether it is taken from a folder; a file that is named itself may be called anything."""
    return _AUDIO_SUFFIX.fullmatch(path.suffix) is not None and not path.name.startswith(".")


def audio_files(path: Path) -> list[Path]:
    """The file itself, or every audio file below a folder in the order of their names; raises SourceError if none."""
    if not path.exists():
        raise SourceError(f"cannot read {path}: no such file or folder. Check the path.")
    if not path.is_dir():
        return [path]
    found = sorted(_walk(path))
    if not found:
        suffixes = "WAV, FLAC, OGG, MP3, M4A, ..."
        raise SourceError(f"no recordings in {path}: no file in it ends like audio ({suffixes}). Name another folder.")
    return found


def _walk(folder: Path) -> Iterator[Path]:
    def refuse(error: OSError) -> None:
        raise SourceError(f"cannot list {error.filename}: {error.strerror}. Check its permissions.") from error

    for root, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (path for name in names if is_audio_name(path := Path(root, name)))


def mono(audio: Audio, path: Path, channel: int | None) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
    """How blocks [n, channels] become [n]: channel 1, 2, ... alone, or the mean of all where None is chosen."""
    if channel is None:
        return lambda block: block[:, 0] if block.shape[1] == 1 else block.mean(axis=1, dtype=np.float32)
    if not 1 <= channel <= audio.channels:
        raise SourceError(
            f"cannot take channel {channel} of {path}: it has {audio.channels}. Choose 1 to {audio.channels}."
        )
    index = channel - 1
    return lambda block: np.ascontiguousarray(block[:, index])


def decode(
    path: Path,
    *,
    sensor_id: str | None = None,
    start_ns: int = 0,
    channel: int | None = None,
    chunk_s: float = CHUNK_S,
    quality: Quality | None = None,
) -> Iterator[Chunk]:
    """Decode a file piece by piece; hours take no more memory than seconds.

    Args:
        sensor_id: Named in every chunk; the file's name without its suffix if None.
        start_ns: Time of the first sample.
        channel: 1, 2, ...; None mixes all channels to their mean.
        quality: Counts what is wrong with the samples, if given.
    Yields:
        Chunks of `chunk_s` (the last of each ten seconds may be shorter), finite and within [-1, 1].
    Raises:
        SourceError: It cannot be read, holds no samples, or breaks off (then after all that is there).
    """
    audio = open_audio(path)
    to_mono = mono(audio, path, channel)
    quality = quality or Quality()
    name = path.stem if sensor_id is None else sensor_id
    chunk_frames = max(1, round(chunk_s * audio.sample_rate))
    told = 0
    for block in audio.blocks:
        samples = to_mono(quality.mend(block))
        for at in range(0, len(samples), chunk_frames):
            piece = samples[at : at + chunk_frames]
            since_start_ns = (told + at) * NS_PER_S // audio.sample_rate
            yield Chunk(
                sensor_id=name, start_ns=start_ns + since_start_ns, sample_rate=audio.sample_rate, samples=piece
            )
        told += len(samples)
    if not told:
        raise SourceError(f"cannot hear {path}: it is an audio file without samples. Record it again.")


def read_audio(path: Path, *, channel: int | None = None) -> Chunk:
    """A whole file of at most an hour as one chunk that starts at time 0; raises SourceError as `decode` does."""
    pieces: list[NDArray[np.float32]] = []
    seconds = 0.0
    for chunk in decode(path, channel=channel):
        pieces.append(chunk.samples)
        seconds += chunk.duration_s
        if seconds > WHOLE_S_MAX:
            raise SourceError(f"{path} is longer than {WHOLE_S_MAX:.0f} s; read it in pieces with `decode`.")
    return Chunk(sensor_id=chunk.sensor_id, start_ns=0, sample_rate=chunk.sample_rate, samples=np.concatenate(pieces))


def recorded_at_ns(paths: Sequence[Path]) -> int:
    """When recordings that say no time were begun, if they were begun together and the last to end was then closed.

    Taken from the newest file's time of change, so that it is the same at every start.
    """
    ends_ns = [path.stat().st_mtime_ns for path in paths]
    lengths_s = [_length_s(path) for path in paths]
    return max(0, max(ends_ns) - round(max(lengths_s) * NS_PER_S))


def _length_s(path: Path) -> float:
    """What its header says; 0 where it cannot be read, which is told when it is played."""
    try:
        return open_audio(path).duration_s
    except SourceError:
        return 0.0


@contextmanager
def standard_input(stream: BinaryIO | None = None) -> Iterator[Path]:
    """What comes on standard input, kept in a temporary file: containers need to be read back and forth."""
    stream = stream or sys.stdin.buffer
    with tempfile.TemporaryDirectory(prefix="dhishoom-") as folder:
        path = Path(folder, "stdin")
        with path.open("wb") as file:
            _copy_within_limit(stream, file)
        yield path


def _copy_within_limit(stream: BinaryIO, file: BinaryIO) -> None:
    while block := stream.read(1 << 20):
        file.write(block)
        if file.tell() > STANDARD_INPUT_BYTES_MAX:
            raise SourceError(
                f"standard input is longer than {STANDARD_INPUT_BYTES_MAX >> 30} GiB. Name the file instead."
            )
    if not file.tell():
        raise SourceError("standard input is empty: nothing was piped in. Try: dhishoom detect - < recording.wav")


class FileSource:
    """One file as the sound of one sensor."""

    def __init__(self, path: Path, *, sensor_id: str | None = None, start_ns: int = 0) -> None:
        self._path = path
        self._sensor_id = sensor_id
        self._start_ns = start_ns
        self._closed = False

    def site(self) -> Site | None:
        """A file does not know where it was recorded."""
        return None

    def chunks(self) -> Iterator[Chunk]:
        """Its chunks in order; see `decode`."""
        for chunk in decode(self._path, sensor_id=self._sensor_id, start_ns=self._start_ns):
            if self._closed:
                return
            yield chunk

    def close(self) -> None:
        """End `chunks` at its next chunk."""
        self._closed = True
