"""Any recording is read, in pieces, or refused in one clear sentence."""

from __future__ import annotations

import contextlib
import io
import itertools
import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dhishoom.errors import SourceError
from dhishoom.nouns import NS_PER_S
from dhishoom.sources.files import FileSource, audio_files, decode, read_audio, standard_input
from dhishoom.sources.quality import Quality

WriteWav = Callable[..., Path]


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("eight_bit.wav", {"subtype": "PCM_U8"}),
        ("twenty_four_bit.wav", {"subtype": "PCM_24"}),
        ("studio.wav", {"rate": 96_000}),
        ("stereo.flac", {"channels": 2}),
        ("eight_channels.wav", {"channels": 8}),
        ("lossy.ogg", {"rate": 16_000}),
        ("lossy.mp3", {"rate": 16_000}),
        ("named_wrong.txt", {"format": "WAV"}),
    ],
)
def test_every_common_form_is_read_whole(write_wav: WriteWav, name: str, options: dict[str, object]) -> None:
    """Depth, rate, channels and the name do not matter: seconds go in, seconds come out, mono and within [-1, 1]."""
    chunks = list(decode(write_wav(name, 2.5, **options)))

    assert sum(chunk.duration_s for chunk in chunks) == pytest.approx(2.5, abs=0.001)
    assert all(chunk.samples.dtype == np.float32 and chunk.samples.ndim == 1 for chunk in chunks)
    assert all(np.abs(chunk.samples).max() <= 1 for chunk in chunks)


def test_chunks_follow_each_other_without_gap(write_wav: WriteWav) -> None:
    """The end of every chunk is the start of the next, also beyond one block of decoding."""
    chunks = list(decode(write_wav("long.wav", 21.3, rate=11_025), start_ns=5 * NS_PER_S))

    assert chunks[0].start_ns == 5 * NS_PER_S
    assert all(abs(after.start_ns - before.end_ns) <= 1 for before, after in itertools.pairwise(chunks))


def test_mixing_is_the_mean_and_a_channel_can_be_chosen(write_wav: WriteWav) -> None:
    """Without a choice all channels are averaged; channel 2 is the second alone."""
    both = np.stack([np.full(800, 0.5), np.full(800, -0.25)], axis=1).astype(np.float32)
    path = write_wav("stereo.wav", samples=both, subtype="FLOAT")

    assert read_audio(path).samples == pytest.approx(0.125)
    assert read_audio(path, channel=2).samples == pytest.approx(-0.25)
    with pytest.raises(SourceError, match=r"channel 3 .* it has 2"):
        read_audio(path, channel=3)


def test_what_is_no_number_is_silence_and_counted(write_wav: WriteWav) -> None:
    """NaN and infinities become zero, values beyond full scale are clipped, and the operator is told."""
    odd = np.array([np.nan, np.inf, -np.inf, 2.0, -3.0, 0.5] * 10, np.float32)
    quality = Quality()
    (chunk,) = decode(write_wav("odd.wav", samples=odd, subtype="FLOAT"), quality=quality)

    assert list(chunk.samples[:6]) == [0, 0, 0, 1, -1, 0.5]
    assert (quality.not_finite, quality.clipped) == (30, 20)
    assert "30 samples are not numbers" in quality.remarks()[0]


@pytest.mark.parametrize(
    ("samples", "told"),
    [
        (np.zeros(8000), "every sample is zero"),
        (np.full(8000, 0.25), "every sample is 0.25"),
        (np.sign(np.sin(np.arange(8000.0))), "at full scale"),
        (0.3 + 0.01 * np.sin(np.arange(8000.0)), "a constant offset of 0.30"),
    ],
    ids=["silence", "constant", "clipped", "offset"],
)
def test_recordings_that_hold_no_news_say_so(write_wav: WriteWav, samples: np.ndarray, told: str) -> None:
    """Silence, a constant, overdriven input and an offset are read without error and remarked upon."""
    quality = Quality()
    list(decode(write_wav("dull.wav", samples=samples.astype(np.float32)), quality=quality))

    assert told in " ".join(quality.remarks())


def test_sound_recordings_draw_no_remark(write_wav: WriteWav) -> None:
    """Ordinary noise is nothing to remark upon."""
    quality = Quality()
    list(decode(write_wav("fine.wav"), quality=quality))

    assert quality.remarks() == ()


@pytest.mark.parametrize("ending", ["wav", "flac"])
def test_a_truncated_file_gives_what_is_there_then_says_so(write_wav: WriteWav, ending: str) -> None:
    """Half a file: about half of its seconds, then an error that says what is missing and what to do."""
    path = write_wav(f"half.{ending}", 8.0, rate=16_000)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    chunks = iter(decode(path))
    seconds = sum(next(chunks).duration_s for _ in range(3))

    assert seconds == pytest.approx(3.0, abs=0.01)
    with pytest.raises(SourceError, match="breaks off early"):
        list(chunks)


def test_a_length_left_open_by_a_pipe_is_no_truncation(write_wav: WriteWav) -> None:
    """A recorder that cannot go back writes 0xFFFFFFFF as length; nothing is missing."""
    path = write_wav("piped.wav", 1.0)
    content = bytearray(path.read_bytes())
    at = content.index(b"data") + 4
    content[at : at + 4] = b"\xff\xff\xff\xff"
    path.write_bytes(content)

    assert read_audio(path).duration_s == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "is empty"),
        (b"only words, no sound\n" * 99, "neither libsndfile .* nor FFmpeg"),
        (b"RIFF\x24\x00\x00\x00WAVEfmt ", "neither libsndfile .* nor FFmpeg"),
    ],
    ids=["empty", "text", "header"],
)
def test_what_is_no_recording_is_refused(tmp_path: Path, content: bytes, told: str) -> None:
    """An empty file, a text and a bare header named .wav are each refused with a reason and a remedy."""
    path = tmp_path / "not_audio.wav"
    path.write_bytes(content)

    with pytest.raises(SourceError, match=told):
        read_audio(path)


def test_a_file_without_samples_is_refused(write_wav: WriteWav) -> None:
    """A valid header with no sample behind it cannot be heard."""
    with pytest.raises(SourceError, match="without samples"):
        read_audio(write_wav("none.wav", 0.0))


def test_an_unreadable_path_is_refused(tmp_path: Path, write_wav: WriteWav) -> None:
    """A missing file, and a path through a file, are told apart from damaged audio."""
    with pytest.raises(SourceError, match=r"cannot read .*missing\.wav: no such file"):
        audio_files(tmp_path / "missing.wav")
    with pytest.raises(SourceError, match="Not a directory"):
        read_audio(write_wav("a.wav") / "b.wav")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_forbidden_file_is_refused(write_wav: WriteWav) -> None:
    """A file without read permission is refused with the reason."""
    path = write_wav("secret.wav")
    path.chmod(0)

    with pytest.raises(SourceError, match="Permission denied"):
        read_audio(path)


def test_folders_are_searched_to_the_bottom_in_order(write_wav: WriteWav, tmp_path: Path) -> None:
    """Audio at any depth is found, sorted; hidden files and other things are not."""
    names = ["b.wav", "a/deep/c.FLAC", "a/d.wav"]
    for name in [*names, ".hidden.wav", ".trash/e.wav"]:
        write_wav(name, format="FLAC" if name.endswith("FLAC") else "WAV")
    (tmp_path / "notes.txt").write_text("no sound")

    assert audio_files(tmp_path) == [tmp_path / "a/d.wav", tmp_path / "a/deep/c.FLAC", tmp_path / "b.wav"]


def test_a_folder_without_audio_is_refused(tmp_path: Path) -> None:
    """A folder with nothing to hear says so."""
    (tmp_path / "readme.txt").write_text("nothing")

    with pytest.raises(SourceError, match="no recordings in"):
        audio_files(tmp_path)


def test_standard_input_is_read_like_a_file(write_wav: WriteWav) -> None:
    """What is piped in is decoded, and gone from disk afterwards; nothing piped in is refused."""
    wav = write_wav("a.wav", 1.0).read_bytes()

    with standard_input(io.BytesIO(wav)) as path:
        assert read_audio(path).duration_s == pytest.approx(1.0)
    assert not path.exists()
    with pytest.raises(SourceError, match="standard input is empty"), standard_input(io.BytesIO(b"")):
        pass


def test_without_ffmpeg_the_error_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What libsndfile cannot read names the package that could."""
    monkeypatch.setitem(sys.modules, "av", None)
    path = tmp_path / "phone.m4a"
    path.write_bytes(b"\0\0\0\x20ftypM4A ")

    with pytest.raises(SourceError, match=r"dhishoom\[media\]"):
        read_audio(path)


def test_ffmpeg_reads_what_libsndfile_does_not(tmp_path: Path) -> None:
    """AAC in an M4A container comes out as long as it went in."""
    av = pytest.importorskip("av")
    path = tmp_path / "phone.m4a"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=16_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 16_000), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 16_000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))

    assert read_audio(path).duration_s == pytest.approx(1.0, abs=0.15)


def test_a_file_source_ends_when_closed(write_wav: WriteWav) -> None:
    """After `close` no further chunk comes."""
    source = FileSource(write_wav("a.wav", 5.0), sensor_id="s1")
    chunks = source.chunks()
    first = next(chunks)
    source.close()

    assert first.sensor_id == "s1"
    assert list(chunks) == []


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damaged_bytes_are_read_or_refused_but_never_worse(tmp_path: Path, data: st.DataObject) -> None:
    """Any bytes of a WAV overwritten or cut: finite samples, or SourceError."""
    buffer = io.BytesIO()
    soundfile.write(buffer, np.zeros((400, 2), np.float32), 8000, format="WAV")
    content = bytearray(buffer.getvalue())
    for _ in range(data.draw(st.integers(0, 6))):
        content[data.draw(st.integers(0, 80))] = data.draw(st.integers(0, 255))
    path = tmp_path / "damaged.wav"
    path.write_bytes(bytes(content[: data.draw(st.integers(0, len(content)))]))

    with contextlib.suppress(SourceError):
        assert all(np.isfinite(chunk.samples).all() for chunk in decode(path))
