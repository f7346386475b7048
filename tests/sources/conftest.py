"""Small recordings, made when a test asks for them."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

RATE = 8000


def noise(seconds: float, *, seed: int = 0, rate: int = RATE, channels: int = 1) -> np.ndarray:
    """Quiet noise, float32 [n, channels]."""
    generator = np.random.default_rng(seed)
    return (0.05 * generator.standard_normal((round(seconds * rate), channels))).astype(np.float32)


def smj0_chunk(facts: dict[str, Any]) -> bytes:
    """A RIFF chunk as street sensors write it."""
    content = zlib.compress(json.dumps(facts).encode())
    return b"smj0" + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


@pytest.fixture
def write_wav(tmp_path: Path) -> Callable[..., Path]:
    """Writes noise as `tmp_path/NAME`, in any of libsndfile's formats."""

    def write(name: str, seconds: float = 2.0, **options: Any) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        samples = options.pop("samples", None)
        rate = options.pop("rate", RATE)
        channels = options.pop("channels", 1)
        seed = options.pop("seed", 0)
        sound = noise(seconds, seed=seed, rate=rate, channels=channels) if samples is None else samples
        soundfile.write(path, sound, rate, **options)
        return path

    return write


@pytest.fixture
def write_smj0(write_wav: Callable[..., Path]) -> Callable[..., Path]:
    """Writes noise with an `smj0` chunk; keywords replace what it says."""

    def write(name: str, **facts: Any) -> Path:
        path = write_wav(name)
        said = {
            "serialNumber": name.removesuffix(".wav"),
            "startTimeUTC": "2022-09-21T06:52:00.000Z",
            "geolocation": {"latitude": 41.79, "longitude": -87.64, "elevation": 190.0},
            "weather": {"temperature": 26.0, "relativeHumidity": None, "speed": 3.0, "direction": 270.0},
            "transducers": [{"name": "Microphone", "channel": 0}],
        }
        wav = path.read_bytes() + smj0_chunk(said | facts)
        path.write_bytes(wav[:4] + struct.pack("<I", len(wav) - 8) + wav[8:])
        return path

    return write


@pytest.fixture
def write_sidecar(tmp_path: Path, write_wav: Callable[..., Path]) -> Callable[..., Path]:
    """Writes noise with a sidecar as the live-fire set has them; keywords replace what it says."""

    def write(folder: str, sensor: str, *, ending: str = "flac", **facts: Any) -> Path:
        test = folder.rpartition("/")[2]
        audio = write_wav(f"{folder}/{test}.audio.{sensor}.{ending}")
        said = {
            "serial_number": sensor,
            "timestamp": "2018-12-19T00:49:26.000Z",
            "location": {"x": 10.0, "y": 20.0, "z": 3.0},
            "license": "CC BY 4.0",
        }
        path = tmp_path / folder / f"{test}.audio.{sensor}.json"
        path.write_text(json.dumps(said | facts))
        return audio

    return write
