"""What `dhishoom doctor` looks at: one function a thing, each says how it is and how to mend it."""

from __future__ import annotations

import ctypes
import importlib
import importlib.util
import json
import os
import shutil
import socket
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.error import URLError

from dhishoom.errors import DhishoomError, SourceError
from dhishoom.settings import Settings, StoreSettings, WebSettings
from dhishoom.wiring import DATABASE, MICROPHONE, STREAM_SCHEMES, open_detector

State = Literal["ok", "fix", "note"]

PYTHON_MIN = (3, 11)
LOOK_S_MAX = 2.0
TIMEX_BYTES = 512
"""More than the kernel's struct timex, which it fills in."""
TIME_ERROR = 5
"""What adjtimex(2) returns of a clock that nothing synchronises."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """How one thing is.

    Attributes:
        state: `ok`; `fix`: something that is needed does not work; `note`: not there and not needed now.
        fix: What to do, a command where there is one.
    """

    name: str
    state: State
    detail: str
    fix: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What the operator's settings ask for beyond the base."""

    streams: bool = False
    microphone: bool = False
    places: int = 0


def needs_of(settings: Settings) -> Needs:
    """As the sensors' sources say it."""
    sources = [sensor.source for sensor in settings.sensor]
    return Needs(
        streams=any(source.startswith(STREAM_SCHEMES) for source in sources),
        microphone=any(source.partition(":")[0] == MICROPHONE for source in sources),
        places=sum(sensor.lat is not None or sensor.x is not None for sensor in settings.sensor),
    )


def python() -> Check:
    """Old enough to be refused?"""
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < PYTHON_MIN:
        return Check(name="Python", state="fix", detail=version, fix="install Python 3.11 or newer")
    return Check(name="Python", state="ok", detail=f"{version} at {sys.executable}")


def page() -> Check:
    """A source checkout has it built; a wheel carries it."""
    index = Path(__file__).parent.parent / "web" / "page" / "index.html"
    if index.is_file():
        return Check(name="page", state="ok", detail="built")
    return Check(name="page", state="fix", detail="not built; the API works without it", fix="make page")


def decoders(needs: Needs) -> Iterator[Check]:
    """libsndfile comes with the base; FFmpeg with an extra."""
    soundfile: Any = importlib.import_module("soundfile")
    yield Check(name="sound files", state="ok", detail=f"libsndfile {soundfile.__libsndfile_version__}")
    if (av := _extra("av")) is not None:
        versions = ", ".join(f"{name} {'.'.join(map(str, number))}" for name, number in _ffmpeg(av))
        yield Check(name="FFmpeg", state="ok", detail=f"PyAV {av.__version__} with {versions}")
        return
    what = "not installed: MP4, AAC and WMA files, rtsp:// and http:// addresses"
    yield _missing("FFmpeg", "media", what, needed=needs.streams)


def _ffmpeg(av: Any) -> list[tuple[str, tuple[int, ...]]]:
    found: dict[str, tuple[int, ...]] = av.library_versions
    return [(name, number) for name, number in found.items() if name in ("libavcodec", "libavformat")]


def extras() -> Iterator[Check]:
    """What else may be added."""
    for name, module, what in (("plots", "matplotlib", "figures of --plot"), ("mqtt", "paho.mqtt", "alerts over MQTT")):
        if _extra(module) is not None:
            yield Check(name=name, state="ok", detail=f"{module} is here, for {what}")
        else:
            yield _missing(name, name, f"not installed: {what}", needed=False)


def microphone(needs: Needs) -> Check:
    """Opened and closed at once; nothing is recorded."""
    from dhishoom.sources.microphone import MicrophoneSource

    try:
        importlib.import_module("sounddevice")
        MicrophoneSource().close()
    except ImportError:
        return _missing("microphone", "microphone", "sounddevice is not installed", needed=needs.microphone)
    except OSError as error:
        told, fix = str(error), "sudo apt install libportaudio2"
    except SourceError as error:
        told, fix = str(error), "python -m sounddevice lists them; a stream or a file needs none"
    else:
        return Check(name="microphone", state="ok", detail="the default one can be opened")
    return Check(name="microphone", state="fix" if needs.microphone else "note", detail=told, fix=fix)


def model(settings: Settings) -> Check:
    """Loaded, run once, and held against its card."""
    try:
        card = open_detector(settings).card
    except DhishoomError as error:
        return Check(name="model", state="fix", detail=str(error), fix="dhishoom models list")
    detail = f"{card.name} ({card.licence}) fits its card: alert {card.alert:.3f}, possible {card.possible:.3f}"
    return Check(name="model", state="ok", detail=detail)


def store(settings: StoreSettings, base: Path) -> Iterator[Check]:
    """Where the database and the clips lie, or will lie: writable, with room. Nothing stays behind."""
    clips = base / settings.clips if settings.clips else base / settings.folder / "clips"
    folders = {"store": base / settings.folder, "clips": clips} if settings.clips else {"store": base / settings.folder}
    for name, folder in folders.items():
        yield _writable(name, folder)
    yield _room(clips, settings)


def _writable(name: str, folder: Path) -> Check:
    there = _nearest(folder)
    try:
        with tempfile.TemporaryFile(dir=there) as file:
            file.write(b"dhishoom")
    except OSError as error:
        fix = f"sudo chown {os.environ.get('USER', '$USER')} {there}, or name another store.folder"
        return Check(name=name, state="fix", detail=f"{there} cannot be written: {error.strerror}", fix=fix)
    database = folder / DATABASE
    if name == "store" and database.exists() and not os.access(database, os.W_OK):
        return Check(name=name, state="fix", detail=f"{database} is read-only", fix=f"chmod u+w {database}")
    return Check(
        name=name, state="ok", detail=f"{folder} can be written" + ("" if folder.exists() else " (not yet made)")
    )


def _room(folder: Path, settings: StoreSettings) -> Check:
    there = _nearest(folder)
    free = shutil.disk_usage(there).free
    told = f"{free / 1e9:.1f} GB free for clips"
    if free < settings.free_megabytes << 20:
        detail = f"{told}, and store.free_megabytes leaves {settings.free_megabytes} MiB alone: no clip is written"
        return Check(name="disk", state="fix", detail=detail, fix=f"free some space on the disk of {there}")
    if free < settings.gigabytes * (1 << 30):
        detail = f"{told}, less than store.gigabytes allows ({settings.gigabytes:g}): old clips go when it is full"
        return Check(name="disk", state="note", detail=detail, fix="lower store.gigabytes, or free some space")
    return Check(name="disk", state="ok", detail=told)


def _nearest(folder: Path) -> Path:
    """The folder, or what is there of the way to it."""
    return next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())


def port(settings: WebSettings) -> Check:
    """Free, or served by a dhishoom that runs already."""
    address = f"{settings.host}, port {settings.port}"
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        socket.create_server((settings.host, settings.port), family=family).close()
    except OSError as error:
        version = _version_served(settings)
        if version:
            return Check(name="port", state="ok", detail=f"dhishoom {version} runs at {address}")
        fix = "dhishoom run --port 0 takes any that is free; web.port in dhishoom.toml keeps another"
        return Check(name="port", state="fix", detail=f"{address} cannot be had: {error.strerror}", fix=fix)
    return Check(name="port", state="ok", detail=f"{address} is free")


def _version_served(settings: WebSettings) -> str:
    """Of the dhishoom that answers there; empty where something else does."""
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    url = f"http://{host}:{settings.port}/api/v1/health"
    try:
        with urllib.request.urlopen(url, timeout=LOOK_S_MAX) as answer:
            told = json.loads(answer.read(1 << 16))
    except (URLError, OSError, ValueError):
        return ""
    return str(told.get("version", "")) if isinstance(told, dict) else ""


def clock(needs: Needs) -> Check:
    """As the kernel knows it, where it can be asked (Linux); 34 cm of error for each millisecond."""
    adjtimex = getattr(ctypes.CDLL(None), "adjtimex", None) if sys.platform == "linux" else None
    state = -1 if adjtimex is None else adjtimex(ctypes.create_string_buffer(TIMEX_BYTES))
    if state < 0:
        return Check(name="clock", state="note", detail="whether it is synchronised cannot be known here")
    if state != TIME_ERROR:
        return Check(name="clock", state="ok", detail="synchronised")
    wrong: State = "fix" if needs.places else "note"
    detail = "not synchronised, as far as the kernel knows: the times of shots may be wrong"
    return Check(name="clock", state=wrong, detail=detail, fix="sudo apt install chrony (or ntpd, systemd-timesyncd)")


def _extra(module: str) -> Any:
    """The module; None where it is not here or does not load."""
    try:
        return importlib.import_module(module)
    except (ImportError, OSError):
        return None


def _missing(name: str, extra: str, detail: str, *, needed: bool) -> Check:
    command = f"{sys.executable} -m pip install 'dhishoom[{extra}]'"
    return Check(name=name, state="fix" if needed else "note", detail=detail, fix=command)
