"""Incidents of a whole city for the page of one process: whoever associated them."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable

from dhishoom.seams import INCIDENTS_TOPIC
from dhishoom.service.associator import Reader
from dhishoom.service.pipeline import Publish

log = logging.getLogger("dhishoom")

MESSAGES_MAX = 500
POLL_S = 0.2


class Follower:
    """Works in a thread of its own until it is stopped.

    Args:
        read: Opens the topic at its end.
        tell: Where live events go.
    """

    name = "following incidents"

    def __init__(self, read: Callable[[str], Reader], tell: Publish) -> None:
        self._read, self._tell = read, tell
        self._stopping = threading.Event()

    def run(self) -> None:
        """Until `stop`."""
        reader = self._read(INCIDENTS_TOPIC)
        try:
            while not self._stopping.is_set():
                for one in reader.poll(messages_max=MESSAGES_MAX, wait_s=POLL_S):
                    try:
                        self._tell("incident", json.loads(one.value))
                    except ValueError as error:
                        log.warning("a message of %s is no incident: %s", one.topic, error)
        finally:
            reader.close()

    def stop(self) -> None:
        """End `run` soon; from any thread. Safe twice."""
        self._stopping.set()
