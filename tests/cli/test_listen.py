"""`dhishoom listen`: a microphone or a stream becomes lines, as it is heard."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from dhishoom.cli.listen import listen
from dhishoom.messages import detection_from_json
from tests.cli.conftest import bangs
from tests.sources.portaudio import RATE, FakePortAudio
from tests.sources.radio import Programme, encoded, endless_wav, on_air

ENERGY = ("--model", "energy")
SHOTS_S = (3.0, 5.0)


def blocks(sound: np.ndarray) -> list[np.ndarray]:
    """Quarter seconds, as PortAudio gives them."""
    return np.split(sound, range(RATE // 4, len(sound), RATE // 4))


def plug_in(monkeypatch: pytest.MonkeyPatch, card: FakePortAudio) -> None:
    """From now on this is the computer's sound card."""
    monkeypatch.setitem(sys.modules, "sounddevice", card)


@pytest.fixture
def shots(monkeypatch: pytest.MonkeyPatch) -> None:
    """A microphone that hears two shots in eight seconds, and nothing more until it is unplugged."""
    monkeypatch.setattr("dhishoom.sources.microphone.SILENT_S_MAX", 0.5)
    plug_in(monkeypatch, FakePortAudio(blocks(bangs(8.0, SHOTS_S, rate=RATE))))


@pytest.mark.usefixtures("shots")
def test_a_microphone_becomes_detection_lines(run) -> None:
    """One JSON line a shot with the sensor's name; when the microphone is unplugged, an error and its exit code."""
    result = run(listen, "--json", "--sensor", "roof", *ENERGY)

    found = [detection_from_json(json.loads(line)) for line in result.out.splitlines()]
    assert [one.sensor_id for one in found] == ["roof", "roof"]
    assert (found[1].onset_ns - found[0].onset_ns) / 1e9 == pytest.approx(2.0, abs=0.01)
    assert (result.exit_code, "the microphone stopped" in result.err) == (4, True)
    assert "Heard 8.0 s of sound, 2 gunshots" in result.err


@pytest.mark.usefixtures("shots")
def test_without_json_it_is_one_readable_line_a_shot(run) -> None:
    """Time, label, score and level."""
    lines = run(listen, *ENERGY).out.splitlines()

    assert len(lines) == 2
    assert all("Z  gunshot " in line and "dB over the noise" in line for line in lines)


@pytest.mark.usefixtures("shots")
def test_shots_alone_are_kept_where_a_folder_is_named(run, tmp_path: Path) -> None:
    """Each shot's clip is where its line says; without --keep nothing is written."""
    result = run(listen, "--json", "--keep", tmp_path / "kept", *ENERGY)

    clips = [json.loads(line)["clip"] for line in result.out.splitlines()]
    assert len(set(clips)) == 2
    assert all((tmp_path / "kept" / clip).read_bytes().startswith(b"fLaC") for clip in clips)
    assert {path.relative_to(tmp_path / "kept").as_posix() for path in tmp_path.rglob("*.flac")} == set(clips)


@pytest.mark.usefixtures("shots")
def test_a_folder_that_cannot_be_written_costs_the_clip_alone(run, tmp_path: Path) -> None:
    """The shots are told without clips, and why is said."""
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "sensor=microphone").write_text("in the way")

    result = run(listen, "--json", "--keep", kept, *ENERGY)

    assert [json.loads(line)["clip"] for line in result.out.splitlines()] == [None, None]
    assert "No clip can be written" in result.err


def test_it_stops_after_the_seconds_that_were_asked_for(run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A microphone that never ends is left after --seconds, with success."""
    plug_in(monkeypatch, FakePortAudio(blocks(bangs(2.0, (), rate=RATE))))

    result = run(listen, "--seconds", 0.5, *ENERGY)

    assert (result.exit_code, result.out) == (0, "")
    assert "Heard 2.0 s of sound, 0 gunshots" in result.err


def test_no_sound_at_all_is_no_success(run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing came in the time: an error that says so."""
    plug_in(monkeypatch, FakePortAudio())

    result = run(listen, "--seconds", 0.1, *ENERGY)

    assert (result.exit_code, "no sound from microphone" in result.err) == (4, True)


def test_without_a_sound_card_one_message_says_what_to_do(run, monkeypatch: pytest.MonkeyPatch) -> None:
    """No device: exit code of sources, nothing on standard output."""
    plug_in(monkeypatch, FakePortAudio(devices=[]))

    result = run(listen, *ENERGY)

    assert (result.exit_code, result.out) == (4, "")
    assert "no microphone was found" in result.err


def test_a_stream_that_drops_is_heard_on(run) -> None:
    """A shot before and one after the loss; the loss and the end are told with their reasons."""
    pytest.importorskip("av")
    first, second = (endless_wav(bangs(4.0, (at_s,), rate=RATE, seed=seed)) for seed, at_s in enumerate((2.5, 2.0)))
    recording = encoded(bangs(2.0, (), rate=RATE), "WAV")
    with on_air(Programme(first), Programme(second), Programme(recording, length=len(recording))) as station:
        result = run(listen, station.url, "--json", *ENERGY)

    assert [json.loads(line)["label"] for line in result.out.splitlines()] == ["gunshot", "gunshot"]
    assert result.exit_code == 0
    assert result.err.count("the connection broke off. Trying again") == 2
    assert "Heard 10.0 s of sound" in result.err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nonsense"], "is nothing to listen to"),
        (["--seconds", "-1"], "is no time to listen"),
        (["--threshold", "7"], "is no probability"),
        ([str(Path(__file__))], "try: dhishoom detect"),
    ],
)
def test_wrong_use_is_answered_at_once(run, arguments: list[str], told: str) -> None:
    """What is wrong and what is meant, with the exit code of wrong use."""
    result = run(listen, *arguments, *ENERGY)

    assert (result.exit_code, told in result.err) == (2, True)


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_ctrl_c_tells_what_was_heard_and_exits_130(tmp_path: Path) -> None:
    """Interrupted while the stream is silent, it ends at once with whole lines and no traceback."""
    pytest.importorskip("av")
    program = "import typer; from dhishoom.cli.listen import listen; typer.run(listen)"
    sound = endless_wav(bangs(5.0, (2.0,), rate=RATE))
    with on_air(Programme(sound, stays=True)) as station:
        process = subprocess.Popen(
            [sys.executable, "-c", program, station.url, "--json", *ENERGY],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "NO_COLOR": "1"},
        )
        first = process.stdout.readline()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)

    assert process.returncode == 130
    assert [json.loads(line)["type"] for line in (first + out).splitlines()] == ["detection"]
    assert ("gunshots in it" in err, "Traceback" in err) == (True, False)
