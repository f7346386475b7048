"""The jars that Spark needs to read Kafka; Spark itself comes with the extra `spark`."""

from __future__ import annotations

from pathlib import Path

from tools.parts.jars import jars

NAME = "spark-kafka-4.2.0"
ARTIFACTS = ("org.apache.spark:spark-sql-kafka-0-10_2.13:4.2.0",)
NEEDED = ("spark-sql-kafka", "spark-token-provider-kafka", "kafka-clients", "commons-pool2")
"""Of all that Maven brings; the rest is within Spark."""


def install_spark() -> Path:
    """Bring them."""
    folder = jars(
        NAME,
        ARTIFACTS,
        install=True,
        exclusions=("org.scala-lang:scala-library", "org.apache.hadoop:hadoop-client-runtime"),
    )
    for path in folder.glob("*.jar"):
        if not path.name.startswith(NEEDED):
            path.unlink()
    return folder


def spark_jars() -> Path:
    """Where they are; Missing where they are not."""
    return jars(NAME, ARTIFACTS)
