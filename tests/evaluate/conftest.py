"""Small sets of recordings with known truth: clicks in noise for shots, tones and noise for everything else."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

RATE = 12_000
START = "2024-01-01T00:00:00.000Z"
SERIALS = ("A", "B")


def noise(seconds, seed=0, level=0.003):
    """Background, float32 [n]."""
    rng = np.random.default_rng(seed)
    return (level * rng.standard_normal(round(seconds * RATE))).astype(np.float32)


def with_shots(sound, onsets_s, level=0.6):
    """A copy with a decaying burst at each onset."""
    rng = np.random.default_rng(1)
    mixed = sound.copy()
    burst = level * rng.standard_normal(round(0.12 * RATE)) * np.exp(-np.arange(round(0.12 * RATE)) / (0.02 * RATE))
    for onset_s in onsets_s:
        at = round(onset_s * RATE)
        part = burst[: len(mixed) - at]
        mixed[at : at + len(part)] += part.astype(np.float32)
    return np.clip(mixed, -1, 1)


@pytest.fixture
def clips(tmp_path) -> Path:
    """A manifest of six clips of gunfire in three groups and eight of other sound in eight."""
    rows = ["path,source,group,label,train_ok"]
    for index in range(6):
        soundfile.write(tmp_path / f"gun{index}.flac", with_shots(noise(2, index), [0.8]), RATE)
        rows.append(f"gun{index}.flac,range,day{index // 2},gunshot,validate")
    for index, label in enumerate(["speech", "speech", "rain", "rain", "firework", "explosion", "knock", "drum"]):
        sound = with_shots(noise(2, 10 + index), [1.0]) if label == "knock" else noise(2, 10 + index)
        soundfile.write(tmp_path / f"other{index}.flac", sound, RATE)
        rows.append(f"other{index}.flac,street,place{index},{label},yes")
    path = tmp_path / "manifest.csv"
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def live_fire(tmp_path) -> Path:
    """A live-fire set of two positions, one test each, two sensors, one shot; padded with zeros before 1.5 s."""
    folder = tmp_path / "range"
    for number, position in enumerate(("FP1", "FP2"), start=1):
        test = folder / position / f"test_00{number}"
        test.mkdir(parents=True)
        _write_test(test, position)
    return folder


def _write_test(test: Path, position: str) -> None:
    pulses = []
    for index, serial in enumerate(SERIALS):
        onset_s = 3.0 + 0.25 * index
        sound = with_shots(noise(6, index), [onset_s])
        sound[: round(1.5 * RATE)] = 0
        stem = f"{test.name}.audio.{serial}"
        soundfile.write(test / f"{stem}.flac", sound, RATE)
        place = {"x": 100.0 + 85.0 * index, "y": 0.0, "z": 3.0}
        about = {"serial_number": serial, "timestamp": START, "location": place}
        (test / f"{stem}.json").write_text(json.dumps(about), encoding="utf-8")
        pulses.append(
            {
                "pulse_uuid": f"{position}-{serial}",
                "serial_number": serial,
                "arrival_time_utc": f"2024-01-01T00:00:{onset_s:06.3f}Z",
                "location": place,
                "signal_to_noise_dB": 20.0,
            }
        )
    survey = {"firing_position": position, "survey_location": {"x": 0.0, "y": 0.0, "z": 1.0}}
    tuples = [{"shot_index": 0, "pulse_uuids": [pulse["pulse_uuid"] for pulse in pulses] + ["not-there"]}]
    weather = {"temperature": 15.0, "speed": 0.0, "direction": 0.0}
    for name, content in (
        ("allpulses", pulses),
        ("nlos-tuples", tuples),
        ("survey", survey),
        ("weather", weather),
    ):
        (test / f"{test.name}.{name}.json").write_text(json.dumps(content), encoding="utf-8")
