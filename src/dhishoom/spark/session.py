"""A Spark session with what the job needs, on this machine or wherever spark-submit has put the driver."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from dhishoom.errors import SettingsError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from dhishoom.buses.kafka_link import KafkaLink

CONNECTOR = "org.apache.spark:spark-sql-kafka-0-10_2.13:4.2.0"
WITHIN_SPARK = "org.apache.hadoop:hadoop-client-runtime,org.apache.hadoop:hadoop-client-api,org.slf4j:slf4j-api"
FETCH_WAIT_MS = "50"
"""A broker answers one question after the other, and a consumer asks for more than its batch: that it waits for half a
second, as is the default, would hold up every small batch."""
SUBMITTED = "PYSPARK_GATEWAY_PORT"
"""Set by spark-submit: master, memory and jars are then its own."""
LOGIN_MODULES = {"PLAIN": "plain.PlainLoginModule"}
SCRAM_MODULE = "scram.ScramLoginModule"
COMMON = {
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.execution.arrow.maxRecordsPerBatch": "64",
    "spark.sql.shuffle.partitions": "2",
    "spark.sql.session.timeZone": "UTC",
    "spark.locality.wait": "0",
    "spark.ui.showConsoleProgress": "false",
    "spark.python.worker.reuse": "true",
}
HERE = {
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.memory": "1g",
    "spark.driver.extraJavaOptions": "-XX:+UseSerialGC -XX:TieredStopAtLevel=1",
    "spark.ui.enabled": "false",
}
"""On one machine: little to collect, little to compile, nothing to look at."""


def open_session(master: str, jars: str = "", extra: Mapping[str, str] | None = None) -> SparkSession:
    """The session.

    Args:
        master: Such as `local[2,4]`: two cores, and a task may fail three times. Unused under spark-submit.
        jars: A folder with the Kafka connector's jars; empty: Spark fetches them once.
    """
    try:
        from pyspark.errors import PySparkRuntimeError
        from pyspark.sql import SparkSession
    except ModuleNotFoundError as error:
        raise SettingsError("Spark needs a library that is not installed: pip install 'dhishoom[spark]'.") from error
    builder = SparkSession.builder.appName("dhishoom")
    settings = dict(COMMON)
    if SUBMITTED not in os.environ:
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
        os.environ.setdefault("SPARK_LOCAL_IP", HERE["spark.driver.host"])
        builder, settings = builder.master(master), {**settings, **HERE, **_jars(jars)}
    for name, value in {**settings, **(extra or {})}.items():
        builder = builder.config(name, value)
    try:
        session = builder.getOrCreate()
    except PySparkRuntimeError as error:
        raise SettingsError(f"Spark does not start: {error}. Is Java 17 or newer here?") from error
    session.sparkContext.setLogLevel("OFF")  # what ends the job is told in words
    return session


def kafka_options(link: KafkaLink, topic: str) -> dict[str, str]:
    """Options of Spark's Kafka source."""
    protocol = ("SASL_" if link.user else "") + ("SSL" if link.tls else "PLAINTEXT")
    options = {
        "subscribe": topic,
        "includeHeaders": "true",
        "startingOffsets": "earliest",
        "failOnDataLoss": "true",
        "kafka.bootstrap.servers": link.servers,
        "kafka.security.protocol": protocol,
        "kafka.fetch.max.wait.ms": FETCH_WAIT_MS,
        "kafka.max.partition.fetch.bytes": str(max(1 << 20, link.message_bytes_max + 8192)),
    }
    if link.user:
        module = f"org.apache.kafka.common.security.{LOGIN_MODULES.get(link.mechanism, SCRAM_MODULE)}"
        name, secret = _quoted(link.user), _quoted(link.password)
        options["kafka.sasl.mechanism"] = link.mechanism
        options["kafka.sasl.jaas.config"] = f"{module} required username={name} password={secret};"
    if link.authority:
        options |= {"kafka.ssl.truststore.type": "PEM", "kafka.ssl.truststore.location": link.authority}
    return options


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _jars(folder: str) -> dict[str, str]:
    if not folder:
        return {"spark.jars.packages": CONNECTOR, "spark.jars.excludes": WITHIN_SPARK}
    found = sorted(Path(folder).glob("*.jar"))
    if not found:
        raise SettingsError(f"there are no jars in {folder}; leave the folder out, and Spark fetches them.")
    return {"spark.jars": ",".join(str(path) for path in found)}
