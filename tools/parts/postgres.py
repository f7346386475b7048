"""A PostgreSQL server of its own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path

from tools.parts.running import Missing, Program, eventually, free_port

NOBODY = 65534
PASSWORD = "app-secret"  # noqa: S105  of a server that lives as long as a test


def binaries() -> Path:
    """Of the newest version that is installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda one: float(one.parts[4]))
    if found:
        return found[-1].parent
    initdb = shutil.which("initdb")
    if initdb is None:
        raise Missing("no PostgreSQL server here: apt-get install postgresql")
    return Path(initdb).parent


class Postgres:
    """One server; it refuses root, so that it then runs as nobody."""

    def __init__(self, folder: Path) -> None:
        self._bin, self.port = binaries(), free_port()
        self._user = NOBODY if os.geteuid() == 0 else None
        self._folder, self._data = folder, folder / "data"
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o755)
        if self._user is not None:
            os.chown(folder, self._user, self._user)
        options = ("listen_addresses=127.0.0.1", "fsync=off", "shared_buffers=64MB", "max_connections=60")
        settings = [part for one in options for part in ("-c", one)]
        command = [self._bin / "postgres", "-D", self._data, "-p", self.port, "-k", folder, *settings]
        self.program = Program(
            [str(one) for one in command], folder / "log", self._is_up, user_id=self._user, end=signal.SIGINT
        )

    def start(self) -> Postgres:
        """Make its files where they are not there, and run."""
        if not self._data.is_dir():
            secret = self._folder / "password"
            secret.write_text(PASSWORD)
            secret.chmod(0o644)
            options = ("--auth=scram-sha-256", "-E", "UTF8", "--no-locale", "--no-sync", "-U", "app")
            done = subprocess.run(
                [self._bin / "initdb", "-D", self._data, *options, f"--pwfile={secret}"],
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
                user=self._user,
                group=self._user,
                cwd=self._folder,
            )
            if done.returncode != 0:
                raise Missing(f"initdb: {done.stderr[-400:]}")
        (self._data / "postmaster.pid").unlink(missing_ok=True)
        self.program.start()
        return self

    def stop(self) -> None:
        """End it; clients are told."""
        self.program.stop()

    def database(self, name: str) -> str:
        """The address of a fresh, empty database."""
        eventually(self._is_up, "PostgreSQL answers")
        self._psql("-c", f"CREATE DATABASE {name}")
        return f"postgresql+psycopg://app:{PASSWORD}@127.0.0.1:{self.port}/{name}"

    def _psql(self, *arguments: str) -> None:
        command = [
            self._bin / "psql",
            "-h",
            "127.0.0.1",
            "-p",
            str(self.port),
            "-U",
            "app",
            "-d",
            "postgres",
            *arguments,
        ]
        subprocess.run(command, env={**os.environ, "PGPASSWORD": PASSWORD}, check=True, capture_output=True, timeout=30)

    def _is_up(self) -> bool:
        command = [self._bin / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        return subprocess.run(command, check=False, timeout=10).returncode == 0
