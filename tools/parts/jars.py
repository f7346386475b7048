"""Java programs from the Maven repository that this machine's Maven is set up for."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tools.parts.running import Missing, cache, program

MAVEN_S_MAX = 400
GC = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.net.preferIPv4Stack=true")
"""Small programs that live for a minute: compile little, collect simply."""


def jars(name: str, artifacts: Sequence[str], *, install: bool = False, exclusions: Sequence[str] = ()) -> Path:
    """A folder with the artifacts and all they need; Missing where it is not there and must not or cannot be brought.

    Args:
        artifacts: `group:artifact:version`.
        exclusions: `group:artifact`, left out of what they need.
    """
    folder = cache() / name
    if folder.is_dir():
        return folder
    if not install:
        raise Missing(f"{name} is not installed: python tools/bring_test_parts.py")
    maven = program("mvn", "apt-get install maven")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as work:
        Path(work, "pom.xml").write_text(_pom(artifacts, exclusions))
        libraries = Path(work, "lib")
        command = [maven, "-q", "-B", "dependency:copy-dependencies", f"-DoutputDirectory={libraries}"]
        try:
            done = subprocess.run(
                [*command, "-DincludeScope=runtime"],
                cwd=work,
                capture_output=True,
                text=True,
                timeout=MAVEN_S_MAX,
                check=False,
                stdin=subprocess.DEVNULL,
            )
        except subprocess.TimeoutExpired as error:
            raise Missing(f"{name}: Maven took longer than {MAVEN_S_MAX} s") from error
        if done.returncode != 0 or not libraries.is_dir():
            lines = (done.stdout + done.stderr).strip().splitlines() or ["Maven failed"]
            raise Missing(f"{name}: {lines[0][:300]}")
        os.replace(libraries, folder) if not folder.exists() else shutil.rmtree(libraries)
    return folder


def java(*options: str, heap: str = "256m") -> list[str]:
    """The beginning of a command line."""
    return [program("java", "apt-get install default-jre-headless"), f"-Xmx{heap}", *GC, *options]


def _pom(artifacts: Sequence[str], exclusions: Sequence[str]) -> str:
    left_out = "".join(
        f"<exclusion><groupId>{group}</groupId><artifactId>{artifact}</artifactId></exclusion>"
        for group, artifact in (one.split(":") for one in exclusions)
    )
    dependencies = "".join(
        f"<dependency><groupId>{group}</groupId><artifactId>{artifact}</artifactId><version>{version}</version>"
        f"<exclusions>{left_out}</exclusions></dependency>"
        for group, artifact, version in (one.split(":") for one in artifacts)
    )
    return (
        '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>'
        "<groupId>parts</groupId><artifactId>parts</artifactId><version>1</version><packaging>pom</packaging>"
        f"<dependencies>{dependencies}</dependencies></project>"
    )
