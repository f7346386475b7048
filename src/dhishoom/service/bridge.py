"""Sound from one bus to another, at least once: taken off the first when the second has it for good."""

from __future__ import annotations

import threading
from collections.abc import Callable

from dhishoom.errors import BusError, BusFull
from dhishoom.seams import AUDIO_TOPIC, DEAD_TOPIC, Bus, Delivery

MESSAGES_MAX = 500
POLL_S = 0.2
AGAIN_S = 0.1


class Bridge:
    """Works in a thread of its own until it is stopped.

    Args:
        open_from, open_to: The buses; begun again, both are opened anew.

    Attributes:
        carried: Messages so far.
    """

    name = "bridge"

    def __init__(self, open_from: Callable[[], Bus], open_to: Callable[[], Bus]) -> None:
        self._open_from, self._open_to = open_from, open_to
        self._stopping = threading.Event()
        self.carried = 0

    def run(self) -> None:
        """Until `stop`. Raises BusError where one of the buses fails; nothing is lost then."""
        to = self._open_to()
        try:
            here = self._open_from()
            try:
                while not self._stopping.is_set():
                    self._turn(here, to)
            finally:
                here.close()
        finally:
            to.close()

    def stop(self) -> None:
        """End `run` soon; from any thread. Safe twice."""
        self._stopping.set()

    def _turn(self, here: Bus, to: Bus) -> None:
        deliveries = here.poll(AUDIO_TOPIC, messages_max=MESSAGES_MAX, wait_s=POLL_S)
        for one in deliveries:
            if not self._carry(one, to):
                return
        if deliveries:
            to.flush()
            here.acknowledge(deliveries)
            self.carried += len(deliveries)

    def _carry(self, one: Delivery, to: Bus) -> bool:
        """False where it is to stop before there was room; what can never be taken is told to the dead letters."""
        while True:
            try:
                to.publish(AUDIO_TOPIC, one.key, one.value, one.headers)
                return True
            except BusFull:
                if self._stopping.wait(AGAIN_S):
                    return False
            except BusError as error:
                reason = {**one.headers, "dhishoom_reason": str(error)}
                to.publish(DEAD_TOPIC, one.key, one.value[:1000], reason)
                return True
