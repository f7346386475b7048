"""What Spark is told, and what is said of what it says."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

pytest.importorskip("pyspark")
pytest.importorskip("confluent_kafka")

from dhishoom.buses.kafka_link import KafkaLink
from dhishoom.errors import BusAway, BusError, DhishoomError, ServiceError, SettingsError, StoreError
from dhishoom.settings import parse_settings
from dhishoom.spark.assembly import paths_of, plan_of, run_until_stopped
from dhishoom.spark.job import explained
from dhishoom.spark.session import kafka_options, open_session

KAFKA = '[bus]\nkind = "kafka"\nservers = "k:9092"\n'


@pytest.mark.parametrize(
    ("report", "kind", "words"),
    [
        ("x\ndhishoom.errors.StoreError: hdfs://n/x cannot be written: safe mode.\n at java", StoreError, "safe mode"),
        ("x\ndhishoom.errors.BusAway: Kafka cannot be reached.\n", BusError, "reached"),
        ("[STREAM_FAILED] UnknownTopicOrPartitionException: x", BusError, "bus.create_topics"),
        ("Some data may have been lost ... failOnDataLoss", BusError, "bus.retention_hours"),
        ("SaslAuthenticationException: Authentication failed", BusError, "bus.password"),
        ("[OTHER] what it says\n\tat java.lang", ServiceError, "what it says"),
        ("", ServiceError, "why"),
    ],
)
def test_what_ends_a_job_is_told_in_words(report: str, kind: type[DhishoomError], words: str) -> None:
    """With what mends it, and without Java's traces."""
    error = explained(report, "dhishoom.audio")

    assert isinstance(error, kind)
    assert words in str(error)
    assert "\n" not in str(error)


def test_kafka_is_reached_as_the_settings_say() -> None:
    """User, mechanism and certificates; what would end a text within is quoted."""
    plain = kafka_options(KafkaLink(servers="a:1"), "t")
    link = KafkaLink(
        servers="a:1", user="u", password='p"\\w', mechanism="SCRAM-SHA-512", tls=True, authority="/ca.pem"
    )
    secured = kafka_options(link, "t")

    assert plain["kafka.security.protocol"] == "PLAINTEXT"
    assert "kafka.sasl.jaas.config" not in plain
    assert secured["kafka.security.protocol"] == "SASL_SSL"
    assert 'ScramLoginModule required username="u" password="p\\"\\\\w";' in secured["kafka.sasl.jaas.config"]
    assert secured["kafka.ssl.truststore.location"] == "/ca.pem"
    assert plain["failOnDataLoss"] == secured["failOnDataLoss"] == "true"


def test_everything_is_in_the_stores_folder_unless_it_is_named(tmp_path: Path) -> None:
    """Addresses stay as they are, paths are relative to the settings."""
    paths = paths_of(parse_settings(KAFKA), tmp_path)
    named = paths_of(parse_settings(KAFKA + '[spark]\nlog = "s3a://b/log"\nclips = "sound"\ncsv = "x.csv"\n'), tmp_path)

    assert paths.csv == tmp_path / "dhishoom-data" / "audio_clips.csv"
    assert paths.log == str(tmp_path / "dhishoom-data" / "log")
    assert (named.log, named.clips) == ("s3a://b/log", str(tmp_path / "sound"))
    assert named.csv == tmp_path / "x.csv"


def test_what_cannot_be_is_said_before_spark_starts(tmp_path: Path) -> None:
    """No Kafka, a folder without jars, a setting that is none."""
    with pytest.raises(SettingsError, match=r"bus\.kind"):
        plan_of(parse_settings(""))
    with pytest.raises(SettingsError, match="no jars"):
        open_session("local[1]", str(tmp_path))
    with pytest.raises(SettingsError, match="look_back_s"):
        parse_settings("[spark]\nlook_back_s = 0.0\n")


class Patchy:
    """A job that ends with one reason after another."""

    def __init__(self, ends: list[DhishoomError | None]) -> None:
        self.ends, self.started, self.stopped = ends, 0, False

    def start(self) -> None:
        """Once more."""
        self.started += 1

    def wait(self, seconds: float | None = None) -> bool:
        """The next end."""
        end = self.ends.pop(0)
        if end is not None:
            raise end
        return True

    def stop(self) -> None:
        """For good."""
        self.stopped = True


def test_a_job_goes_on_once_what_was_away_is_back() -> None:
    """Each reason is told once; what no waiting mends is raised."""
    told: list[str] = []
    job = Patchy([StoreError("safe mode"), StoreError("safe mode"), BusAway("no answer"), None])
    run_until_stopped(job, threading.Event(), told.append, again_s=0.0)

    assert (job.started, told, job.stopped) == (4, ["safe mode", "no answer"], True)
    lost = Patchy([BusError("removed before they were heard")])
    with pytest.raises(BusError, match="removed"):
        run_until_stopped(lost, threading.Event(), told.append, again_s=0.0)
    assert lost.stopped
