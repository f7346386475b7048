"""Publishing on a bus that may be full for a while."""

from __future__ import annotations

import threading
from collections.abc import Mapping

from dhishoom.errors import BusFull
from dhishoom.seams import Bus

AGAIN_S = 0.25
"""From one try to the next, of a bus or a store that does not take what it is given."""


def publish_when_there_is_room(
    bus: Bus, stopping: threading.Event, topic: str, key: str, value: bytes, headers: Mapping[str, str]
) -> None:
    """However long the bus needs to take it; BusFull only where the caller is to stop meanwhile."""
    while True:
        try:
            bus.publish(topic, key, value, headers)
            return
        except BusFull:
            if stopping.wait(AGAIN_S):
                raise
