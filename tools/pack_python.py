"""Pack this Python with dhishoom and all that executors need, so that they need nothing before it.

`python tools/pack_python.py build/dhishoom-python.tar.gz` writes an archive that runs wherever it is unpacked, on the
same kind of machine with a C library as new as this one: `bin/python` finds its own standard library, shared libraries
and packages. deploy/submit-yarn.sh gives it to Spark.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import io
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from packaging.requirements import Requirement

NEEDED = ("dhishoom", "confluent-kafka", "s3fs", "pyarrow", "pandas")
"""Spark brings pyspark itself."""
LEFT_OUT = {"__pycache__", "test", "tests", "idlelib", "tkinter", "site-packages", "dist-packages", "ensurepip"}
C_LIBRARY = re.compile(r"^(linux-vdso|ld-linux|lib(c|m|dl|pthread|rt|util|resolv)\.so)")
LAUNCHER = """#!/bin/sh
here="$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)"
export PYTHONHOME="$here"
export PYTHONPATH="$here/site${PYTHONPATH:+:$PYTHONPATH}"
export LD_LIBRARY_PATH="$here/native${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
exec "$here/bin/python-itself" "$@"
"""


def distributions(needed: Iterable[str]) -> dict[str, importlib.metadata.Distribution]:
    """What is needed and all that it needs, as it is installed here."""
    found: dict[str, importlib.metadata.Distribution] = {}
    waiting = [Requirement(one) for one in needed]
    while waiting:
        wanted = waiting.pop()
        name = wanted.name.lower().replace("_", "-")
        if name in found and not wanted.extras:
            continue
        one = found[name] = importlib.metadata.distribution(wanted.name)
        for inner in map(Requirement, one.requires or ()):
            marker = inner.marker
            if marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *wanted.extras)):
                waiting.append(inner)
    return found


def package_files(one: importlib.metadata.Distribution) -> Iterator[tuple[Path, str]]:
    """Files of a distribution with their names below site; of one that is installed in place, its package."""
    name = one.metadata["Name"]
    if name == "dhishoom":
        spec = importlib.util.find_spec("dhishoom")
        assert spec is not None
        assert spec.origin is not None
        root = Path(spec.origin).parent
        yield from ((path, f"dhishoom/{path.relative_to(root)}") for path in files_below(root))
    for file in one.files or ():
        path = Path(str(file.locate()))
        if ".." not in file.parts and path.is_file() and "__pycache__" not in file.parts:
            yield path, str(file)


def files_below(folder: Path) -> Iterator[Path]:
    """Every file of a tree, but tests and what Python makes again."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not LEFT_OUT & set(path.relative_to(folder).parts):
            yield path


def shared_libraries(programs: Iterable[Path]) -> dict[str, Path]:
    """What the programs load, but the C library."""
    found: dict[str, Path] = {}
    for program in programs:
        listed = subprocess.run(["ldd", str(program)], capture_output=True, text=True, check=False).stdout
        for name, path in re.findall(r"^\s*(\S+) => (/\S+)", listed, re.MULTILINE):
            if not C_LIBRARY.match(name):
                found[name] = Path(path)
    return found


def pack(out: Path, needed: Iterable[str] = NEEDED) -> int:
    """Write the archive; return how many bytes it has."""
    python, standard = Path(sys.executable).resolve(), Path(sysconfig.get_path("stdlib"))
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    out.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(out, "w:gz", compresslevel=1) as archive:
        launcher = tarfile.TarInfo("bin/python")
        launcher.size, launcher.mode = len(LAUNCHER), 0o755
        archive.addfile(launcher, io.BytesIO(LAUNCHER.encode()))
        archive.add(python, "bin/python-itself")
        for path in files_below(standard):
            archive.add(path.resolve(), f"lib/{version}/{path.relative_to(standard)}")
        modules = sorted((standard / "lib-dynload").glob("*.so"))
        for name, path in shared_libraries([python, *modules]).items():
            archive.add(path.resolve(), f"native/{name}")
        packed: set[str] = set()
        for one in distributions(needed).values():
            for path, name in package_files(one):
                if name not in packed:
                    packed.add(name)
                    archive.add(path, f"site/{name}")
    return out.stat().st_size


def main() -> None:
    """Pack, and say how large it is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    out = parser.parse_args().out
    if shutil.which("ldd") is None:
        raise SystemExit("no ldd here: this packs Linux programs alone.")
    print(f"{out}: {pack(out) / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
