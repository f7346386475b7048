"""Which addresses an alert may be sent to, how long that may take, and whom TLS trusts."""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from dhishoom.errors import SettingsError, SinkError


def resolve_allowed(host: str, port: int, *, allow_private: bool) -> list[str]:
    """The addresses of `host`, checked; connect to them and not to the name, which may change its mind.

    Raises SinkError where the name is unknown, or where any of its addresses is not public and that is not allowed.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise SinkError(f"The name {host} cannot be resolved: {error}. Check the address and the network.") from error
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    for address in addresses:
        if not allow_private and not ipaddress.ip_address(address.split("%")[0]).is_global:
            raise SinkError(
                f"{host} is {address}, which is not a public address, so nothing was sent. If a server of your own is "
                "meant, set allow_private = true for this sink.",
                retry=False,
            )
    return addresses


def connect_any(addresses: list[str], port: int, timeout_s: float) -> socket.socket:
    """A connection to the first address that answers. Raises the last one's OSError where none does."""
    failure: OSError | None = None
    for address in addresses:
        try:
            return socket.create_connection((address, port), timeout_s)
        except OSError as error:
            failure = error
    raise failure or OSError("it has no address")


@contextmanager
def cut_off(connection: socket.socket, after_s: float) -> Iterator[threading.Event]:
    """End the connection after so long, whatever it is doing: a server that drips bytes resets every other timeout.

    The event is set once that has happened, for an answer that was cut may look like a whole one.
    """
    twin = connection.dup()  # outlives what TLS makes of the first
    fallen = threading.Event()

    def shut() -> None:
        fallen.set()
        with suppress(OSError):
            twin.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(after_s, shut)
    timer.daemon = True
    timer.start()
    try:
        yield fallen
    finally:
        timer.cancel()
        timer.join()
        twin.close()


def trust(authority: str) -> ssl.SSLContext:
    """TLS that trusts the certificates in a PEM file, or the system's where none is named."""
    try:
        return ssl.create_default_context(cafile=authority or None)
    except (OSError, ssl.SSLError) as error:
        raise SettingsError(f"authority = {authority!r} cannot be read: {error}. Name a PEM file.") from error
