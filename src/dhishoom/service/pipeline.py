"""The loop's body: chunks of many sensors in; clips, rows, incidents and live events out.

The order of writing is clip, row, then the caller's acknowledgement. Everything derives from the sound alone, so
whoever is killed half-way and begins again writes the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from dhishoom.core import association
from dhishoom.core.association import AssociationLimits
from dhishoom.core.geometry import place_of
from dhishoom.core.listening import Notice
from dhishoom.core.timestamps import to_rfc3339
from dhishoom.messages import Json, detection_to_json, incident_to_json
from dhishoom.nouns import Chunk, Detection, Heard, Incident, Site
from dhishoom.seams import Detector, Store
from dhishoom.service.ears import Ears
from dhishoom.service.health import Health, unknown_to_the_site
from dhishoom.service.hearing import Keep, Told
from dhishoom.service.keeping import Alerts, Keeping

Publish = Callable[[str, Json], object]
BORNE_OUT_MAX = 5000
"""So many candidates are remembered that became detections, so that each is told once."""


def silently(kind: str, payload: Json) -> None:
    """Publish to nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listening:
    """How to listen.

    Attributes:
        keep: Which sound becomes clips: `none`; `shots`, the default for privacy; `detections`, rejections as well;
            `all`, every chunk.
        limits: Of the association; None: as the model's card has it.
    """

    keep: Keep = "shots"
    limits: AssociationLimits | None = None


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
        self._publish, self._place = publish, place_of(site)
        self._keeping = Keeping(store, self._complain, lambda count: self.health.count("rows_lost", count), alerts)
        self._ears = Ears(site, detector, listening.keep, self._keeping.keep_clip, notice=self._tell_notice, early=True)
        self._awaited: set[str] = set()
        self._untold: list[Incident] = []
        self._borne_out: dict[str, int] = {}
        limits = listening.limits or AssociationLimits(alone_min=detector.card.possible)
        self._association = association.begin(site, limits)
        self._heard_ns = 0

    def take(self, chunks: Iterable[Chunk]) -> tuple[Incident, ...]:
        """Hear chunks, in order per sensor; return the incidents that are new or revised.

        When it returns, all that these chunks decide is stored, but what needs sound that has not come.
        """
        return self._settle(self._ears.take(self._heard(chunks)))

    def finish_sensor(self, sensor_id: str) -> tuple[Incident, ...]:
        """A sensor has fallen silent: decide what is left of it."""
        return self._settle(self._ears.finish([sensor_id]))

    def finish(self) -> tuple[Incident, ...]:
        """No more sound will come: decide, store and settle everything."""
        incidents = self._settle(self._ears.finish())
        self._association, last = association.finish(self._association)
        self._tell(self._fresh_evidence(last), last)
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
        return self._ears.take_strips()

    def _heard(self, chunks: Iterable[Chunk]) -> Iterator[Chunk]:
        """The same chunks, counted; a sensor that the site does not know is told of."""
        for chunk in chunks:
            self._heard_ns = max(self._heard_ns, chunk.end_ns)
            if self.health.hear(chunk):
                self._notice(chunk.sensor_id, "unknown", unknown_to_the_site(chunk.sensor_id), chunk.start_ns)
            yield chunk

    def _settle(self, told: Sequence[Told]) -> tuple[Incident, ...]:
        """Clips are kept already; then rows, then incidents, then everyone who looks on.

        Incidents do not wait for clips, since nobody who is alerted would: dying in that second keeps the incident and
        loses its sound. The page hears of them once there is something to listen to.
        """
        decided = self._ears.take_decided()
        self._awaited.update(detection.detection_id for one in decided for detection in one.detections)
        detections = [detection for one in told for detection in one.detections]
        self._put(detections)
        incidents = self._associate(decided)
        self._tell([*detections, *self._fresh_evidence(incidents)], incidents)
        return incidents

    def _fresh_evidence(self, incidents: Sequence[Incident]) -> list[Detection]:
        """Candidates that are detections now, since an incident rests on them: their rows are written."""
        borne_out = association.borne_out(self._association, incidents)
        found = [one for one in borne_out if one.detection_id not in self._borne_out]
        self._borne_out |= {one.detection_id: one.onset_ns for one in found}
        while len(self._borne_out) > BORNE_OUT_MAX:
            self._borne_out.pop(next(iter(self._borne_out)))
        self._put(found)
        return found

    def _put(self, detections: Sequence[Detection]) -> None:
        if detections:
            self._keeping.put(detections, [])
            self.health.count("detections", len(detections))
            self._awaited.difference_update(detection.detection_id for detection in detections)

    def _associate(self, told: Iterable[Told]) -> tuple[Incident, ...]:
        incidents: list[Incident] = []
        for one in told:
            items: tuple[Detection | Heard, ...] = (*one.detections, *one.candidates, one.heard)
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
        untold, self._untold = [*self._untold, *incidents], []
        for incident in untold:
            if any(name in self._awaited for shot in incident.shots for name in shot.detection_ids):
                self._untold.append(incident)
            else:
                self._publish("incident", incident_to_json(incident, self._place))

    def _tell_notice(self, notice: Notice) -> None:
        self._notice(notice.sensor_id, notice.kind, notice.detail, notice.time_ns)

    def _notice(self, sensor_id: str | None, kind: str, detail: str, time_ns: int) -> None:
        """Count something odd and show it."""
        if sensor_id is not None:
            self.health.note(sensor_id, kind)
        self._publish("notice", {"sensor_id": sensor_id, "time": to_rfc3339(time_ns), "kind": kind, "detail": detail})

    def _complain(self, sentence: str) -> None:
        self._notice(None, "store", sentence, self._heard_ns)
