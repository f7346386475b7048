"""Each real part once for all its tests, in a temporary folder, on a free port; stopped at the end."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tools.parts.running import Missing


@pytest.fixture
def fresh() -> str:
    """A name that nothing had before: of a topic, a group, a database."""
    return f"t{uuid.uuid4().hex[:12]}"


def running(make: Callable[[Path], Any], folder: Path) -> Iterator[Any]:
    """The part, started; skips where this machine does not have it."""
    try:
        part = make(folder).start()
    except Missing as why:
        pytest.skip(str(why))
    yield part
    part.stop()


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A Kafka broker."""
    pytest.importorskip("confluent_kafka")
    from tools.parts.kafka import Kafka

    yield from running(Kafka, tmp_path_factory.mktemp("kafka"))


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A PostgreSQL server, below a folder that it may enter as nobody."""
    pytest.importorskip("psycopg")
    import tempfile

    from tools.parts.postgres import Postgres

    with tempfile.TemporaryDirectory(prefix="dhishoom-postgres-") as folder:
        Path(folder).chmod(0o755)
        yield from running(Postgres, Path(folder, "server"))


@pytest.fixture(scope="session")
def mosquitto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A Mosquitto broker."""
    pytest.importorskip("paho.mqtt.client")
    from tools.parts.mosquitto import Mosquitto

    yield from running(Mosquitto, tmp_path_factory.mktemp("mosquitto"))


@pytest.fixture(scope="session")
def hdfs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """An HDFS of two daemons."""
    from tools.parts.hdfs import Hdfs

    yield from running(Hdfs, tmp_path_factory.mktemp("hdfs"))


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """An S3 server."""
    pytest.importorskip("s3fs")
    from tools.parts.s3 import S3

    yield from running(S3, tmp_path_factory.mktemp("s3"))


@pytest.fixture
def camera(tmp_path: Path) -> Iterator[Any]:
    """A camera that plays a tone over RTSP."""
    pytest.importorskip("av")
    from tools.parts.rtsp import Camera

    yield from running(Camera, tmp_path / "camera")
