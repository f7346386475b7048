"""A packed Python runs wherever it is unpacked."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from tools.pack_python import NEEDED, distributions, pack


def test_a_packed_python_needs_nothing_of_where_it_is(tmp_path: Path) -> None:
    """Its own standard library, modules that load shared libraries, and packages; in an empty environment."""
    if not sys.platform.startswith("linux") or shutil.which("ldd") is None:
        pytest.skip("packs Linux programs alone")
    assert pack(tmp_path / "python.tar.gz", ["msgspec"]) > 1_000_000
    with tarfile.open(tmp_path / "python.tar.gz") as archive:
        archive.extractall(tmp_path / "elsewhere", filter="data")
    program = "import ctypes, msgspec, ssl, sqlite3, sys; print(sys.prefix, msgspec.__file__, ssl.__file__)"
    python = tmp_path / "elsewhere" / "bin" / "python"
    done = subprocess.run([str(python), "-c", program], capture_output=True, text=True, env={}, cwd="/", check=False)

    assert done.returncode == 0, done.stderr
    assert done.stdout.count(str(tmp_path / "elsewhere")) == 3


def test_what_is_packed_for_executors_is_all_they_import() -> None:
    """The network's runtime, the decoder, Kafka's client and S3's; not Spark itself."""
    packed = distributions(NEEDED)

    assert {
        "numpy",
        "scipy",
        "onnxruntime",
        "soundfile",
        "confluent-kafka",
        "s3fs",
        "pyarrow",
        "msgspec",
    } <= packed.keys()
    assert "pyspark" not in packed
