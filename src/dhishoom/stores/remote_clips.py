"""Clips in a file system that many machines share: S3, or HDFS over WebHDFS, through fsspec."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, Protocol

from dhishoom.errors import StoreError
from dhishoom.nouns import Chunk
from dhishoom.stores.clips import KeptClip, clip_name, encode_flac, gone, require_clip

NO_LIMIT = 1 << 62
CONNECT_S, READ_S = 5.0, 20.0
EXTRAS = {"s3": "s3", "webhdfs": "hdfs"}
FIXES = {
    "safe mode": "The NameNode is in safe mode and takes nothing: wait, or `hdfs dfsadmin -safemode leave`.",
    "connection": "Is it up, and is the address in store.clips right?",
    "credentials": "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.",
    "denied": "Check who may write there.",
    "forbidden": "Check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and what they may write.",
    "signature": "Check AWS_SECRET_ACCESS_KEY.",
    "bucket": "Make the bucket that store.clips names.",
}


class Clips(Protocol):
    """Where clips are kept."""

    def keep(self, chunk: Chunk) -> KeptClip:
        """Write whole or not at all, durable when it returns; a clip that is there already stays as it is."""

    def read(self, clip: str) -> bytes:
        """Its bytes. Raises StoreError where it is gone or no clip."""

    def remove(self, clip: str) -> None:
        """Delete it; nothing happens where it is gone."""

    def clips(self) -> Iterator[tuple[str, KeptClip]]:
        """Clips that may lack a row, with their sensors."""

    def free_bytes(self) -> int:
        """How much more may be kept."""


class RemoteClips:
    """Below an address such as `s3://bucket/clips` or `webhdfs://user@namenode:9870/clips`.

    S3's endpoint and keys are those of the environment: AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY.
    """

    def __init__(self, address: str) -> None:
        self._address = address
        self._scheme = address.partition("://")[0]
        if self._scheme not in EXTRAS:
            hint = "Write webhdfs://USER@NAMENODE:9870/FOLDER." if self._scheme == "hdfs" else "There are: s3, webhdfs."
            raise StoreError(f"store.clips is {address!r}, and {self._scheme}:// is not known. {hint}")
        self._failures = _failures(self._scheme)
        with self._telling():
            self._files, self._root = _open(address, self._scheme)

    def keep(self, chunk: Chunk) -> KeptClip:
        """Under its name once it is whole; a clip that is there already stays as it is."""
        clip = clip_name(chunk.sensor_id, chunk.start_ns)
        path = f"{self._root}/{clip}"
        with self._telling():
            with contextlib.suppress(FileNotFoundError):
                return KeptClip(clip, chunk.start_ns, int(self._files.info(path)["size"]))
            body = encode_flac(chunk)
            if self._scheme == "s3":  # an object is there whole or not at all
                self._files.pipe_file(path, body)
            else:
                self._files.pipe_file(f"{path}.part", body)
                self._files.mv(f"{path}.part", path)
        return KeptClip(clip, chunk.start_ns, len(body))

    def read(self, clip: str) -> bytes:
        """Its bytes. Raises StoreError where it is gone or no clip."""
        require_clip(clip)
        with self._telling():
            try:
                return bytes(self._files.cat_file(f"{self._root}/{clip}"))
            except FileNotFoundError as error:
                raise gone(clip) from error

    def remove(self, clip: str) -> None:
        """Delete it; nothing happens where it is gone."""
        require_clip(clip)
        with self._telling(), contextlib.suppress(FileNotFoundError):
            self._files.rm_file(f"{self._root}/{clip}")

    def clips(self) -> Iterator[tuple[str, KeptClip]]:
        """None: to list millions is dear, and whoever takes over a sensor enters what a crash left without its row."""
        yield from ()

    def free_bytes(self) -> int:
        """As much as anybody wants; whoever runs it sets limits."""
        return NO_LIMIT

    @contextlib.contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            yield
        except self._failures as error:
            answer = getattr(getattr(error, "response", None), "text", "")  # what a NameNode says, beyond a number
            reason = f"{type(error).__name__}: {answer or error}".strip()[:500]
            fix = next((fix for words, fix in FIXES.items() if words in reason.lower()), "See its own log.")
            raise StoreError(f"The clips at {self._address} cannot be reached: {reason}. {fix}") from error


def _failures(scheme: str) -> tuple[type[Exception], ...]:
    """What the libraries raise."""
    if scheme != "s3":
        return OSError, RuntimeError, ValueError
    try:
        from botocore.exceptions import BotoCoreError, ClientError
    except ModuleNotFoundError as error:
        raise _not_installed(scheme) from error
    return OSError, RuntimeError, ValueError, BotoCoreError, ClientError


def _open(address: str, scheme: str) -> tuple[Any, str]:
    """The file system, and the path of the clips in it."""
    try:
        from fsspec.core import url_to_fs

        options: dict[str, Any] = {"use_listings_cache": False, "skip_instance_cache": True}
        if scheme == "s3":
            limits = {"connect_timeout": CONNECT_S, "read_timeout": READ_S, "retries": {"max_attempts": 2}}
            options["config_kwargs"] = limits
        files, root = url_to_fs(address, **options)
    except ModuleNotFoundError as error:
        raise _not_installed(scheme) from error
    if scheme == "webhdfs":
        _limit(files.session)
    return files, root.rstrip("/")


def _limit(session: Any) -> None:
    """Nobody waits for ever for a name node that does not answer."""
    from requests.adapters import HTTPAdapter

    class Limited(HTTPAdapter):
        def send(self, request: Any, **options: Any) -> Any:  # type: ignore[override]
            return super().send(request, **{**options, "timeout": (CONNECT_S, READ_S)})

    session.mount("http://", Limited())
    session.mount("https://", Limited())


def _not_installed(scheme: str) -> StoreError:
    return StoreError(f"{scheme}:// needs libraries that are not installed: pip install 'dhishoom[{EXTRAS[scheme]}]'.")
