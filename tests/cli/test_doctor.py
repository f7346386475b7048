"""`dhishoom doctor`: what it finds on machines that lack something."""

from __future__ import annotations

import json
import shutil
import socket
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dhishoom.cli import checks
from dhishoom.cli.checks import Needs
from dhishoom.cli.doctor import doctor
from dhishoom.detectors.catalogue import DEFAULT, SHIPPED
from dhishoom.service.web_server import WebServer
from dhishoom.settings import StoreSettings, WebSettings, parse_settings

NAMES = ["Python", "page", "sound files", "FFmpeg", "plots", "mqtt", "settings", "model", "microphone"]
NAMES += ["store", "disk", "port", "clock"]
SIMULATED = "[simulation]\n[web]\nport = 0\n"


@pytest.fixture
def healthy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine with a built page, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(checks, "page", lambda: checks.Check(name="page", state="ok", detail="built"))
    return tmp_path


def states(result: Any) -> dict[str, str]:
    """Of every check by name."""
    return {told["name"]: told["state"] for told in map(json.loads, result.out.splitlines())}


def test_all_is_well_on_settings_that_work(run, healthy: Path) -> None:
    """Exit code 0; one JSON object a check, always the same checks."""
    (healthy / "dhishoom.toml").write_text(SIMULATED)

    result = run(doctor, "--json")

    assert result.exit_code == 0
    assert list(states(result)) == NAMES
    assert "fix" not in states(result).values()
    assert "All is well" in result.err
    assert [path.name for path in healthy.iterdir()] == ["dhishoom.toml"]


def test_people_read_ok_or_fix_with_the_command(run, healthy: Path) -> None:
    """A line a check, and below it what mends it; exit code 1."""
    (healthy / "dhishoom.toml").write_text(SIMULATED + '[model]\nname = "enrgy"\n')

    result = run(doctor)

    lines = result.out.splitlines()
    assert result.exit_code == 1
    assert any(line.startswith("OK   Python") for line in lines)
    at = next(number for number, line in enumerate(lines) if line.startswith("FIX  model"))
    assert "Did you mean energy?" in lines[at]
    assert lines[at + 1].strip() == "dhishoom models list"
    assert "1 to fix" in result.err


def test_settings_that_are_wrong_are_told_with_the_nearest_name(run, healthy: Path) -> None:
    """The rest is checked all the same, as if there were none."""
    (healthy / "dhishoom.toml").write_text("[store]\nfoldr = 'x'\n")

    result = run(doctor, "--json")

    assert states(result)["settings"] == "fix"
    assert "Did you mean folder?" in result.out
    assert list(states(result)) == NAMES


def test_settings_that_are_named_must_be_there(run, healthy: Path) -> None:
    """Without any, that is no fault; with --config it is."""
    assert states(run(doctor, "--json"))["settings"] == "note"
    assert states(run(doctor, "--json", "--config", "other.toml"))["settings"] == "fix"


def without(monkeypatch: pytest.MonkeyPatch, *modules: str) -> None:
    """As if these were not installed."""
    for module in modules:
        monkeypatch.setitem(sys.modules, module, None)


def test_an_extra_is_missed_only_where_it_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream needs FFmpeg, a microphone sounddevice; the command installs that extra."""
    without(monkeypatch, "av", "sounddevice", "matplotlib", "paho.mqtt")
    base, streams = checks.decoders(Needs()), checks.decoders(Needs(streams=True))

    ffmpeg, needed = list(base)[1], list(streams)[1]
    assert (ffmpeg.state, needed.state) == ("note", "fix")
    assert needed.fix == f"{sys.executable} -m pip install 'dhishoom[media]'"
    assert [check.state for check in checks.extras()] == ["note", "note"]
    assert checks.microphone(Needs()).state == "note"
    assert "dhishoom[microphone]" in checks.microphone(Needs(microphone=True)).fix


def test_what_the_sensors_need_is_read_from_their_sources() -> None:
    """Addresses, microphones, places."""
    settings = parse_settings(
        '[[sensor]]\nid = "a"\nsource = "microphone:USB"\nx = 1\ny = 2\n'
        '[[sensor]]\nid = "b"\nsource = "rtsp://camera/live"\n[[sensor]]\nid = "c"\nsource = "a.wav"\n'
    )

    assert checks.needs_of(settings) == Needs(streams=True, microphone=True, places=1)


class NoDevice:
    """sounddevice on a machine without a microphone."""

    PortAudioError = type("PortAudioError", (Exception,), {})

    def query_devices(self, *_: object) -> None:
        """None."""
        raise self.PortAudioError("Error querying device -1")


def test_a_machine_without_microphone_is_told_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where settings name one it must be there."""
    module = types.ModuleType("sounddevice")
    fake = NoDevice()
    module.PortAudioError, module.query_devices = fake.PortAudioError, fake.query_devices  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "sounddevice", module)

    check = checks.microphone(Needs(microphone=True))

    assert (check.state, check.name) == ("fix", "microphone")
    assert "no microphone was found" in check.detail


def test_a_model_that_does_not_fit_its_card_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The network gives other classes than the card promises."""
    monkeypatch.setenv("DHISHOOM_MODELS", str(tmp_path))
    shutil.copy(SHIPPED / f"{DEFAULT}.onnx", tmp_path / "mine.onnx")
    card = json.loads((SHIPPED / f"{DEFAULT}.json").read_text())
    (tmp_path / "mine.json").write_text(json.dumps(card | {"name": "mine", "classes": ["gunshot", "other"]}))

    check = checks.model(parse_settings('[model]\nname = "mine"\n'))

    assert check.state == "fix"
    assert "do not belong together" in check.detail


def test_a_store_that_cannot_be_written_is_found(tmp_path: Path) -> None:
    """Its folder lies below a file; nothing is made by looking."""
    (tmp_path / "file").write_text("")

    store, disk = checks.store(StoreSettings(folder="new/deep"), tmp_path)
    assert (store.state, disk.state) == ("ok", "ok" if disk.state == "ok" else "note")
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]

    broken, *_ = checks.store(StoreSettings(folder="file/store"), tmp_path)
    assert (broken.state, "cannot be written" in broken.detail) == ("fix", True)


@pytest.mark.parametrize(
    ("settings", "state"),
    [
        (StoreSettings(gigabytes=0.001, free_megabytes=0), "ok"),
        (StoreSettings(gigabytes=1e9, free_megabytes=0), "note"),
        (StoreSettings(free_megabytes=1 << 40), "fix"),
    ],
)
def test_the_disk_must_have_room(settings: StoreSettings, state: str, tmp_path: Path) -> None:
    """For more than is never used; less than the clips may take is only said."""
    *_, disk = checks.store(settings, tmp_path)

    assert disk.state == state


def test_a_port_of_another_program_is_told_from_ones_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """In use by a stranger: FIX; by a dhishoom that runs: OK."""
    monkeypatch.setattr(checks, "LOOK_S_MAX", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert checks.port(WebSettings(port=taken.getsockname()[1])).state == "fix"

    async def app(scope: Any, receive: Callable[..., Any], send: Callable[..., Any]) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b'{"version": "9.9"}'})

    web = WebServer("127.0.0.1", 0)
    try:
        web.start(app)
        check = checks.port(WebSettings(port=int(web.url.rpartition(":")[2])))
    finally:
        web.stop()
    assert (check.state, "dhishoom 9.9 runs" in check.detail) == ("ok", True)


@pytest.mark.parametrize(("answer", "places", "state"), [(0, 3, "ok"), (5, 3, "fix"), (5, 0, "note"), (-1, 3, "note")])
def test_a_clock_must_be_synchronised_to_locate(
    answer: int, places: int, state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the kernel answers; where it cannot be asked, that is said."""
    monkeypatch.setattr(checks.sys, "platform", "linux")
    monkeypatch.setattr(checks.ctypes, "CDLL", lambda _: types.SimpleNamespace(adjtimex=lambda _: answer))

    assert checks.clock(Needs(places=places)).state == state


def test_what_is_elsewhere_is_called_and_said_to_answer_or_not(run, healthy: Path) -> None:
    """A broker, a database and a sink: connected to and left alone; one that is away is named with its address."""
    with socket.create_server(("127.0.0.1", 0)) as there, socket.create_server(("127.0.0.1", 0)) as gone:
        here, away = there.getsockname()[1], gone.getsockname()[1]
        gone.close()
        (healthy / "dhishoom.toml").write_text(
            f"""[simulation]
[web]
port = 0
[bus]
kind = "mqtt"
servers = "127.0.0.1:{here}"
[store]
url = "postgresql://dhishoom@127.0.0.1:{away}/dhishoom"
[[sink]]
name = "desk"
kind = "mqtt"
host = "127.0.0.1"
port = {away}
"""
        )
        result = run(doctor, "--json")
        there.setblocking(False)
        caller, _ = there.accept()
        caller.settimeout(5)
        assert caller.recv(1) == b""
        caller.close()

    assert result.exit_code == 1
    told = states(result)
    assert [told[name] for name in (f"bus 127.0.0.1:{here}", "database", "sink desk")] == ["ok", "fix", "fix"]
    assert f"127.0.0.1, port {away} does not answer" in result.out
