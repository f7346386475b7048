"""Spark tells what one machine tells: through a real broker, a real Spark and a real HDFS, whatever is killed."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

pytest.importorskip("pyspark", reason="needs pip install 'dhishoom[spark]'")
pytest.importorskip("pyarrow")
pytest.importorskip("confluent_kafka")

from tools.parts.running import Missing, eventually
from tools.parts.spark import spark_jars

from dhishoom.errors import BusError
from dhishoom.nouns import Chunk
from dhishoom.seams import AUDIO_TOPIC, DEAD_TOPIC, DETECTIONS_TOPIC
from dhishoom.settings import SensorSettings
from dhishoom.spark.assembly import job_of, plan_of
from dhishoom.spark.rescore import rescore
from dhishoom.spark.session import open_session
from dhishoom.stores.ancestor_log import read_log
from dhishoom.stores.clips import clip_name
from dhishoom.stores.places import open_place

from .city_workers import alone, city, publish
from .spark_city import SparkCity, offsets_of, python_workers, spark_settings

pytestmark = [pytest.mark.parts, pytest.mark.xdist_group("spark")]
POISON = (b"\x80\x04pickled", b"no sound", b"fLaC\x00\x00")
LINES_S_MAX = 120.0


@pytest.fixture(scope="module")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """One session for all tests."""
    if shutil.which("java") is None:
        pytest.skip("no java here: apt-get install default-jre-headless")
    try:
        jars = spark_jars()
    except Missing as why:
        pytest.skip(str(why))
    folder = tmp_path_factory.mktemp("spark")
    hdfs = {"spark.hadoop.dfs.client.block.write.locateFollowingBlock.initial.delay.ms": "10"}
    session = open_session("local[2,4]", str(jars), {"spark.local.dir": str(folder), **hdfs})
    yield session
    session.stop()


@pytest.fixture
def open_city(kafka: Any, fresh: str, tmp_path: Path) -> Iterator[Callable[..., SparkCity]]:
    """A city with topics and a folder of its own."""
    opened: list[SparkCity] = []

    def make(**changes: Any) -> SparkCity:
        opened.append(SparkCity(spark_settings(kafka.servers, fresh, tmp_path, **changes)))
        return opened[-1]

    yield make
    for one in opened:
        one.close()


def sent(street: SparkCity, chunks: list[Chunk]) -> int:
    """Chunks on the audio topic."""
    return publish(street.bus, AUDIO_TOPIC, chunks)


def sound(seconds: float = 20.0, chunk_s: float = 2.0) -> list[Chunk]:
    """What the city's sensors send; shots lie on borders of chunks."""
    return list(city(seconds=seconds, chunk_s=chunk_s).chunks())


def test_clips_logs_rows_and_messages_are_those_of_one_machine(
    spark: Any, hdfs: Any, open_city: Callable[..., SparkCity]
) -> None:
    """Clips, log and checkpoint on HDFS, everything kept: one row a message, and detections equal to the last digit."""
    home = f"{hdfs.rpc_address}/city"
    places = {"clips": f"{home}/clips", "log": f"{home}/log", "checkpoint": f"{home}/checkpoint"}
    street = open_city(keep="all", hdfs_http=f"127.0.0.1:{hdfs.http}", **places)
    chunks = sound()
    count = sent(street, chunks)
    street.hear_all(spark)

    expected = alone(city(seconds=20.0, chunk_s=2.0))
    assert {name: replace(one, clip=None) for name, one in street.stored().items()} == {
        name: replace(one, clip=None) for name, one in expected.items()
    }
    rows = street.log()
    assert len(set(offsets_of(rows))) == len(rows) == len(street.csv_lines()) == count
    assert {row.clip for row in rows} == {
        f"{home}/clips/{clip_name(chunk.sensor_id, chunk.start_ns)}" for chunk in chunks
    }
    clips = street.place(places["clips"])
    assert {row.clip.removeprefix(f"{home}/clips/") for row in rows} <= set(clips.names())
    assert clips.read(clip_name(chunks[0].sensor_id, chunks[0].start_ns)).startswith(b"fLaC")
    told = [one for one in street.read(DETECTIONS_TOPIC) if one.headers["ce_type"] == "dhishoom.detection.v1"]
    assert sorted(one.headers["ce_id"] for one in told) == sorted(expected)


def test_poison_in_every_batch_and_the_first_form_of_message(spark: Any, open_city: Callable[..., SparkCity]) -> None:
    """Poison goes to the dead letters with its reason and place; bare arrays of stereo int16 are heard."""
    street = open_city(messages_max=10)
    known = SensorSettings(id="bare", sample_rate=12_000)
    street.settings = msgspec.structs.replace(street.settings, sensor=(known,))
    chunks = sound(14.0)
    for at, chunk in enumerate(chunks):
        sent(street, [chunk])
        street.bus.publish(AUDIO_TOPIC, chunk.sensor_id, POISON[at % len(POISON)], {})
    body = io.BytesIO()
    heard = np.round(city(seconds=14.0).sound("s01")[:120_000] * 32767).astype(np.int16)
    np.save(body, np.stack([heard, heard], axis=1))
    street.bus.publish(AUDIO_TOPIC, "bare", body.getvalue(), {})
    street.bus.flush()
    street.hear_all(spark)

    rows, dead = street.log(), street.read(DEAD_TOPIC)
    assert len(rows) == len(chunks) + 1
    assert len(dead) == len(chunks)
    assert all(one.headers["dhishoom_reason"] and one.headers["dhishoom_place"] for one in dead)
    assert all(told.dead for told in street.told if told.clips > 1)
    assert {row.gunshot for row in rows if row.sensor_id == "bare"} == {True}
    assert any(one.sensor_id == "bare" for one in street.stored().values())


def test_python_workers_that_are_killed_lose_and_double_nothing(
    spark: Any, open_city: Callable[..., SparkCity]
) -> None:
    """Again and again while batches are heard; whatever they were at is done again by others."""
    street = open_city()
    chunks = sound()
    job = job_of(street.settings, spark, tell=street.told.append)
    job.start()
    java = spark.sparkContext._gateway.proc.pid
    for at in range(0, len(chunks), 20):
        sent(street, chunks[at : at + 20])
        wanted = len(street.told) + 1
        eventually(lambda: list(python_workers(java)), "Spark has Python workers")
        for pid in python_workers(java):
            os.kill(pid, signal.SIGKILL)
        eventually(
            lambda wanted=wanted: job.wait(0.1) or len(street.told) >= wanted,
            "a batch is written",
            within_s=LINES_S_MAX,
        )
    eventually(
        lambda: job.wait(0.1) or len(street.log()) >= len(chunks), "every message is logged", within_s=LINES_S_MAX
    )
    job.stop()

    assert len(set(offsets_of(street.log()))) == len(street.log()) == len(street.csv_lines()) == len(chunks)
    assert street.stored() == alone(city(seconds=20.0, chunk_s=2.0))


def test_tails_that_are_lost_are_read_back_and_a_replay_gives_the_same_rows(
    spark: Any, open_city: Callable[..., SparkCity], tmp_path: Path
) -> None:
    """The second half is heard by executors who know nothing; then all of it again, from the beginning."""
    street = open_city(messages_max=1000)
    chunks = sound()
    sent(street, chunks[:30])
    street.hear_all(spark)
    shutil.rmtree(tmp_path / "tails")
    sent(street, chunks[30:])
    street.hear_all(spark)
    rows, lines, stored = street.log(), street.csv_lines(), street.stored()

    assert stored == alone(city(seconds=20.0, chunk_s=2.0))
    assert len(set(offsets_of(rows))) == len(rows) == len(lines) == len(chunks)
    assert not any(row.border_lost for row in rows)

    street.hear_all(spark, checkpoint=str(tmp_path / "another"))
    assert sum(told.clips for told in street.told) == 2 * len(chunks)
    assert (street.log(), street.csv_lines(), street.stored()) == (rows, lines, stored)


def test_a_driver_that_is_killed_and_begins_again_loses_and_doubles_nothing(
    spark: Any, open_city: Callable[..., SparkCity], tmp_path: Path, kafka: Any, fresh: str
) -> None:
    """Python and Java killed after a batch or within the next; tails are lost with them once."""
    street = open_city(messages_max=1000)
    chunks = sound()
    count = sent(street, chunks)
    given = {"folder": str(tmp_path), "servers": kafka.servers, "prefix": fresh, "jars": str(spark_jars())}
    command = [sys.executable, "-m", "tests.parts.lone_spark", json.dumps(given)]
    driver = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert driver.stdout is not None
    batches = [driver.stdout.readline().strip() for _ in range(2)]
    os.killpg(driver.pid, signal.SIGKILL)
    driver.wait()
    assert all(batches)
    before = len(street.log())
    assert 0 < before < count
    shutil.rmtree(tmp_path / "tails")
    street.hear_all(spark)

    rows = street.log()
    assert len(set(offsets_of(rows))) == len(rows) == len(street.csv_lines()) == count
    assert street.stored() == alone(city(seconds=20.0, chunk_s=2.0))


def test_an_archive_is_heard_again(spark: Any, open_city: Callable[..., SparkCity], tmp_path: Path) -> None:
    """With the model that heard it live: the same clips are flagged, in a log that anybody's tools read."""
    street = open_city(keep="all", messages_max=1000)
    chunks = sound()
    sent(street, chunks)
    street.hear_all(spark)
    plan = plan_of(street.settings)
    found = rescore(spark, plan, plan.clips, str(tmp_path / "again"))
    again = spark.read.parquet(str(tmp_path / "again")).collect()

    live = {(row.sensor_id, row.start_ns // 1000): row.gunshot for row in street.log()}
    heard = {(row["sensor_id"], round(row["start"].timestamp() * 1e6)): row["gunshot"] for row in again}
    assert len(open_place(plan.clips).names()) > len(chunks), "shots are kept apart as well"
    assert found.clips == len(again) == len(chunks)
    assert heard == live
    assert found.gunshots == sum(live.values())
    assert {row["model"] for row in again} == {"energy"}
    assert sum(row.gunshot for row in read_log(tmp_path / "store" / "audio_clips.csv")) == found.gunshots


def test_a_topic_that_is_not_there_is_told_before_anything_starts(
    spark: Any, open_city: Callable[..., SparkCity]
) -> None:
    """With the command that makes it."""
    street = open_city()
    bus = msgspec.structs.replace(street.settings.bus, create_topics=False)
    with pytest.raises(BusError, match="kafka-topics"):
        job_of(msgspec.structs.replace(street.settings, bus=bus), spark)
