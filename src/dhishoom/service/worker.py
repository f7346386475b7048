"""One of many that share a city's sensors: hears the partitions it is given, tells detections to the associators.

Clip, row, detection on the bus, then the acknowledgement. Kill it anywhere: whoever is given its partitions reads the
few seconds again that are not told, and writes the same keys.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from dhishoom.core.listening import Notice
from dhishoom.core.timestamps import to_rfc3339
from dhishoom.errors import BusAway, BusError, BusFull, DhishoomError, NounError
from dhishoom.messages import Json, candidate_to_json, detection_to_json, event_headers, heard_to_json
from dhishoom.nouns import NS_PER_S, Chunk, Detection, Site
from dhishoom.nouns import Heard as Promise
from dhishoom.seams import AUDIO_TOPIC, DEAD_TOPIC, DETECTIONS_TOPIC, Bus, Delivery, Detector, Store
from dhishoom.service.ears import Ears
from dhishoom.service.health import Health, unknown_to_the_site
from dhishoom.service.hearing import Keep, Told, takeover_s, undecided_s
from dhishoom.service.in_order import Heard, InOrder
from dhishoom.service.intake import Codec
from dhishoom.service.keeping import Keeping
from dhishoom.service.partitions import Partition, last_of
from dhishoom.service.patience import AGAIN_S, publish_when_there_is_room
from dhishoom.service.pipeline import Publish, silently

log = logging.getLogger("dhishoom")

FUTURE_S = 60.0
"""Sound that claims to be this much later than the bus took it has a wrong clock."""
DEAD_BYTES = 1000
"""Of a message that is too large even for the dead letters."""


class SharedBus(Bus, Protocol):
    """A bus that shares a topic out among workers."""

    def watch(self, topic: str, given: Callable[[int, int, int], None], taken: Callable[[int], None]) -> None:
        """Have told, from within `poll`, what this worker is given and what is taken from it.

        `given`: the partition, the first offset that is not acknowledged, and the offset from which messages come.
        """

    def keep_from(self, topic: str, partition: int, offset: int) -> None:
        """Whoever is given the partition next reads from here."""

    def leave(self, topic: str) -> None:
        """Give everything back as it was last acknowledged; the next poll joins again."""


class CityWorker:
    """Hears what a shared bus gives it.

    Args:
        keep: Which sound becomes clips; `Listening.keep`.
        tell: Where live events go.
        strips: Whether anybody looks at the moving strips.
    """

    def __init__(
        self,
        site: Site,
        detector: Detector,
        store: Store,
        bus: SharedBus,
        codec: Codec,
        *,
        keep: Keep = "shots",
        health: Health | None = None,
        tell: Publish = silently,
        strips: bool = False,
    ) -> None:
        self.health = health or Health(site)
        self._bus, self._codec, self._tell = bus, codec, tell
        self._stopping = threading.Event()
        self._keeping = Keeping(store, self._complain, lambda count: self.health.count("rows_lost", count))
        self._ears = Ears(site, detector, keep, self._keeping.keep_clip, notice=self._tell_notice, strips=strips)
        self._undecided_ns = round(undecided_s(detector.card) * NS_PER_S)
        self._memory_s = takeover_s(detector.card)
        self._partitions: dict[int, Partition] = {}
        self._unacknowledged: dict[int, list[Delivery]] = {}
        self._first: dict[int, int] = {}
        self._order = InOrder()
        bus.watch(AUDIO_TOPIC, self._given, self._taken)

    def stop(self) -> None:
        """Wait no longer for a store or a bus that is away; from any thread."""
        self._stopping.set()

    @property
    def hears_something(self) -> bool:
        """Whether it has been given a part of the city."""
        return bool(self._partitions)

    def take_strips(self) -> list[Json]:
        """Strips since they were last taken."""
        return self._ears.take_strips()

    def turn(self, messages_max: int, wait_s: float) -> int:
        """One batch from the bus to the store and on, then acknowledged; return how many messages came.

        Whatever fails, everything is given back as it was last acknowledged, to be read again by whoever is next.
        """
        try:
            return self._turn(messages_max, wait_s)
        except DhishoomError:
            self._bus.leave(AUDIO_TOPIC)
            for number in list(self._partitions):
                self._taken(number)
            raise

    def each_second(self) -> None:
        """Sensors that have long been silent: what is left of them is decided."""
        for partition in self._partitions.values():
            for name in partition.gone():
                self._order.forget(name)
                told = self._ears.take(self._again(partition, name))
                self._settle([*told, *self._ears.finish([name])])
                partition.forget(name)

    def _turn(self, messages_max: int, wait_s: float) -> int:
        deliveries = self._bus.poll(AUDIO_TOPIC, messages_max=messages_max, wait_s=wait_s)
        fresh = [heard for one in deliveries for heard in self._in_order(one)]
        fresh += self._order.overdue()
        for one in deliveries:
            self._unacknowledged.setdefault(one.partition, []).append(replace(one, value=b""))
        if self._settle(self._ears.take(self._with_memory(fresh))):
            self._acknowledge()
        return len(deliveries)

    def _given(self, number: int, begin: int, first: int) -> None:
        self._partitions[number] = Partition(begin, self._memory_s)
        self._first[number] = first

    def _taken(self, number: int) -> None:
        """What was not told of its sensors is their next worker's."""
        partition = self._partitions.pop(number, None)
        self._unacknowledged.pop(number, None)
        self._first.pop(number, None)
        if partition is not None:
            self._ears.forget(partition.sensors)
            for name in partition.sensors:
                self._order.forget(name)

    def _in_order(self, delivery: Delivery) -> Iterator[Heard]:
        """New sound that can be heard now; sound from before our time is kept until new sound follows it."""
        partition = self._partitions[delivery.partition]
        self._miss(delivery)
        chunk = self._decoded(delivery, complain=delivery.offset >= partition.begin)
        if chunk is None:
            return
        if delivery.offset < partition.begin:
            partition.read_again(delivery, chunk)
            self._order.expect(chunk.sensor_id, chunk.end_ns)
            return
        yield from self._order.take(delivery, chunk)

    def _miss(self, delivery: Delivery) -> None:
        """Say it where the bus no longer holds what was to be read, the first time a partition is read."""
        first = self._first.pop(delivery.partition, delivery.offset)
        if delivery.offset > first:
            self.health.count("messages_expired", delivery.offset - first)
            self._notice(
                None,
                "expired",
                f"{delivery.offset - first} messages of partition {delivery.partition} were removed before they were "
                "heard. Raise bus.retention_hours or run more workers.",
                delivery.timestamp_ns,
            )

    def _with_memory(self, fresh: Sequence[Heard]) -> Iterator[Chunk]:
        """Before a sensor's first new chunk goes what its last worker had heard and not told."""
        for delivery, chunk in fresh:
            partition = self._partitions[delivery.partition]
            yield from self._again(partition, chunk.sensor_id)
            partition.remember(delivery, chunk)
            self._hear(chunk)
            yield chunk

    def _again(self, partition: Partition, sensor_id: str) -> list[Chunk]:
        """Sound that was heard by another, and the sensor begun from where that one had told everything."""
        again = partition.take_again(sensor_id)
        if again:
            self._ears.resume(sensor_id, max(one.end_ns for one in again) - self._undecided_ns)
        return again

    def _hear(self, chunk: Chunk) -> None:
        if self.health.hear(chunk):
            self._notice(chunk.sensor_id, "unknown", unknown_to_the_site(chunk.sensor_id), chunk.start_ns)

    def _decoded(self, delivery: Delivery, *, complain: bool) -> Chunk | None:
        try:
            chunk = self._codec.decode(delivery)
            if chunk.start_ns < 0:
                raise BusError(f"The message of sensor {delivery.key!r} is from before 1970. Set the sensor's clock.")
            if chunk.end_ns > delivery.timestamp_ns + FUTURE_S * NS_PER_S:
                ahead_s = (chunk.end_ns - delivery.timestamp_ns) / NS_PER_S
                raise BusError(
                    f"The message of sensor {delivery.key!r} is {ahead_s:.0f} s in the future. Set the sensor's clock."
                )
        except (BusError, NounError) as error:
            if complain:
                self._bury(delivery, str(error))
            return None
        return chunk

    def _bury(self, delivery: Delivery, reason: str) -> None:
        self.health.count("dead_letters")
        self._notice(None, "dead_letter", reason, delivery.timestamp_ns)
        place = f"{delivery.topic}/{delivery.partition}/{delivery.offset}"
        headers = {**delivery.headers, "dhishoom_reason": reason, "dhishoom_place": place}
        try:
            self._publish(DEAD_TOPIC, delivery.key, delivery.value, headers)
        except BusFull:
            raise
        except BusError:  # larger than we may send
            self._publish(DEAD_TOPIC, delivery.key, delivery.value[:DEAD_BYTES], headers)

    def _settle(self, told: Sequence[Told]) -> bool:
        """Rows first, for as long as the store takes; then the associators are told. False: stopped before that."""
        detections = [one for each in told for one in each.detections]
        while not self._keeping.put(detections, []):
            detections = []
            if self._stopping.wait(AGAIN_S):
                return False
        promises: dict[str, Promise] = {}
        for each in told:
            for detection in each.detections:
                self._publish_detection(detection)
            for candidate in each.candidates:
                message = candidate_to_json(candidate)
                self._publish_json("candidate", candidate.sensor_id, message, candidate.detection_id)
            promises[each.heard.sensor_id] = each.heard
        for heard in promises.values():
            self._publish_json("heard", heard.sensor_id, heard_to_json(heard), f"{heard.sensor_id}/{heard.until_ns}")
        return True

    def _publish_detection(self, detection: Detection) -> None:
        message = detection_to_json(detection)
        self.health.count("detections")
        self._publish_json("detection", detection.sensor_id, message, detection.detection_id)
        self._tell("detection", message)

    def _publish_json(self, kind: str, sensor_id: str, message: Mapping[str, object], event_id: str) -> None:
        headers = event_headers(kind, f"/sensors/{sensor_id}", event_id)
        self._publish(DETECTIONS_TOPIC, sensor_id, json.dumps(message, ensure_ascii=False).encode(), headers)

    def _publish(self, topic: str, key: str, value: bytes, headers: Mapping[str, str]) -> None:
        publish_when_there_is_room(self._bus, self._stopping, topic, key, value, headers)

    def _acknowledge(self) -> None:
        """All that was heard, but not what waits for sound that it follows on; while the bus is away, later."""
        done: list[Delivery] = []
        for number, deliveries in self._unacknowledged.items():
            partition = self._partitions[number]
            last = last_of(deliveries, self._order.first_waiting(number))
            if last is not None and last.offset >= partition.begin:
                self._bus.keep_from(AUDIO_TOPIC, number, partition.keep_from(last.offset + 1))
                done.append(last)
        try:
            self._bus.acknowledge(done)
        except BusAway as error:
            self._notice(None, "bus", str(error), done[-1].timestamp_ns)
            return
        for one in done:
            left = [each for each in self._unacknowledged[one.partition] if each.offset > one.offset]
            self._unacknowledged[one.partition] = left

    def _tell_notice(self, notice: Notice) -> None:
        self._notice(notice.sensor_id, notice.kind, notice.detail, notice.time_ns)

    def _complain(self, sentence: str) -> None:
        log.error("%s", sentence)
        self._notice(None, "store", sentence, time.time_ns())

    def _notice(self, sensor_id: str | None, kind: str, detail: str, time_ns: int) -> None:
        """Count something odd and show it."""
        if sensor_id is not None:
            self.health.note(sensor_id, kind)
        self._tell("notice", {"sensor_id": sensor_id, "time": to_rfc3339(time_ns), "kind": kind, "detail": detail})
