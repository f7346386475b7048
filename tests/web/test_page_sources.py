"""The page's sources: what is locked, and when a build is due."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parent.parent.parent
LOCK = ROOT / "ui" / "package-lock.json"


@pytest.fixture
def build_page() -> ModuleType:
    """tools/build_page.py as a module."""
    spec = importlib.util.spec_from_file_location("build_page", ROOT / "tools" / "build_page.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_lock_file_names_no_registry() -> None:
    """Packages are pinned by version and sum; where they come from is the reader's own setting."""
    packages = json.loads(LOCK.read_text())["packages"]
    assert all("resolved" not in package for package in packages.values())
    without_funding = re.sub(r'"funding":\s*(\{[^}]*\}|\[[^\]]*\]|"[^"]*")', "", LOCK.read_text())
    assert re.findall(r"https?://[^\"]+", without_funding) == []
    assert all("integrity" in package for name, package in packages.items() if name)


def test_a_build_is_due_when_a_source_changes(build_page: ModuleType, tmp_path: Path) -> None:
    """The sum of the sources follows their names and content, and nothing that a build leaves."""
    build_page.UI = tmp_path
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "main.ts").write_text("1")
    before = build_page.digest_of_sources()
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "node_modules" / "left.js").write_text("x")
    assert build_page.digest_of_sources() == before
    (tmp_path / "src" / "main.ts").write_text("2")
    changed = build_page.digest_of_sources()
    (tmp_path / "src" / "main.ts").rename(tmp_path / "src" / "other.ts")
    assert len({before, changed, build_page.digest_of_sources()}) == 3


def test_a_node_too_old_or_absent_is_not_used(build_page: ModuleType, tmp_path: Path) -> None:
    """A version is read from what node says; what does not run has none."""
    node = tmp_path / "node"
    node.write_text("#!/bin/sh\necho v18.3.1\n")
    node.chmod(0o755)
    assert build_page.node_version(node) == (18, 3, 1)
    assert build_page.node_version(node) < build_page.NODE_MIN
    assert build_page.node_version(tmp_path / "none") == ()
