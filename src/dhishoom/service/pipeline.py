"""The loop's body: chunks of many sensors in; clips, rows, incidents and live events out.

The order of writing is clip, row, then the caller's acknowledgement. Everything derives from the sound alone, so
whoever is killed half-way and begins again writes the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from dhishoom.core import association
from dhishoom.core.association import AssociationLimits
from dhishoom.core.decision import decide
from dhishoom.core.geometry import place_of
from dhishoom.core.listening import Notice, Window
from dhishoom.core.timestamps import to_rfc3339
from dhishoom.messages import Json, detection_to_json, incident_to_json
from dhishoom.nouns import Chunk, Detection, Heard, Incident, Site
from dhishoom.seams import Detector, Store
from dhishoom.service.health import Health
from dhishoom.service.hearing import Keep, SensorHearing, Told
from dhishoom.service.keeping import Alerts, Keeping
from dhishoom.service.strips import strip_of

WINDOWS_MAX = 64
"""Scored in one batch: beyond it the network gains nothing and the memory grows."""
STRIPS_MAX = 4000
"""Strips that wait for the next second; the oldest are dropped beyond it."""

Publish = Callable[[str, Json], object]


def silently(kind: str, payload: Json) -> None:
    """Publish to nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listening:
    """How to listen.

    Attributes:
        keep: Which sound becomes clips: `none`; `shots`, the default for privacy; `detections`, rejections as well;
            `all`, every chunk.
        limits: Of the association.
    """

    keep: Keep = "shots"
    limits: AssociationLimits = field(default_factory=AssociationLimits)


class Pipeline:
    """Turns both folds over what a site's sensors hear. One thread at a time.

    Args:
        publish: Where live events go.
        health: Counts; made for the site where none is given.
        alerts: What incidents make known is decided while they are stored; None: nobody is told.
    """

    def __init__(
        self,
        site: Site,
        detector: Detector,
        store: Store,
        *,
        listening: Listening = Listening(),
        publish: Publish = silently,
        health: Health | None = None,
        alerts: Alerts | None = None,
    ) -> None:
        self.health = health or Health(site)
        self._site, self._detector, self._store = site, detector, store
        self._listening, self._publish = listening, publish
        self._place = place_of(site)
        self._keeping = Keeping(store, self._complain, lambda count: self.health.count("rows_lost", count), alerts)
        self._hearings: dict[str, SensorHearing] = {}
        self._association = association.begin(site, listening.limits)
        self._strips: list[Json] = []
        self._heard_ns = 0

    def take(self, chunks: Iterable[Chunk]) -> tuple[Incident, ...]:
        """Hear chunks, in order per sensor; return the incidents that are new or revised.

        When it returns, all that these chunks decide is stored, but what needs sound that has not come.
        """
        windows: list[Window] = []
        touched: dict[str, SensorHearing] = {}
        for chunk in chunks:
            hearing = touched[chunk.sensor_id] = self._hearing(chunk)
            fresh, notices = hearing.take(chunk)
            windows.extend(fresh)
            self._tell_notices(notices)
        self._score(windows)
        return self._settle(touched.values())

    def finish_sensor(self, sensor_id: str) -> tuple[Incident, ...]:
        """A sensor has fallen silent: decide what is left of it."""
        hearings = [self._hearings[sensor_id]] if sensor_id in self._hearings else []
        incidents = self._finish(hearings)
        self._hearings.pop(sensor_id, None)
        return incidents

    def finish(self) -> tuple[Incident, ...]:
        """No more sound will come: decide, store and settle everything."""
        incidents = self._finish(list(self._hearings.values()))
        self._hearings.clear()
        self._association, last = association.finish(self._association)
        self._tell([], last)
        return (*incidents, *last)

    def retry(self) -> None:
        """Try again to store what the store has refused."""
        self._keeping.put([], [])

    @property
    def unstored(self) -> int:
        """Rows that the store has refused so far."""
        return self._keeping.waiting

    def take_strips(self) -> list[Json]:
        """Strips since they were last taken, in the order of their deciding."""
        strips, self._strips = self._strips, []
        return strips

    def _finish(self, hearings: Sequence[SensorHearing]) -> tuple[Incident, ...]:
        self._score([window for hearing in hearings for window in hearing.finish()])
        return self._settle(hearings, final=True)

    def _hearing(self, chunk: Chunk) -> SensorHearing:
        """The sensor's, made when it is first heard."""
        self._heard_ns = max(self._heard_ns, chunk.end_ns)
        if self.health.hear(chunk):
            self._notice(
                chunk.sensor_id,
                "unknown",
                f"sensor {chunk.sensor_id!r} is not in the site: it is heard but cannot help to locate. "
                "Add it to dhishoom.toml.",
                chunk.start_ns,
            )
        if self._listening.keep == "all":
            self._keeping.keep_clip(chunk)
        hearing = self._hearings.get(chunk.sensor_id)
        if hearing is None:
            sensor = self._site.sensors.get(chunk.sensor_id)
            sigma_s = sensor.clock_sigma_s if sensor else 0.001
            card, keep = self._detector.card, self._listening.keep
            hearing = SensorHearing(chunk.sensor_id, card, keep, clock_sigma_s=sigma_s)
            self._hearings[chunk.sensor_id] = hearing
        return hearing

    def _score(self, windows: Sequence[Window]) -> None:
        """Batches across sensors; each window is then judged by itself."""
        card = self._detector.card
        for at in range(0, len(windows), WINDOWS_MAX):
            batch = windows[at : at + WINDOWS_MAX]
            scores = self._detector.scores(np.stack([window.audio for window in batch]))
            for window, its_own in zip(batch, scores, strict=True):
                found = decide(window, its_own, card)
                self._hearings[window.sensor_id].decided(window, found)
                self._strips.append(strip_of(window, its_own, found, card))
        del self._strips[:-STRIPS_MAX]

    def _settle(self, hearings: Iterable[SensorHearing], *, final: bool = False) -> tuple[Incident, ...]:
        """Clips, then rows, then incidents, then everyone who looks on."""
        told = [one for hearing in hearings for one in hearing.release(self._keeping.keep_clip, final=final)]
        detections = [detection for one in told for detection in one.detections]
        if detections:
            self._keeping.put(detections, [])
            self.health.count("detections", len(detections))
        incidents = self._associate(told)
        self._tell(detections, incidents)
        return incidents

    def _associate(self, told: Iterable[Told]) -> tuple[Incident, ...]:
        incidents: list[Incident] = []
        for one in told:
            items: tuple[Detection | Heard, ...] = (*one.detections, one.heard)
            for item in items:
                self._association, fresh = association.associate(self._association, item)
                incidents.extend(fresh)
        return tuple(incidents)

    def _tell(self, detections: Iterable[Detection], incidents: Sequence[Incident]) -> None:
        if incidents:
            self._keeping.put([], incidents)
            self.health.count("incident_revisions", len(incidents))
        for detection in detections:
            self._publish("detection", detection_to_json(detection))
        for incident in incidents:
            self._publish("incident", incident_to_json(incident, self._place))

    def _tell_notices(self, notices: Iterable[Notice]) -> None:
        for notice in notices:
            self._notice(notice.sensor_id, notice.kind, notice.detail, notice.time_ns)

    def _notice(self, sensor_id: str | None, kind: str, detail: str, time_ns: int) -> None:
        """Count something odd and show it."""
        if sensor_id is not None:
            self.health.note(sensor_id, kind)
        self._publish("notice", {"sensor_id": sensor_id, "time": to_rfc3339(time_ns), "kind": kind, "detail": detail})

    def _complain(self, sentence: str) -> None:
        self._notice(None, "store", sentence, self._heard_ns)
