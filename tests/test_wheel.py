"""What `make wheel` packs: all that `pip install dhishoom` needs, without node or a checkout."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from dhishoom import __version__

ROOT = Path(__file__).parent.parent
END_S = 120.0
MEGABYTES_MAX = 20


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """A wheel of this checkout."""
    pytest.importorskip("hatchling", reason="hatchling builds the wheel")
    if not (ROOT / "src" / "dhishoom" / "web" / "page" / "index.html").is_file():
        pytest.skip("the page is not built; make page")
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=END_S)
    (path,) = folder.glob(f"dhishoom-{__version__}-py3-none-any.whl")
    return zipfile.ZipFile(path)


def test_it_carries_the_built_page(wheel: zipfile.ZipFile) -> None:
    """And every file that its index names."""
    index = wheel.read("dhishoom/web/page/index.html").decode()
    names = set(wheel.namelist())

    assets = [name for name in names if name.startswith("dhishoom/web/page/assets/")]
    assert any(name.endswith(".js") for name in assets)
    assert any(name.endswith(".css") for name in assets)
    named = [part.split('"')[0] for part in index.split("assets/")[1:]]
    assert named
    assert {f"dhishoom/web/page/assets/{name}" for name in named} <= names


def test_it_carries_what_is_read_at_run_time(wheel: zipfile.ZipFile) -> None:
    """Every file of the package that git knows: models with their cards, migrations, the settings' template."""
    listed = subprocess.run(["git", "ls-files", "src/dhishoom"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("this is no git checkout")
    there = [path for path in listed.stdout.splitlines() if (ROOT / path).is_file()]

    assert {path.removeprefix("src/") for path in there} <= set(wheel.namelist())


def test_it_carries_nothing_else(wheel: zipfile.ZipFile) -> None:
    """Neither tests nor recordings nor node's packages; it stays small."""
    tops = {name.partition("/")[0] for name in wheel.namelist()}

    assert tops == {"dhishoom", f"dhishoom-{__version__}.dist-info"}
    assert not [name for name in wheel.namelist() if "node_modules" in name or name.endswith((".pyc", ".wav"))]
    assert sum(entry.compress_size for entry in wheel.infolist()) < MEGABYTES_MAX * 1e6


def test_it_says_what_it_is(wheel: zipfile.ZipFile) -> None:
    """Licence, the command, and the Python it needs."""
    about = f"dhishoom-{__version__}.dist-info"
    metadata = wheel.read(f"{about}/METADATA").decode()

    assert "License-Expression: Apache-2.0" in metadata
    assert "Requires-Python: >=3.11" in metadata
    assert "dhishoom = dhishoom.__main__:main" in wheel.read(f"{about}/entry_points.txt").decode()
    assert any(name.endswith("licenses/LICENSE") for name in wheel.namelist())
