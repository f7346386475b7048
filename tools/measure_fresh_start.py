"""Seconds from a fresh clone, with an empty HOME and warm package caches, to the page of `make demo`.

Clones this repository's last commit to a temporary folder, runs `make demo` there as a newcomer would, and asks for the
page until it answers. Run it twice: the first run fills the caches. Prints a table and, last, one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterable
from pathlib import Path
from urllib.error import URLError

ROOT = Path(__file__).resolve().parent.parent
SECONDS_GOAL = 90.0
GIVE_UP_S = 900.0
DEMO_FLAGS = "--no-browser --port 0 --seconds 10"
_PAGE = re.compile(r"page\s+(http://\S+)")


def surroundings(home: Path) -> dict[str, str]:
    """An empty HOME; the caches and the configuration of pip and npm are this user's."""
    user = Path.home()
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL") if name in os.environ}
    kept |= {name: value for name, value in os.environ.items() if name.lower().startswith(("pip_", "npm_config_"))}
    caches = {
        "PIP_CACHE_DIR": subprocess.run(
            [sys.executable, "-m", "pip", "cache", "dir"], check=True, capture_output=True, text=True
        ).stdout.strip(),
        "npm_config_cache": str(user / ".npm"),
    }
    for name, path in (("PIP_CONFIG_FILE", ".config/pip/pip.conf"), ("npm_config_userconfig", ".npmrc")):
        if (user / path).is_file():
            caches[name] = str(user / path)
    return {**caches, **kept, "HOME": str(home)}


def clone(folder: Path) -> None:
    """The last commit, as a newcomer gets it."""
    subprocess.run(["git", "clone", "--quiet", "--depth", "1", ROOT.as_uri(), folder], check=True)


def page_address(lines: Iterable[str], told: list[str]) -> str:
    """The address that the demo prints; all lines are kept for whoever asks why there was none."""
    for line in lines:
        told.append(line)
        if match := _PAGE.search(line):
            return match[1]
    sys.exit("the demo ended without a page:\n" + "".join(told[-40:]))


def wait_for_page(url: str) -> None:
    """Until the page itself answers, not only its port."""
    until_s = time.monotonic() + GIVE_UP_S
    while time.monotonic() < until_s:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                if b"<script" in answer.read():
                    return
        except (URLError, OSError):
            time.sleep(0.02)
    sys.exit(f"{url} did not answer")


def measure(folder: Path) -> dict[str, float]:
    """Seconds from `git clone` to the page."""
    home, checkout = folder / "home", folder / "dhishoom"
    home.mkdir()
    begun_s = time.perf_counter()
    clone(checkout)
    cloned_s = time.perf_counter()
    demo = subprocess.Popen(
        ["make", "demo", f"DEMO_FLAGS={DEMO_FLAGS}"],
        cwd=checkout,
        env=surroundings(home),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert demo.stdout is not None
    told: list[str] = []
    watchdog = threading.Timer(GIVE_UP_S, os.killpg, (demo.pid, signal.SIGKILL))
    watchdog.start()
    wait_for_page(page_address(demo.stdout, told))
    there_s = time.perf_counter()
    told += demo.stdout
    code = demo.wait()
    watchdog.cancel()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    if code:
        sys.exit(f"make demo ended with {code}:\n" + "".join(told[-40:]))
    stamps = {name: (checkout / ".venv" / name).stat().st_mtime for name in (".python", ".base")}
    return {
        "to_page_s": round(there_s - begun_s, 1),
        "clone_s": round(cloned_s - begun_s, 1),
        "install_s": round(stamps[".base"] - stamps[".python"], 1),
        "cpu_s": round(used.ru_utime + used.ru_stime, 1),
    }


def main() -> None:
    """Measure once."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="dhishoom-fresh-") as folder:
        found = measure(Path(folder))
    print(f"{platform.platform()}, {os.cpu_count()} CPUs, load {load:.1f}, Python {platform.python_version()}")
    for name, seconds in (
        (f"git clone to the page (goal {SECONDS_GOAL:.0f} s)", found["to_page_s"]),
        ("  of it git clone", found["clone_s"]),
        ("  of it pip, beside the page's build", found["install_s"]),
        ("CPU of all, the demo's ten seconds too", found["cpu_s"]),
    ):
        print(f"{name:42} {seconds:7.1f} s")
    told = {"benchmark": "fresh_start", **found, "goal_s": SECONDS_GOAL, "load_before": round(load, 1)}
    print(json.dumps({**told, "reached": found["to_page_s"] < SECONDS_GOAL}))


if __name__ == "__main__":
    main()
