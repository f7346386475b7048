"""Fold 2 for one region of a city: detections off the bus become incidents in the store and on the bus.

Its state is small and written to the bus with the places it was read up to, so that whoever begins again after a crash
goes on from there and tells the same.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, Protocol

import msgspec

from dhishoom.core import association
from dhishoom.core.association import AssociationLimits, AssociationState
from dhishoom.core.geometry import place_of
from dhishoom.errors import StoreError
from dhishoom.messages import detection_from_json, event_headers, heard_from_json, incident_to_json
from dhishoom.nouns import NS_PER_S, Detection, Heard, Incident
from dhishoom.seams import ASSOCIATION_TOPIC, DETECTIONS_TOPIC, INCIDENTS_TOPIC, Bus, Delivery, Store
from dhishoom.service.gate import Gate
from dhishoom.service.keeping import Alerts, Keeping
from dhishoom.service.patience import AGAIN_S, publish_when_there_is_room
from dhishoom.service.pipeline import Publish, silently
from dhishoom.service.regions import Region

log = logging.getLogger("dhishoom")

MESSAGES_MAX = 2000
POLL_S = 0.2
SAVE_EVERY_S = 5.0
PATIENCE_S = 2.0
"""Beyond what the association allows a sensor to lag."""
KNOWN_NS = 180 * NS_PER_S
"""A detection told twice within so long is taken once."""
Start = Literal["earliest"] | Mapping[int, int]


class Reader(Protocol):
    """Reads a whole topic, in order of time as far as is known."""

    @property
    def positions(self) -> Mapping[int, int]:
        """The next offset of every partition."""

    def poll(self, *, messages_max: int, wait_s: float) -> Sequence[Delivery]:
        """Up to so many messages."""

    def is_at_end(self) -> bool:
        """Whether all that the topic holds now has been polled."""

    def close(self) -> None:
        """Free what it holds."""


class Saved(msgspec.Struct, frozen=True):
    """A state and where it was read up to.

    Attributes:
        offsets: By partition.
        known: Detections taken, with their onsets.
        state: `association.to_bytes`.
    """

    offsets: dict[int, int]
    known: dict[str, int]
    state: bytes


class Associator:
    """Works in a thread of its own until it is stopped; two for one region tell the same.

    Args:
        open_bus: Where incidents and the saved state go; it is closed at the end.
        read: Opens a topic for reading.
        tell: Where live events go.
        alerts: What incidents make known; None: nobody is told.
    """

    def __init__(
        self,
        region: Region,
        open_bus: Callable[[], Bus],
        read: Callable[[str, Start], Reader],
        store: Store,
        *,
        limits: AssociationLimits = AssociationLimits(),  # noqa: B008
        tell: Publish = silently,
        alerts: Alerts | None = None,
    ) -> None:
        self._region, self._open_bus, self._read, self._limits, self._tell = region, open_bus, read, limits, tell
        self._keeping = Keeping(store, lambda sentence: log.error("%s", sentence), lambda _: None, alerts)
        self._place = place_of(region.site)
        self._bus: Bus
        self._gate = Gate((), 0.0)
        self._stopping = threading.Event()
        self._state: AssociationState = association.begin(region.site, limits)
        self._known: dict[str, int] = {}
        self._furthest_ns, self._saved_s = 0, time.monotonic()
        self.told = 0

    @property
    def name(self) -> str:
        """For messages."""
        return f"association of region {self._region.name}"

    def run(self) -> None:
        """From what was last saved on, until `stop`."""
        self._work(lambda _: False)

    def catch_up(self) -> None:
        """From what was last saved to the end of what is there now."""
        self._work(lambda reader: reader.is_at_end())

    def _work(self, is_done: Callable[[Reader], bool]) -> None:
        if self._stopping.is_set():
            return
        self._bus = self._open_bus()
        reader = self._read(DETECTIONS_TOPIC, self._begin())
        try:
            self._gate = Gate(self._region.site.sensors, self._limits.lateness_s + PATIENCE_S)
            settled, done = True, False
            while settled and not self._stopping.is_set() and not done:
                done = is_done(reader)
                settled = self._turn(reader, to_the_end=done)
            if settled:
                self._save(reader.positions)
        finally:
            reader.close()
            self._bus.close()

    def stop(self) -> None:
        """End `run` soon; from any thread. Safe twice."""
        self._stopping.set()

    def _begin(self) -> Start:
        saved = self._last_saved()
        self._state, self._known = association.begin(self._region.site, self._limits), {}
        if saved is None:
            return "earliest"
        try:
            self._state = association.from_bytes(saved.state, self._region.site)
        except StoreError as error:  # another version's: its incidents are told again under the same names
            log.warning("%s", error)
            return "earliest"
        self._known = dict(saved.known)
        self._furthest_ns = max(self._known.values(), default=0)
        return saved.offsets

    def _last_saved(self) -> Saved | None:
        reader, last = self._read(ASSOCIATION_TOPIC, "earliest"), None
        try:
            while not reader.is_at_end():
                for one in reader.poll(messages_max=MESSAGES_MAX, wait_s=POLL_S):
                    last = one.value if one.key == self._region.name else last
        finally:
            reader.close()
        try:
            return None if last is None else msgspec.json.decode(last, type=Saved)
        except (msgspec.DecodeError, msgspec.ValidationError) as error:
            log.warning("what was saved of the %s cannot be read: %s", self.name, error)
            return None

    def _turn(self, reader: Reader, *, to_the_end: bool = False) -> bool:
        """Whether all that it told is stored."""
        told: list[Incident] = []
        for delivery in reader.poll(messages_max=MESSAGES_MAX, wait_s=POLL_S):
            item = self._item(delivery)
            if item is not None:
                self._gate.take(item, delivery)
        for item in self._gate.release(all_of_it=to_the_end):
            if isinstance(item, Heard) or self._is_new(item):
                self._state, fresh = association.associate(self._state, item)
                told += fresh
        if not self._settle([one for one in told if self._region.owns(one)]):
            return False
        if time.monotonic() - self._saved_s >= SAVE_EVERY_S:
            self._save(reader.positions)
        return True

    def _item(self, delivery: Delivery) -> Detection | Heard | None:
        """What the fold takes; None for what is another region's, or nothing of ours."""
        if not self._region.listens_to(delivery.key):
            return None
        try:
            message = json.loads(delivery.value)
            if message["type"] == "heard":
                return heard_from_json(message)
            return detection_from_json(message)
        except (ValueError, KeyError, TypeError) as error:
            log.warning("a message of %s is no detection: %s", delivery.topic, error)
            return None

    def _is_new(self, detection: Detection) -> bool:
        """A worker that takes over tells the last seconds again; each is taken once."""
        if detection.detection_id in self._known:
            return False
        self._known[detection.detection_id] = detection.onset_ns
        self._furthest_ns = max(self._furthest_ns, detection.onset_ns)
        return True

    def _settle(self, incidents: Sequence[Incident]) -> bool:
        """Rows first, for as long as the store takes; then everybody is told. False: stopped before that.

        Candidates that an incident rests on are detections now; their sound was not kept.
        """
        waiting, borne_out = list(incidents), association.borne_out(self._state, incidents)
        while not self._keeping.put(borne_out, waiting):
            waiting, borne_out = [], []
            if self._stopping.wait(AGAIN_S):
                return False
        for incident in incidents:
            message = incident_to_json(incident, self._place)
            event_id = f"{incident.incident_id}/{incident.revision}"
            headers = event_headers("incident", f"/regions/{self._region.name}", event_id)
            self._publish(INCIDENTS_TOPIC, incident.incident_id, json.dumps(message).encode(), headers)
            self._tell("incident", message)
            self.told += 1
        return True

    def _save(self, positions: Mapping[int, int]) -> None:
        """After all that it told is with the brokers."""
        self._saved_s = time.monotonic()
        oldest = self._furthest_ns - KNOWN_NS
        self._known = {name: onset for name, onset in self._known.items() if onset >= oldest}
        self._bus.flush()
        saved = Saved({**positions, **self._gate.first_waiting()}, self._known, association.to_bytes(self._state))
        self._publish(
            ASSOCIATION_TOPIC, self._region.name, msgspec.json.encode(saved), {"content-type": "application/json"}
        )

    def _publish(self, topic: str, key: str, value: bytes, headers: Mapping[str, str]) -> None:
        publish_when_there_is_room(self._bus, self._stopping, topic, key, value, headers)
