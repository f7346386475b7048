"""How long `import dhishoom` takes, and the first words of the command line, in interpreters that have just started.

Prints a table and, as its last line, the figures as one JSON object. Each start is a process of its own; the time is
measured inside it, so that Python's own start is not counted, and files are in the page cache after the first.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys

IMPORT_S_GOAL = 0.15
STATEMENTS = {
    "import dhishoom": "import dhishoom",
    "the nouns and seams": "import dhishoom.seams",
    "numpy, to compare": "import numpy",
    "the list of commands": "from dhishoom.cli import application; application(['-h'])",
    "dhishoom detect, until it begins": "from dhishoom.cli import application; application(['detect'])",
    "dhishoom run, until it begins": "from dhishoom.cli import application; application(['run'])",
}


def seconds_of(statement: str) -> float:
    """Of one statement in a fresh interpreter."""
    code = f"import time; begun = time.perf_counter(); {statement}; print(time.perf_counter() - begun)"
    return float(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout)


def main() -> None:
    """Measure every statement, interleaved, so that a busy moment falls on all alike."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--starts", type=int, default=15, help="of each statement")
    starts = parser.parse_args().starts
    times: dict[str, list[float]] = {name: [] for name in STATEMENTS}
    for statement in STATEMENTS.values():
        seconds_of(statement)  # byte-code is written and files are read once
    for _ in range(starts):
        for name, statement in STATEMENTS.items():
            times[name].append(seconds_of(statement))
    print(f"{platform.platform()}, {os.cpu_count()} CPUs, Python {platform.python_version()}, {starts} starts each")
    print(f"{'':34} {'median ms':>10} {'least':>8} {'most':>8}")
    for name, measured in times.items():
        median, least, most = (1000 * number(measured) for number in (statistics.median, min, max))
        print(f"{name:34} {median:10.1f} {least:8.1f} {most:8.1f}")
    figures = {name: round(statistics.median(measured), 4) for name, measured in times.items()}
    told = {"benchmark": "import", "starts": starts, "median_s": figures, "goal_s": IMPORT_S_GOAL}
    print(json.dumps({**told, "reached": figures["import dhishoom"] <= IMPORT_S_GOAL}))


if __name__ == "__main__":
    main()
