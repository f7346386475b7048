"""Which addresses an alert may be sent to: none inside the operator's own network unless allowed."""

from __future__ import annotations

import ipaddress
import socket

from dhishoom.errors import SinkError


def resolve_allowed(host: str, port: int, *, allow_private: bool) -> str:
    """The first address of `host`, checked; connect to it and not to the name, which may change its mind.

    Raises SinkError where the name is unknown, or where any of its addresses is not public and that is not allowed.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise SinkError(f"The name {host} cannot be resolved: {error}. Check the address and the network.") from error
    addresses = [str(entry[4][0]) for entry in found]
    for address in addresses:
        if not allow_private and not ipaddress.ip_address(address.split("%")[0]).is_global:
            raise SinkError(
                f"{host} is {address}, which is not a public address, so nothing was sent. If a server of your own is "
                "meant, set allow_private = true for this sink.",
                retry=False,
            )
    return addresses[0]
