"""Bring the real parts that tests drive (a browser, brokers, a database), where this machine lets us; else say what is
skipped."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from tools.parts.hdfs import install_hdfs
from tools.parts.kafka import install_kafka
from tools.parts.rtsp import BINDINGS, PACKAGES
from tools.parts.running import SEARCH_PATH, Missing, cache
from tools.parts.s3 import install_s3
from tools.parts.spark import install_spark

APT_TIMEOUT_S = 600


@dataclass(frozen=True)
class Part:
    """A program (or a file below /usr/lib), the Debian packages that bring it, and what is not tested without it."""

    program: str
    packages: tuple[str, ...]
    tests: str

    def is_here(self) -> bool:
        """On the path, or where Debian puts servers."""
        if shutil.which(self.program, path=SEARCH_PATH):
            return True
        return any(Path("/usr/lib").glob(f"postgresql/*/bin/{self.program}")) or any(
            Path("/usr/lib").glob(f"*/{self.program}")
        )


PARTS = (
    Part("chromium", ("chromium", "fonts-dejavu-core"), "the page in a real browser"),
    Part("mosquitto", ("mosquitto",), "alerts and sound over MQTT"),
    Part("initdb", ("postgresql",), "PostgreSQL"),
    Part(BINDINGS, PACKAGES, "sound over RTSP"),
    Part("java", ("default-jre-headless",), "Kafka, HDFS and Spark"),
    Part("mvn", ("maven",), "Kafka, HDFS and Spark, where they are not in the cache"),
)
DOWNLOADS: tuple[tuple[str, Callable[[], Path], str], ...] = (
    ("kafka-4.4.0", install_kafka, "Kafka"),
    ("hdfs-3.5.0", install_hdfs, "HDFS"),
    ("versitygw-1.8.0", install_s3, "S3"),
    ("spark-kafka-4.2.0", install_spark, "Spark"),
)


def missing() -> list[Part]:
    """Parts whose program is not found."""
    return [part for part in PARTS if not part.is_here()]


def install(parts: list[Part]) -> str:
    """Ask apt-get for the packages; return why it could not, or nothing."""
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        return "not root, or no apt-get"
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    packages = [package for part in parts for package in part.packages]
    for arguments in (["update"], ["install", "--yes", "--no-install-recommends", *packages]):
        try:
            done = subprocess.run(
                ["apt-get", "-qq", *arguments],
                env=quiet,
                capture_output=True,
                text=True,
                timeout=APT_TIMEOUT_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return f"apt-get took longer than {APT_TIMEOUT_S} s"
        if done.returncode != 0:
            return (done.stderr.strip().splitlines() or ["apt-get failed"])[-1]
    return ""


def bring_programs() -> None:
    """Those that the system's packages hold."""
    wanted = missing()
    if not wanted:
        return
    names = ", ".join(part.program for part in wanted)
    print(f"Installing {names} for the tests ...", file=sys.stderr)
    why = install(wanted)
    for part in missing():
        print(f"No {part.program} here ({why}): skipping {part.tests}.", file=sys.stderr)


def bring_downloads() -> None:
    """Those that are downloaded or compiled into the cache, once."""
    for name, bring, tests in DOWNLOADS:
        if (cache() / name).exists():
            continue
        print(f"Installing {name} for the tests ...", file=sys.stderr)
        try:
            bring()
        except Missing as why:
            print(f"No {tests} here ({why}): skipping its tests.", file=sys.stderr)


def main() -> None:
    """Install what is missing; never fail, since tests say themselves what they skip."""
    bring_programs()
    bring_downloads()


if __name__ == "__main__":
    main()
