"""The microphone, on a sound card that the test plays."""

from __future__ import annotations

import builtins
import itertools
import sys

import numpy as np
import pytest

from dhishoom.errors import SourceError
from dhishoom.sources import microphone
from dhishoom.sources.microphone import MicrophoneSource
from tests.sources.portaudio import RATE, FakePortAudio

BLOCK = np.full(RATE // 4, 0.5, np.float32)


def plug_in(monkeypatch: pytest.MonkeyPatch, card: FakePortAudio) -> FakePortAudio:
    """From now on this is the computer's sound card."""
    monkeypatch.setitem(sys.modules, "sounddevice", card)
    return card


def test_blocks_follow_each_other_as_one_sensor(monkeypatch: pytest.MonkeyPatch) -> None:
    """Quarter seconds in order, without gap or overlap, though all of them arrived at once."""
    plug_in(monkeypatch, FakePortAudio([BLOCK] * 8))
    source = MicrophoneSource(sensor_id="desk")

    heard = source.chunks()
    chunks = [next(heard) for _ in range(8)]
    source.close()

    assert {(chunk.sensor_id, chunk.sample_rate, len(chunk.samples)) for chunk in chunks} == {("desk", RATE, RATE // 4)}
    assert all(abs(b.start_ns - a.end_ns) < 1_000_000 for a, b in itertools.pairwise(chunks))


def test_what_is_no_number_is_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    """A broken driver's NaN and overshoot come as 0 and 1."""
    plug_in(monkeypatch, FakePortAudio([np.array([np.nan, 7.0, -np.inf, 0.25], np.float32)]))
    source = MicrophoneSource()

    assert list(next(source.chunks()).samples) == [0.0, 1.0, -1.0, 0.25]


def test_sound_that_nobody_takes_is_counted_as_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """A minute may wait; what comes beyond it is dropped, not kept in ever more memory."""
    plug_in(monkeypatch, FakePortAudio())
    source = MicrophoneSource()
    for _ in range(microphone.BLOCKS_MAX + 3):
        source._take(BLOCK.reshape(-1, 1), len(BLOCK), None, None)

    assert source.blocks_lost == 3


def test_no_microphone_is_one_clear_message(monkeypatch: pytest.MonkeyPatch) -> None:
    """None at all, a wrong name and one that is in use: what, why and what to do."""
    plug_in(monkeypatch, FakePortAudio(devices=[]))
    with pytest.raises(SourceError, match=r"no microphone was found: Error querying device -1\. Plug one in"):
        MicrophoneSource()
    plug_in(monkeypatch, FakePortAudio())
    with pytest.raises(SourceError, match="microphone 'roof' cannot be opened"):
        MicrophoneSource("roof")
    plug_in(monkeypatch, FakePortAudio(busy=True))
    with pytest.raises(SourceError, match=r"cannot record: Device unavailable\. Close what else uses it"):
        list(MicrophoneSource().chunks())


def test_a_microphone_that_falls_silent_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unplugged: no blocks any more for longer than it may take."""
    plug_in(monkeypatch, FakePortAudio([BLOCK]))
    monkeypatch.setattr(microphone, "SILENT_S_MAX", 0.05)
    heard = MicrophoneSource().chunks()
    next(heard)

    with pytest.raises(SourceError, match=r"the microphone stopped"):
        next(heard)


def test_the_device_is_freed_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Closed, it holds no device, and its chunks are over."""
    card = plug_in(monkeypatch, FakePortAudio([BLOCK] * 3))
    source = MicrophoneSource()
    heard = source.chunks()
    next(heard)
    source.close()

    assert list(heard) == []
    assert card.opened[0].state == "closed"
    assert list(source.chunks()) == []


def test_a_missing_package_or_library_names_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    """sounddevice not installed, and installed without PortAudio."""
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(SourceError, match=r"dhishoom\[microphone\]"):
        MicrophoneSource()

    really = builtins.__import__

    def without_library(name: str, *rest: object, **named: object) -> object:
        if name == "sounddevice":
            raise OSError("PortAudio library not found")
        return really(name, *rest, **named)

    monkeypatch.setattr(builtins, "__import__", without_library)
    with pytest.raises(SourceError, match="apt install libportaudio2"):
        MicrophoneSource()
