"""An S3 server that checks signatures: versitygw over a plain folder."""

from __future__ import annotations

import os
import subprocess
import tempfile
import urllib.request
from pathlib import Path

from tools.parts.running import Missing, Program, cache, free_port, program

MODULE = "github.com/versity/versitygw/cmd/versitygw@v1.8.0"
BUILD_S_MAX = 600
KEY, SECRET = "dhishoom-key", "dhishoom-secret"


def install_s3() -> Path:
    """Compile the server once; of the compiler's caches nothing is left."""
    binary = cache() / "versitygw-1.8.0"
    if binary.is_file():
        return binary
    go = program("go", "install Go 1.24 or newer")
    binary.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=binary.parent) as work:
        environment = {
            **os.environ,
            "GOPATH": f"{work}/go",
            "GOCACHE": f"{work}/cache",
            "GOBIN": f"{work}/bin",
            "GOFLAGS": "-modcacherw",
            "GOMAXPROCS": "2",
        }
        try:
            done = subprocess.run(
                [go, "install", MODULE],
                env=environment,
                capture_output=True,
                text=True,
                timeout=BUILD_S_MAX,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise Missing(f"versitygw took longer than {BUILD_S_MAX} s to compile") from error
        if done.returncode != 0:
            raise Missing(f"versitygw: {(done.stderr.strip().splitlines() or ['go failed'])[-1][:300]}")
        Path(work, "bin", "versitygw").replace(binary)
    return binary


class S3:
    """One server with one user."""

    def __init__(self, folder: Path) -> None:
        binary = cache() / "versitygw-1.8.0"
        if not binary.is_file():
            raise Missing("no S3 server here: python tools/bring_test_parts.py")
        self.port = free_port()
        for name in ("iam", "data", "sidecar"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        command = [binary, "--port", f"127.0.0.1:{self.port}", "--quiet", "--health", "/health"]
        command += ["--iam-dir", folder / "iam", "posix", "--sidecar", folder / "sidecar", folder / "data"]
        environment = {"ROOT_ACCESS_KEY_ID": KEY, "ROOT_SECRET_ACCESS_KEY": SECRET}
        log = folder / "log"
        self.program = Program([str(one) for one in command], log, self._is_up, environment=environment)

    @property
    def endpoint(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> S3:
        """Run."""
        self.program.start()
        return self

    def stop(self) -> None:
        """End it."""
        self.program.stop()

    def _is_up(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.endpoint}/health", timeout=2) as answer:
                return int(answer.status) == 200
        except OSError:
            return False
