"""Whose clock disagrees with the rest: asked of the shots that the store holds, again and again."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

from dhishoom.core.clocks import ALIKE_S, ClockOffset, clock_offsets
from dhishoom.core.timestamps import to_rfc3339
from dhishoom.nouns import GUNSHOT, NS_PER_S, Detection, Incident, Site
from dhishoom.seams import Store
from dhishoom.service.health import Health
from dhishoom.service.pipeline import Publish

LOOK_EVERY_S = 60.0
INCIDENTS_MAX = 50
"""The newest ones; a clock that was set is forgiven once they have passed."""
BEFORE_S, AFTER_S = 3.0, 6.0
"""About an incident, so much of what was heard may be its shots by a wrong clock."""
DETECTIONS_MAX = 500
PLACES_MIN = 3


class ClockWatch:
    """A worker of the service that tells once of each clock that is off, and keeps what health says of it true.

    Args:
        tell: Where live events go.
    """

    name = "clocks"

    def __init__(self, store: Store, site: Site, health: Health, tell: Publish) -> None:
        self._store, self._site, self._health, self._tell = store, site, health, tell
        self._told: dict[str, ClockOffset] = {}
        self._stopping = threading.Event()

    def run(self) -> None:
        """Look every minute until `stop`."""
        while not self._stopping.wait(LOOK_EVERY_S):
            self.look()

    def stop(self) -> None:
        """End `run` soon."""
        self._stopping.set()

    def look(self) -> None:
        """Ask the store; tell of clocks that are off and were not, or by another time than before."""
        incidents = [one for one in self._store.incidents(limit=INCIDENTS_MAX) if one.status == "located"]
        found = clock_offsets(incidents, self._heard_about(incidents), self._site, places_min=PLACES_MIN)
        self._health.disagree(found)
        for name, offset in sorted(found.items()):
            known = self._told.get(name)
            if known is None or abs(known.offset_s - offset.offset_s) > ALIKE_S:
                self._health.note(name, "clock")
                self._tell("notice", _notice(name, offset))
        self._told = found

    def _heard_about(self, incidents: Sequence[Incident]) -> list[Detection]:
        """Each detection once."""
        heard: dict[str, Detection] = {}
        for one in incidents:
            near = self._store.detections(
                since_ns=one.time_ns - round(BEFORE_S * NS_PER_S),
                until_ns=one.time_ns + round(AFTER_S * NS_PER_S),
                labels=[GUNSHOT],
                limit=DETECTIONS_MAX,
            )
            heard |= {detection.detection_id: detection for detection in near}
        return list(heard.values())


def _notice(sensor_id: str, offset: ClockOffset) -> dict[str, object]:
    way = "ahead of" if offset.offset_s > 0 else "behind"
    detail = (
        f"the clock of {sensor_id} is {abs(offset.offset_s):.2f} s {way} the others, by {offset.shots} shots. Set it; "
        "until then its arrivals do not help to locate."
    )
    return {"sensor_id": sensor_id, "time": to_rfc3339(time.time_ns()), "kind": "clock", "detail": detail}
