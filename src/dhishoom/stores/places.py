"""Folders on any file system, by address: a path, `file://`, `hdfs://`, `webhdfs://`, `s3://`, `s3a://`.

What is written is there whole or not at all; what is added is nobody's to read before somebody names it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from dhishoom.errors import SettingsError
from dhishoom.stores.unkept import unread, unwritten

S3_SCHEMES = ("s3", "s3a")
HDFS_SCHEMES = ("hdfs", "webhdfs")


class Place(Protocol):
    """One folder."""

    def write(self, name: str, body: bytes) -> None:
        """Write a file below it, durable when it returns; one of that name is replaced, whole or not at all."""

    def add(self, name: str, body: bytes) -> None:
        """Write a file that nothing names yet, as `write` does, or sooner: ended within, it may leave a part."""

    def read(self, name: str) -> bytes:
        """A file's bytes. Raises StoreError where it is not there."""

    def names(self, folder: str = "") -> list[str]:
        """Every file below it, or below a folder of it, in order."""

    def address(self, name: str) -> str:
        """A file's own address."""


def open_place(address: str, options: Mapping[str, str] | None = None) -> Place:
    """The folder of that address.

    Args:
        options: Of S3: `key`, `secret`, `endpoint_url`; else the environment's. Of HDFS: `http`, the NameNode's
            host:port for WebHDFS (else its host, 9870), and `user`.
    """
    scheme = urlsplit(address).scheme if "://" in address else ""
    options = dict(options or {})
    if scheme in ("", "file"):
        return LocalPlace(Path(address.removeprefix("file://")))
    if scheme in HDFS_SCHEMES:
        from dhishoom.stores.webhdfs import WebHdfsPlace

        return WebHdfsPlace(address, http=options.get("http", ""), user=options.get("user", ""))
    if scheme in S3_SCHEMES:
        return S3Place(address, options)
    raise SettingsError(
        f"{address!r} names no file system; write a path, hdfs://host:port/folder or s3://bucket/folder."
    )


class LocalPlace:
    """On a disk of this machine."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, name: str, body: bytes) -> None:
        """Into a file beside it, then over it."""
        path = self._folder / name
        part = path.with_name(f"{path.name}.{os.getpid()}.part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with part.open("wb") as file:
                file.write(body)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        except OSError as error:
            part.unlink(missing_ok=True)
            raise unwritten(self.address(name), error.strerror or str(error)) from error

    def add(self, name: str, body: bytes) -> None:
        """As `write`."""
        self.write(name, body)

    def read(self, name: str) -> bytes:
        """As it lies there."""
        try:
            return (self._folder / name).read_bytes()
        except OSError as error:
            raise unread(self.address(name), error.strerror or str(error)) from error

    def names(self, folder: str = "") -> list[str]:
        """What is half-written is not there yet."""
        below = (self._folder / folder).rglob("*")
        found = (path.relative_to(self._folder).as_posix() for path in below if path.is_file())
        return sorted(name for name in found if not name.endswith(".part"))

    def address(self, name: str) -> str:
        """With its scheme."""
        return f"file://{(self._folder / name).resolve()}"


class S3Place:
    """Objects below a prefix of a bucket; an object appears whole by itself."""

    def __init__(self, address: str, options: Mapping[str, str]) -> None:
        try:
            import s3fs
        except ModuleNotFoundError as error:
            raise SettingsError("S3 needs a library that is not installed: pip install 'dhishoom[s3]'.") from error
        parts = urlsplit(address)
        self._address, self._root = address.rstrip("/"), f"{parts.netloc}{parts.path}".rstrip("/")
        named = {name: value for name, value in options.items() if name in ("key", "secret", "endpoint_url")}
        self._s3: Any = s3fs.S3FileSystem(**named, use_listings_cache=False)
        self._failures: tuple[type[Exception], ...] = _s3_failures()

    def write(self, name: str, body: bytes) -> None:
        """In one request."""
        try:
            self._s3.pipe_file(f"{self._root}/{name}", body)
        except self._failures as error:
            raise unwritten(self.address(name), str(error)) from error

    def add(self, name: str, body: bytes) -> None:
        """As `write`."""
        self.write(name, body)

    def read(self, name: str) -> bytes:
        """In one request."""
        try:
            return bytes(self._s3.cat_file(f"{self._root}/{name}"))
        except self._failures as error:
            raise unread(self.address(name), str(error)) from error

    def names(self, folder: str = "") -> list[str]:
        """Whole keys below the prefix."""
        try:
            found = self._s3.find(f"{self._root}/{folder}".rstrip("/"))
            return sorted(str(name).removeprefix(f"{self._root}/") for name in found)
        except self._failures as error:
            raise unread(self._address, str(error)) from error

    def address(self, name: str) -> str:
        """As it was given."""
        return f"{self._address}/{name}"


def _s3_failures() -> tuple[type[Exception], ...]:
    from botocore.exceptions import BotoCoreError, ClientError

    return (OSError, BotoCoreError, ClientError)
