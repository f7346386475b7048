"""`dhishoom run`: the service on settings that are right, and on all that can be wrong with them."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dhishoom.cli.run import run as run_command
from dhishoom.cli.serving import _End, assemble, listen_until_stopped
from dhishoom.detectors.catalogue import DEFAULT, SHIPPED
from dhishoom.nouns import Chunk, Site
from dhishoom.service.intake import Feed
from dhishoom.settings import parse_settings
from dhishoom.sources.files import recorded_at_ns
from dhishoom.stores.sql import SqlStore
from dhishoom.wiring import open_store, site_of
from tests.contracts.examples import a_detection

WriteBangs = Callable[..., Path]
END_S = 90.0
ENERGY = '[model]\nname = "energy"\n[web]\nport = 0\n'
ONE = '[[sensor]]\nid = "a"\nsource = "a.wav"\n'


@pytest.fixture
def settings(tmp_path: Path, write_bangs: WriteBangs) -> Callable[..., Path]:
    """Writes a dhishoom.toml beside a recording of two bangs."""
    write_bangs("a.wav", 2.0, 4.0)

    def write(*parts: str) -> Path:
        path = tmp_path / "dhishoom.toml"
        path.write_text("".join(parts))
        return path

    return write


def kept(folder: Path) -> SqlStore:
    """The store that the service left in a folder."""
    return SqlStore(f"sqlite:///{folder}/dhishoom-data/dhishoom.db", folder / "dhishoom-data" / "clips")


def test_files_begin_together_before_the_newest_was_closed(
    run, settings, write_bangs: WriteBangs, tmp_path: Path
) -> None:
    """They have no clock of their own: both are timed from one moment, the same at every start, and clips stay."""
    write_bangs("b.wav", 2.0, 4.0)
    closed_ns = max((tmp_path / name).stat().st_mtime_ns for name in ("a.wav", "b.wav"))
    path = settings(ONE, ONE.replace('"a', '"b'), ENERGY)
    onsets = []
    for _ in range(2):
        assert run(run_command, "--config", path, "--until-done").exit_code == 0
        store = kept(tmp_path)
        onsets.append([(one.sensor_id, one.onset_ns, one.clip is not None) for one in store.detections()])
        store.close()
    assert onsets[0] == onsets[1]
    assert len(onsets[0]) >= 4
    first_of = {name: min(at for sensor, at, _ in onsets[0] if sensor == name) for name in "ab"}
    assert abs(first_of["a"] - first_of["b"]) < 1_000_000
    assert closed_ns - 60 * 10**9 < first_of["a"] < closed_ns
    assert all(has_clip for _, _, has_clip in onsets[0])


def test_what_the_sources_say_is_stored(run, settings, tmp_path: Path) -> None:
    """To their end, with clips; paths are relative to the settings' folder."""
    result = run(run_command, "--config", settings(ONE, ENERGY), "--until-done")

    assert result.exit_code == 0
    assert "http://127.0.0.1:" in result.err
    store = kept(tmp_path)
    found = store.detections()
    begun_ns = recorded_at_ns([tmp_path / "a.wav"])
    assert [(one.onset_ns - begun_ns) / 1e9 for one in found] == pytest.approx([4.0, 2.0], abs=0.01)
    assert all(store.read_clip(one.clip or "")[:4] == b"fLaC" for one in found)
    store.close()


def test_the_command_line_may_name_the_model(run, settings, tmp_path: Path) -> None:
    """It listens instead of the one of the settings; a misspelt one is told the nearest."""
    path = settings(ONE, "[web]\nport = 0\n")

    heard = run(run_command, "--config", path, "--model", "energy", "--until-done")
    refused = run(run_command, "--config", path, "--model", "enrgy", "--until-done")

    assert (heard.exit_code, refused.exit_code) == (0, 6)
    assert "Did you mean energy?" in refused.err
    store = kept(tmp_path)
    assert {one.model for one in store.detections()} == {"energy"}
    store.close()


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("", 3, "nothing to listen to"),
        ("[store]\nfoldr = 'x'\n", 3, "Did you mean folder?"),
        ("[stor]\nfolder = 'x'\n", 3, "Did you mean store?"),
        (ONE + ONE, 3, "two sensors have the id"),
        ("[web\n", 3, "is no TOML"),
        ("[web]\nport = 'x'\n", 3, "web.port"),
        ("[[sensor]]\nid = 'a'\nsource = '${DHISHOOM_UNSET}'\n", 3, "DHISHOOM_UNSET"),
        ("[[sensor]]\nid = 'a'\nsource = 'none.wav'\n", 4, "which is no file here"),
        ("[replay]\npath = 'none'\n", 4, "no such folder"),
        (ONE + "[model]\nname = 'enrgy'\n", 6, "Did you mean energy?"),
        (ONE + ENERGY + "[site]\nstreets = 'none.geojson'\n", 3, "site.streets"),
    ],
)
def test_settings_that_are_wrong_end_in_one_message(
    run, settings, tmp_path: Path, text: str, code: int, words: str
) -> None:
    """With what, why and how to mend it; a misspelt name with the nearest."""
    text = text if "[web" in text else text + "[web]\nport = 0\n"

    result = run(run_command, "--config", settings(text))

    assert (result.exit_code, words in result.err) == (code, True), result.err
    assert "Traceback" not in result.err


def test_settings_that_are_not_there_are_told(run, tmp_path: Path) -> None:
    """With the command that writes them."""
    result = run(run_command, "--config", tmp_path / "none.toml")

    assert result.exit_code == 3
    assert "dhishoom init" in result.err


def test_a_port_in_use_ends_before_anything_is_made(run, settings, tmp_path: Path) -> None:
    """The message names the port and --port; there is no store yet."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = run(run_command, "--config", settings(ONE, ENERGY), "--port", port)

    assert result.exit_code == 11
    assert f"port {port}" in result.err
    assert "--port" in result.err
    assert not (tmp_path / "dhishoom-data").exists()


def test_a_store_that_cannot_be_written_is_told_before_listening(run, settings) -> None:
    """Its folder would lie in a file."""
    result = run(run_command, "--config", settings(ONE, ENERGY, "[store]\nfolder = 'a.wav/x'\n"), "--until-done")

    assert result.exit_code == 7
    assert "No database can be made" in result.err


def test_a_model_that_does_not_fit_its_card_is_refused(run, settings, tmp_path: Path) -> None:
    """Before a sound is heard."""
    shutil.copy(SHIPPED / f"{DEFAULT}.onnx", tmp_path / "mine.onnx")
    card = json.loads((SHIPPED / f"{DEFAULT}.json").read_text())
    (tmp_path / "mine.json").write_text(json.dumps(card | {"name": "mine", "classes": ["gunshot", "other"]}))

    text = f"[model]\nname = '{tmp_path}/mine.onnx'\n[web]\nport = 0\n"
    result = run(run_command, "--config", settings(ONE, text), "--until-done")

    assert result.exit_code == 6
    assert "do not belong together" in result.err


def test_a_source_that_is_no_sound_does_not_stop_the_others(run, settings, tmp_path: Path) -> None:
    """It is told; the other sensor is heard and stored."""
    (tmp_path / "text.wav").write_text("this is a letter, no sound at all\n" * 20)
    other = "[[sensor]]\nid = 'b'\nsource = 'text.wav'\n"

    result = run(run_command, "--config", settings(ONE, other, ENERGY), "--until-done")

    assert "text.wav" in result.err
    assert result.exit_code == 0
    store = kept(tmp_path)
    assert len(store.detections()) == 2
    store.close()


def test_where_every_source_fails_that_is_the_end(run, settings, tmp_path: Path) -> None:
    """With the reason and the exit code of sources."""
    (tmp_path / "a.wav").write_text("")

    result = run(run_command, "--config", settings(ONE, ENERGY))

    assert result.exit_code == 4
    assert "empty" in result.err


def test_a_disk_without_room_for_clips_keeps_the_rows(run, settings, tmp_path: Path) -> None:
    """Told once; detections are stored and say that there is no sound of them."""
    result = run(
        run_command, "--config", settings(ONE, ENERGY, f"[store]\nfree_megabytes = {1 << 40}\n"), "--until-done"
    )

    assert result.exit_code == 0
    assert result.err.count("store.free_megabytes") == 1
    store = kept(tmp_path)
    assert [one.clip for one in store.detections()] == [None, None]
    store.close()


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of two megabytes."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = shutil.which("mount")
    options = ["-t", "tmpfs", "-o", "size=2m", "tmpfs", str(disk)]
    if mount is None or subprocess.run([mount, *options], capture_output=True, check=False).returncode:
        pytest.skip("a small disk can be mounted by root alone")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


def fill(disk: Path) -> None:
    """To the last byte."""
    with (disk / "filler").open("wb", buffering=0) as filler, contextlib.suppress(OSError):
        while filler.write(b"\0" * 1024):
            pass


@pytest.mark.parametrize("when", ["at the start", "while it listens"])
def test_a_full_disk_is_told_and_what_was_stored_stays_whole(run, settings, tiny_disk: Path, when: str) -> None:
    """It says so at once, or hears on and says at the end what could not be stored; the exit code tells too."""
    text = f"[store]\nfolder = '{tiny_disk}/kept'\nfree_megabytes = 0\n"
    store = open_store(parse_settings(text).store)
    store.put_detections([a_detection()])
    if when == "at the start":
        store.close()  # SQLite's files beside the database go with it, and have no room to come back
    fill(tiny_disk)

    result = run(run_command, "--config", settings(ONE, ENERGY, text), "--until-done")

    assert (result.exit_code, "ree some space" in result.err) == (7, True), result.err
    assert ("detections and incidents could not be stored" in result.err) == (when != "at the start")
    (tiny_disk / "filler").unlink()
    store.close()
    store = open_store(parse_settings(text).store)
    assert list(store.detections()) == [a_detection()]
    store.close()


class Stranger:
    """A source with a sensor that nobody wrote into the settings."""

    def site(self) -> Site | None:
        """Unknown."""
        return None

    def chunks(self) -> Iterator[Chunk]:
        """One second of quiet."""
        yield Chunk(sensor_id="stranger", start_ns=0, sample_rate=8000, samples=np.zeros(8000, np.float32))

    def close(self) -> None:
        """Nothing to free."""


def test_a_sensor_unknown_to_the_site_is_heard_and_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Once, with what to do."""
    chosen = parse_settings(ENERGY)
    store = open_store(chosen.store, tmp_path)
    running = assemble(chosen, site_of(chosen), [Feed(name="f", source=Stranger(), patient=True)], store)

    listen_until_stopped(running, seconds=None, until_done=True)

    store.close()
    assert capsys.readouterr().err.count("'stranger' is not in the site") == 1
    assert running.health.counts["chunks_total"] == 1


WITH_CTRL_C = """
import runpy, signal
signal.signal(signal.SIGINT, signal.default_int_handler)
runpy.run_module("dhishoom", run_name="__main__", alter_sys=True)
"""
"""A test that runs in the background would hand its deafness to Ctrl-C down."""


def started(config: Path, **surroundings: str) -> subprocess.Popen[str]:
    """`dhishoom run` in a process of its own, where Ctrl-C is Ctrl-C."""
    return subprocess.Popen(
        [sys.executable, "-c", WITH_CTRL_C, "run", "--config", str(config)],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **surroundings},
    )


@pytest.mark.parametrize("ends", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_in_order(settings, tmp_path: Path, ends: signal.Signals) -> None:
    """Ctrl-C or a service manager: everything heard is stored, exit code 0."""
    process = started(settings(ONE, ENERGY))
    assert process.stderr is not None
    told = ""
    while "All sources have ended" not in told:
        line = process.stderr.readline()
        assert line, told
        told += line
    process.send_signal(ends)

    rest = process.communicate(timeout=END_S)[1]

    assert (process.returncode, "Traceback" in told + rest) == (0, False)
    store = kept(tmp_path)
    assert len(store.detections()) == 2
    store.close()


INTERRUPTED_AT = """
import signal, sys

class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            signal.raise_signal(signal.SIGINT)

sys.meta_path.insert(0, Finder())
"""


@pytest.mark.parametrize(
    "module",
    ["typer", "dhishoom.wiring", "numpy", "sqlalchemy", "alembic", "dhishoom.detectors.energy", "fastapi", "uvicorn"],
)
def test_ctrl_c_before_listening_leaves_nothing_half_done(settings, tmp_path: Path, module: str) -> None:
    """While this or that is loaded: exit code 130, no traceback, and the next start works."""
    (tmp_path / "sitecustomize.py").write_text(INTERRUPTED_AT.format(module=module))
    config = settings(ONE, ENERGY)
    process = started(config, PYTHONPATH=str(tmp_path))

    told = process.communicate(timeout=END_S)[1]

    assert (process.returncode, "Traceback" in told) == (130, False), told
    store = kept(tmp_path)  # opens, whatever was made of it
    assert list(store.detections()) == []
    store.close()


def test_a_signal_at_any_moment_of_the_waiting_is_heard() -> None:
    """The handler runs in the thread that waits, between any two of its steps; it may not wait for that thread."""
    end, steps = _End(), 0

    def step(*_: object) -> Any:
        nonlocal steps
        steps += 1
        if steps == at:
            end.ask()
        return step

    for at in range(1, 40):
        end, steps = _End(), 0
        sys.settrace(step)
        try:
            heard = end.asked_within(0.001)
        finally:
            sys.settrace(None)
        assert heard or steps < at or end.asked_within(0.0)


def test_a_second_signal_ends_at_once() -> None:
    """For whoever cannot wait."""
    end = _End()
    end.ask()

    with pytest.raises(KeyboardInterrupt):
        end.ask()
    assert end.asked_within(0.0)
