"""What the driver writes of a batch, in this order: Parquet, the log with bars, rows of the store, messages on the bus.

Killed anywhere within, the batch comes again with the same messages, and everything that it writes replaces itself.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence

from dhishoom.errors import BusError, BusFull
from dhishoom.messages import detection_to_json, event_headers, heard_to_json
from dhishoom.nouns import Heard
from dhishoom.seams import AUDIO_TOPIC, DEAD_TOPIC, DETECTIONS_TOPIC, Bus, Store
from dhishoom.service.worker import DEAD_BYTES
from dhishoom.spark.outcome import CLIP, DEAD, Outcome
from dhishoom.stores.ancestor_log import AncestorLog
from dhishoom.stores.parquet_log import ParquetLog

FULL_S_MAX, AGAIN_S = 60.0, 0.1


class Ledger:
    """Every place that hears of a batch.

    What an earlier run has logged of the topic is not logged again.

    Args:
        run: The name of this run, the same whenever it goes on.
        store, bus: None: nobody else is told.
    """

    def __init__(
        self,
        run: str,
        log: ParquetLog,
        csv: AncestorLog,
        store: Store | None = None,
        bus: Bus | None = None,
    ) -> None:
        self._run, self._log, self._csv, self._store, self._bus = run, log, csv, store, bus
        known = dict(log.reach(AUDIO_TOPIC))
        self._reach = dict(known.pop(run, {}))
        self._known = list(known.values())

    def put(self, number: int, outcomes: Sequence[Outcome]) -> int:
        """Write all of a batch; return how many clips were logged.

        Args:
            number: Of the batch in this run, the same whenever it comes again.
        """
        batch = f"{self._run}-{number:09d}"
        ordered = sorted(outcomes, key=lambda one: (one.row.partition, one.row.offset))
        rows = [one.row for one in ordered if one.kind == CLIP and not self._is_known(one)]
        if rows:
            self._log.put(batch, rows)
            self._csv.put(batch, rows)
        self._note([one for one in ordered if one.row.offset >= 0])
        if self._store is not None:
            self._store.put_detections([found for one in ordered for found in one.detections])
        if self._bus is not None:
            for one in ordered:
                self._tell(one)
            self._bus.flush()
        return len(rows)

    def _is_known(self, outcome: Outcome) -> bool:
        return any(outcome.row.offset in one.get(outcome.row.partition, ()) for one in self._known)

    def _note(self, outcomes: Sequence[Outcome]) -> None:
        """How far this run has come."""
        for one in outcomes:
            at, offset = one.row.partition, one.row.offset
            before = self._reach.get(at, range(offset, offset))
            self._reach[at] = range(min(before.start, offset), max(before.stop, offset + 1))
        if outcomes:
            self._log.put_reach(self._run, AUDIO_TOPIC, self._reach)

    def _tell(self, one: Outcome) -> None:
        sensor_id = one.row.sensor_id
        if one.kind == DEAD:
            self._bury(one)
        for found in one.detections:
            self._publish_json("detection", sensor_id, detection_to_json(found), found.detection_id)
        if one.heard_ns is not None:
            heard = heard_to_json(Heard(sensor_id=sensor_id, until_ns=one.heard_ns))
            self._publish_json("heard", sensor_id, heard, f"{sensor_id}/{one.heard_ns}")

    def _bury(self, one: Outcome) -> None:
        place = f"{one.row.topic}/{one.row.partition}/{one.row.offset}"
        headers = {**one.headers, "dhishoom_reason": one.reason, "dhishoom_place": place}
        try:
            self._publish(DEAD_TOPIC, one.row.sensor_id, one.dead or b"", headers)
        except BusFull:
            raise
        except BusError:  # larger than we may send
            self._publish(DEAD_TOPIC, one.row.sensor_id, (one.dead or b"")[:DEAD_BYTES], headers)

    def _publish_json(self, kind: str, sensor_id: str, message: Mapping[str, object], event_id: str) -> None:
        headers = event_headers(kind, f"/sensors/{sensor_id}", event_id)
        self._publish(DETECTIONS_TOPIC, sensor_id, json.dumps(message, ensure_ascii=False).encode(), headers)

    def _publish(self, topic: str, key: str, value: bytes, headers: Mapping[str, str]) -> None:
        assert self._bus is not None
        until_s = time.monotonic() + FULL_S_MAX
        while True:
            try:
                self._bus.publish(topic, key, value, headers)
                return
            except BusFull:
                if time.monotonic() > until_s:
                    raise
                time.sleep(AGAIN_S)
