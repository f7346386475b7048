"""Bring the real parts that tests drive (a browser, a broker), where this machine lets us; else say what is skipped."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass

APT_TIMEOUT_S = 600
SEARCH_PATH = os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin"


@dataclass(frozen=True)
class Part:
    """A program, the Debian packages that bring it, and what is not tested without it."""

    program: str
    packages: tuple[str, ...]
    tests: str


PARTS = (
    Part("chromium", ("chromium", "fonts-dejavu-core"), "the page in a real browser"),
    Part("mosquitto", ("mosquitto",), "alerts over MQTT"),
)


def missing() -> list[Part]:
    """Parts whose program is not found."""
    return [part for part in PARTS if shutil.which(part.program, path=SEARCH_PATH) is None]


def install(parts: list[Part]) -> str:
    """Ask apt-get for the packages; return why it could not, or nothing."""
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        return "not root, or no apt-get"
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    packages = [package for part in parts for package in part.packages]
    for arguments in (["update"], ["install", "--yes", "--no-install-recommends", *packages]):
        done = subprocess.run(
            ["apt-get", "-qq", *arguments],
            env=quiet,
            capture_output=True,
            text=True,
            timeout=APT_TIMEOUT_S,
            check=False,
        )
        if done.returncode != 0:
            return (done.stderr.strip().splitlines() or ["apt-get failed"])[-1]
    return ""


def main() -> None:
    """Install what is missing; never fail, since tests say themselves what they skip."""
    wanted = missing()
    if not wanted:
        return
    names = ", ".join(part.program for part in wanted)
    print(f"Installing {names} for the tests ...", file=sys.stderr)
    why = install(wanted)
    for part in missing():
        print(f"No {part.program} here ({why}): skipping {part.tests}.", file=sys.stderr)


if __name__ == "__main__":
    main()
