"""The commands of a city, in processes of their own, over a real broker."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import soundfile
from tools.parts.running import eventually

from dhishoom.stores.sql import SqlStore
from tests.service.city import City

from .city_workers import city

pytest.importorskip("confluent_kafka")
pytestmark = [pytest.mark.parts, pytest.mark.xdist_group("city")]

WAIT_S = 60.0


@pytest.fixture
def started() -> Iterator[list[subprocess.Popen[str]]]:
    """Processes of a test; ended with it."""
    processes: list[subprocess.Popen[str]] = []
    yield processes
    for one in processes:
        if one.poll() is None:
            one.kill()
            one.wait()


def begin(started: list[subprocess.Popen[str]], folder: Path, *arguments: str) -> subprocess.Popen[str]:
    """`dhishoom ARGUMENTS` in a folder."""
    process = subprocess.Popen(
        [sys.executable, "-m", "dhishoom", *arguments],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=(folder / f"log-{len(started)}").open("w"),
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    started.append(process)
    return process


def settings(folder: Path, servers: str, prefix: str, source: City, **more: str) -> None:
    """A city's dhishoom.toml."""
    lines = [
        "[bus]",
        'kind = "kafka"',
        f'servers = "{servers}"',
        f'topic_prefix = "{prefix}."',
        f'group = "{prefix}"',
        "partitions = 4",
        "[model]",
        'name = "energy"',
        "[web]",
        "port = 0",
        *more.values(),
    ]
    for name, place in source.sensors.items():
        lines += ["[[sensor]]", f'id = "{name}"', f"x = {place.x_m}", f"y = {place.y_m}", f"z = {place.z_m}"]
    (folder / "dhishoom.toml").write_text("\n".join(lines))


def clips(folder: Path) -> None:
    """Three clips and a manifest that says what they are."""
    rows = ["path,label"]
    for number, (name, label) in enumerate((("shot", "gunshot"), ("dog", "dog_bark"), ("door", "door_slam"))):
        sound = city(seconds=2.0, rows=1, columns=1, seed=number).sound("s01")
        soundfile.write(folder / f"{name}.wav", sound, 12_000)
        rows.append(f"{name}.wav,{label}")
    (folder / "manifest.csv").write_text("\n".join(rows))


def test_clips_are_sent_evenly_mixed_and_printed_as_they_arrive(
    kafka: Any, fresh: str, tmp_path: Path, started: list[Any]
) -> None:
    """`produce` and `consume` speak to each other; half of what a sensor sends is gunfire."""
    clips(tmp_path)
    settings(tmp_path, kafka.servers, fresh, city())
    sending = begin(
        started, tmp_path, "produce", ".", "--sensors", "3", "--every", "2", "--manifest", "manifest.csv",
        "--count", "12", "--at-once",
    )  # fmt: skip
    assert sending.wait(WAIT_S) == 0, (tmp_path / "log-0").read_text()

    printing = begin(started, tmp_path, "consume", "--json", "--from-beginning", "--count", "12")
    output, _ = printing.communicate(timeout=WAIT_S)

    lines = [json.loads(line) for line in output.splitlines()]
    assert [one["type"] for one in lines] == ["audio"] * 12
    assert {one["sensor_id"] for one in lines} == {"Sensor1", "Sensor2", "Sensor3"}
    assert {one["duration_s"] for one in lines} == {2.0}
    times = sorted(one["time"] for one in lines if one["sensor_id"] == "Sensor2")
    assert len(set(times)) == 4


def test_a_city_runs_by_commands_alone_and_survives_the_death_of_its_workers(
    kafka: Any, fresh: str, tmp_path: Path, started: list[Any]
) -> None:
    """Two `dhishoom run` share six sensors; one is killed: every row is there, and incidents are told."""
    from dhishoom.buses.kafka import KafkaBus
    from dhishoom.buses.kafka_link import KafkaLink
    from dhishoom.seams import AUDIO_TOPIC

    from .city_workers import alone, publish

    source = city(seconds=40.0)
    settings(tmp_path, kafka.servers, fresh, source)
    expected = alone(source)
    link = KafkaLink(servers=kafka.servers, partitions=4, topic_prefix=f"{fresh}.")
    sender = KafkaBus(link, group=f"{fresh}-sender")
    chunks = list(source.chunks())
    first = begin(started, tmp_path, "run", "--seconds", "120")
    publish(sender, AUDIO_TOPIC, chunks[:40])
    store_at = tmp_path / "dhishoom-data" / "dhishoom.db"
    eventually(store_at.is_file, "the first worker is up", within_s=WAIT_S)
    begin(started, tmp_path, "run", "--seconds", "120")
    store = SqlStore(f"sqlite:///{store_at}", tmp_path / "dhishoom-data" / "clips")
    eventually(lambda: len(store.detections()) > 3, "something is heard", within_s=WAIT_S)
    first.kill()
    publish(sender, AUDIO_TOPIC, chunks[40:])

    eventually(lambda: len(store.detections()) >= len(expected), "all is heard", within_s=WAIT_S)
    eventually(lambda: len(store.incidents()) >= 1, "incidents are told", within_s=WAIT_S)

    assert {one.detection_id for one in store.detections()} == set(expected)
    located = [one for one in store.incidents() if one.status == "located"]
    assert located
    assert sorted({sensor for one in located for sensor in one.sensor_ids}) == sorted(source.sensors)
    store.close()
    sender.close()


def test_a_worker_stops_when_it_is_told_to(kafka: Any, fresh: str, tmp_path: Path, started: list[Any]) -> None:
    """SIGTERM: it leaves the group and exits with 0."""
    settings(tmp_path, kafka.servers, fresh, city())
    running = begin(started, tmp_path, "run")
    eventually(lambda: "Page:" in (tmp_path / "log-0").read_text(), "it is up", within_s=WAIT_S)

    running.send_signal(signal.SIGTERM)

    assert running.wait(WAIT_S) == 0, (tmp_path / "log-0").read_text()


def test_without_a_bus_the_commands_say_what_to_give(tmp_path: Path, started: list[Any]) -> None:
    """One sentence, the exit code of settings, no traceback."""
    clips(tmp_path)
    for at, arguments in enumerate((["produce", "."], ["consume"], ["associate"], ["bridge"])):
        process = begin(started, tmp_path, *arguments)
        assert process.wait(WAIT_S) == 3
        told = (tmp_path / f"log-{at}").read_text()
        assert "error:" in told
        assert "Traceback" not in told


def test_a_broker_that_is_away_ends_a_worker_with_a_sentence(fresh: str, tmp_path: Path, started: list[Any]) -> None:
    """Exit code 8, as documented."""
    settings(tmp_path, "127.0.0.1:9", fresh, city())
    began_s = time.monotonic()
    process = begin(started, tmp_path, "run")

    assert process.wait(WAIT_S) == 8
    assert time.monotonic() - began_s < WAIT_S
    assert "cannot be reached" in (tmp_path / "log-0").read_text()
