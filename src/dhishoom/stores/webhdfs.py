"""Files on HDFS over WebHDFS, one connection a thread (Apache Hadoop, WebHDFS REST API)."""

from __future__ import annotations

import http.client
import json
import threading
import time
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from dhishoom.errors import SettingsError
from dhishoom.stores.unkept import unread, unwritten

HTTP_PORT = 9870
ANSWER_S = 30.0
TRIES = 3
AGAIN_S = 0.2
OK = range(200, 300)
NOT_FOUND = 404


class WebHdfsPlace:
    """One folder.

    Args:
        address: `hdfs://namenode:8020/folder`, or `webhdfs://user@namenode:9870/folder`.
        http: The NameNode's host:port for HTTP, where the address does not say it.
    """

    def __init__(self, address: str, *, http: str = "", user: str = "") -> None:
        parts = urlsplit(address)
        if not parts.hostname:
            raise SettingsError(f"{address!r} names no NameNode; write hdfs://host:8020/folder.")
        port = parts.port if parts.scheme == "webhdfs" and parts.port else HTTP_PORT
        self._name_node = http or f"{parts.hostname}:{port}"
        self._user = user or parts.username or "dhishoom"
        self._address, self._root = address.rstrip("/"), parts.path.rstrip("/")
        self._local = threading.local()

    def write(self, name: str, body: bytes) -> None:
        """Under another name first, then renamed, for HDFS shows a file while it grows."""
        part = f"{name}.{threading.get_native_id()}.part"
        try:
            self._create(part, body)
            self._ask("PUT", part, op="RENAME", destination=f"{self._root}/{name}", renameoptions="OVERWRITE")
        except (OSError, http.client.HTTPException, KeyError) as error:
            raise unwritten(self.address(name), str(error)) from error

    def add(self, name: str, body: bytes) -> None:
        """Under its own name at once: a third less for the NameNode to do."""
        try:
            self._create(name, body)
        except (OSError, http.client.HTTPException, KeyError) as error:
            raise unwritten(self.address(name), str(error)) from error

    def read(self, name: str) -> bytes:
        """From whichever DataNode has it."""
        try:
            place = self._ask("GET", name, op="OPEN", noredirect="true")["Location"]
            return self._fetch(place)
        except (OSError, http.client.HTTPException, KeyError) as error:
            raise unread(self.address(name), str(error)) from error

    def names(self, folder: str = "") -> list[str]:
        """Folder by folder."""
        try:
            return sorted(name for name in self._below(f"{folder}/" if folder else "") if not name.endswith(".part"))
        except (OSError, http.client.HTTPException, KeyError) as error:
            raise unread(self._address, str(error)) from error

    def address(self, name: str) -> str:
        """As it was given."""
        return f"{self._address}/{name}"

    def _below(self, folder: str) -> list[str]:
        found: list[str] = []
        for one in self._list(folder):
            name = f"{folder}{one['pathSuffix']}"
            found += self._below(f"{name}/") if one["type"] == "DIRECTORY" else [name]
        return found

    def _list(self, folder: str) -> list[Any]:
        try:
            answer = self._ask("GET", folder, op="LISTSTATUS")
        except FileNotFoundError:
            return []
        return list(answer["FileStatuses"]["FileStatus"])

    def _ask(self, method: str, name: str, **query: str) -> Any:
        """A question to the NameNode; a connection that it has closed meanwhile is opened again."""
        path = f"/webhdfs/v1{quote(f'{self._root}/{name}')}?{urlencode({'user.name': self._user, **query})}"
        for left in reversed(range(TRIES)):
            try:
                status, body = self._request(self._name_node, method, path)
                break
            except (OSError, http.client.HTTPException):
                if not left:
                    raise
                time.sleep(AGAIN_S)
        if status == NOT_FOUND:
            raise FileNotFoundError(f"{name} is not there")
        if status not in OK:
            raise OSError(_reason(body))
        return json.loads(body or b"{}")

    def _create(self, name: str, body: bytes) -> None:
        self._send(self._ask("PUT", name, op="CREATE", overwrite="true", noredirect="true")["Location"], body)

    def _send(self, place: str, body: bytes) -> None:
        parts = urlsplit(place)
        status, answer = self._request(parts.netloc, "PUT", f"{parts.path}?{parts.query}", body)
        if status not in OK:
            raise OSError(_reason(answer))

    def _fetch(self, place: str) -> bytes:
        parts = urlsplit(place)
        status, body = self._request(parts.netloc, "GET", f"{parts.path}?{parts.query}")
        if status not in OK:
            raise OSError(_reason(body))
        return body

    def _request(self, server: str, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        links: dict[str, http.client.HTTPConnection] = self._local.__dict__.setdefault("links", {})
        link = links.get(server)
        if link is None:
            link = links[server] = http.client.HTTPConnection(server, timeout=ANSWER_S)
        try:
            link.request(method, path, body, {"Content-Type": "application/octet-stream"} if body is not None else {})
            answer = link.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException):
            links.pop(server).close()
            raise


def _reason(body: bytes) -> str:
    """What the other side says of it, in one line."""
    try:
        told = json.loads(body)["RemoteException"]["message"]
    except (ValueError, KeyError, TypeError):
        told = body[:200].decode("utf-8", "replace")
    return str(told).split("\n", 1)[0]
