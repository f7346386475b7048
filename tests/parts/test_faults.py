"""Death in the city: of the broker, of workers, of the database. Messages in and rows out are counted."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from tools.parts.kafka import Kafka
from tools.parts.running import Missing, eventually

from dhishoom.buses.audio_message import chunk_to_message
from dhishoom.seams import AUDIO_TOPIC
from dhishoom.stores.sql import SqlStore
from tests.service.city import City as Town

from .city_workers import alone, by_id, city, publish

pytest.importorskip("confluent_kafka")
pytest.importorskip("psycopg")
pytestmark = [pytest.mark.parts, pytest.mark.xdist_group("city")]

WAIT_S = 90.0
SMALL_DISK_BYTES = 64 << 20
REPOSITORY = Path(__file__).parent.parent.parent


class City:
    """A broker of its own, a database, and workers in processes."""

    def __init__(self, broker: Kafka, url: str, folder: Path, name: str) -> None:
        from dhishoom.buses.kafka_link import KafkaLink

        self.broker, self.url, self.folder, self.name = broker, url, folder, name
        self.link = KafkaLink(servers=broker.servers, partitions=4, topic_prefix=f"{name}.")
        self.store = SqlStore(url, folder / "clips")
        self.workers: list[subprocess.Popen[str]] = []
        self.hears(city())
        self.sender = self.bus()

    def hears(self, source: Town) -> None:
        """What its sensors hear, and what one machine makes of that."""
        self.source, self.expected = source, alone(source)

    def bus(self) -> Any:
        """A patient one, as sensors have it."""
        from dhishoom.buses.kafka import KafkaBus

        return KafkaBus(self.link, group=f"{self.name}-sensors", patient=True)

    def work(self) -> subprocess.Popen[str]:
        """Another worker; returns once it is up."""
        given = {"link": asdict(self.link), "group": self.name, "url": self.url, "folder": str(self.folder)}
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.parts.lone_worker", json.dumps(given)],
            cwd=REPOSITORY,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        threading.Thread(target=process.stdout.read, daemon=True).start()
        self.workers.append(process)
        return process

    def heard(self) -> int:
        """Rows so far; none while the database is away."""
        from dhishoom.errors import StoreError

        try:
            return len(self.store.detections())
        except StoreError:
            return -1

    def settles(self) -> None:
        """Every row is there, once, and no message waits to be heard."""
        eventually(lambda: self.heard() >= len(self.expected), "every row is there", within_s=WAIT_S)
        counter = self.bus_of_group()
        eventually(lambda: counter.lag(AUDIO_TOPIC) == 0, "every message is acknowledged", within_s=WAIT_S)
        counter.abandon()
        assert by_id(self.store.detections()) == self.expected

    def bus_of_group(self) -> Any:
        """To ask how far the group is."""
        from dhishoom.buses.kafka import KafkaBus

        return KafkaBus(self.link, group=self.name)

    def close(self) -> None:
        """End everything."""
        for one in self.workers:
            one.kill()
            one.wait()
        self.sender.abandon()
        self.store.close()


@pytest.fixture(scope="module")
def mortal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    """A broker that tests may kill."""
    folder = tmp_path_factory.mktemp("mortal")
    try:
        broker = Kafka(folder).start()
    except Missing as why:
        pytest.skip(str(why))
    yield broker
    broker.stop()


@pytest.fixture
def town(mortal: Kafka, postgres: Any, fresh: str, tmp_path: Path) -> Iterator[City]:
    """An empty one."""
    made = City(mortal, postgres.database(fresh), tmp_path, fresh)
    yield made
    made.close()


def test_workers_that_are_killed_lose_and_double_nothing(town: City) -> None:
    """kill -9 of one after the other while sound comes in; what they leave is heard by the rest."""
    chunks = list(town.source.chunks())
    town.work()
    town.work()
    for at in range(0, len(chunks), 30):
        publish(town.sender, AUDIO_TOPIC, chunks[at : at + 30])
        before = max(0, town.heard())
        town.workers[-2].kill()
        town.work()
        if at + 30 < len(chunks):
            enough = min(len(town.expected), before + 1)
            eventually(lambda enough=enough: town.heard() >= enough, "the others go on", within_s=WAIT_S)

    town.settles()


def test_a_broker_that_is_killed_loses_and_doubles_nothing(town: City) -> None:
    """kill -9 in the middle; sensors go on meanwhile and catch up, workers find it again."""
    chunks = list(town.source.chunks())
    town.work()
    town.work()
    publish(town.sender, AUDIO_TOPIC, chunks[:30])
    eventually(lambda: town.heard() > 0, "something is heard", within_s=WAIT_S)
    town.broker.program.kill()
    for chunk in chunks[30:60]:
        value, headers = chunk_to_message(chunk)
        town.sender.publish(AUDIO_TOPIC, chunk.sensor_id, value, headers)
    town.broker.start()
    publish(town.sender, AUDIO_TOPIC, chunks[60:])

    town.settles()


def test_a_database_that_is_killed_loses_and_doubles_nothing(town: City, postgres: Any) -> None:
    """kill -9 of PostgreSQL: workers wait for it, and a worker that is killed while it waits is replaced."""
    chunks = list(town.source.chunks())
    first = town.work()
    publish(town.sender, AUDIO_TOPIC, chunks[:40])
    eventually(lambda: town.heard() > 0, "something is heard", within_s=WAIT_S)
    postgres.program.kill()
    publish(town.sender, AUDIO_TOPIC, chunks[40:])
    first.kill()
    postgres.start()
    town.work()

    town.settles()


def test_sensors_spool_while_the_broker_is_down_and_catch_up(town: City) -> None:
    """A minute's sound of every sensor while nobody answers: it waits in a folder, in order, across a restart."""
    from dhishoom.buses.kafka import KafkaBus
    from dhishoom.buses.spool import Spool

    town.hears(city(seconds=61.0))

    def sensor() -> Spool:
        bus = KafkaBus(town.link, group="sensors", messages_max=10, patient=True)
        return Spool(bus, town.folder / "spool")

    chunks = list(town.source.chunks())
    publish(sensor(), AUDIO_TOPIC, chunks[:6])
    town.broker.program.kill()
    sending = sensor()
    for chunk in chunks[6:]:
        value, headers = chunk_to_message(chunk)
        sending.publish(AUDIO_TOPIC, chunk.sensor_id, value, headers)
    assert sending.waiting >= len(chunks) - 6 - 10
    in_memory = len(chunks) - 6 - sending.waiting
    town.broker.start()
    sending.flush()
    town.work()

    assert sending.waiting == 0
    assert in_memory <= 10
    assert list((town.folder / "spool").iterdir()) == []
    town.settles()
    sending.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 64 MB, as only root can make one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SMALL_DISK_BYTES}", "tmpfs", folder], capture_output=True, check=False
    )
    if made.returncode != 0:
        pytest.skip(f"no small disk can be mounted here: {made.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", folder], check=True)


@pytest.fixture
def cramped(small_disk: Path) -> Iterator[Kafka]:
    """A broker on it."""
    try:
        broker = Kafka(small_disk / "broker").start()
    except Missing as why:
        pytest.skip(str(why))
    yield broker
    broker.stop()


def test_a_full_disk_under_the_broker_loses_and_doubles_nothing(
    cramped: Kafka, small_disk: Path, postgres: Any, fresh: str, tmp_path: Path
) -> None:
    """The broker gives up; sensors spool until it has room again, then everything is heard, once."""
    from dhishoom.buses.kafka import KafkaBus
    from dhishoom.buses.spool import Spool

    town = City(cramped, postgres.database(fresh), tmp_path, fresh)
    try:
        chunks, ballast = list(town.source.chunks()), small_disk / "ballast"
        sensors = Spool(KafkaBus(town.link, group="sensors", messages_max=10, patient=True), tmp_path / "spool")
        town.work()
        publish(sensors, AUDIO_TOPIC, chunks[:30])
        eventually(lambda: town.heard() > 0, "something is heard", within_s=WAIT_S)
        with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
            while file.write(bytes(4096)):
                pass
        for chunk in chunks[30:]:
            value, headers = chunk_to_message(chunk)
            sensors.publish(AUDIO_TOPIC, chunk.sensor_id, value, headers)
        eventually(lambda: not town.broker.program.is_running, "the broker gives up", within_s=WAIT_S)
        ballast.unlink()
        town.broker.start()
        sensors.flush(WAIT_S)

        assert sensors.waiting == 0
        town.settles()
        sensors.close()
    finally:
        town.close()


def test_what_an_earlier_process_spooled_goes_first(town: City) -> None:
    """The folder outlasts the process."""
    from dhishoom.buses.memory import MemoryBus
    from dhishoom.buses.spool import Spool

    full = Spool(MemoryBus(1), town.folder / "spool")
    for number in range(5):
        full.publish("t", "k", str(number).encode(), {"ce_id": str(number)})
    assert full.waiting == 4
    bus = MemoryBus()
    after = Spool(bus, town.folder / "spool")
    after.publish("t", "k", b"last", {})
    after.flush()

    assert [one.value for one in bus.poll("t", messages_max=9, wait_s=0.0)] == [b"1", b"2", b"3", b"4", b"last"]
