"""A hub, a store and a city of 24 sensors made up for tests and for looking at the page: `python -m tests.web.fake`."""

from __future__ import annotations

import asyncio
import io
import itertools
import math
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import soundfile
from fastapi import FastAPI

from dhishoom.core.timestamps import to_rfc3339
from dhishoom.errors import StoreError
from dhishoom.messages import Json, detection_to_json, encode_json, incident_to_json
from dhishoom.nouns import (
    GUNSHOT,
    Chunk,
    Detection,
    Ellipse,
    Incident,
    Origin,
    Position,
    Review,
    Sensor,
    Shot,
    Site,
    Status,
    derived_id,
)
from dhishoom.stores.memory_outbox import MemoryOutbox
from dhishoom.web.app import create_app

NS = 1_000_000_000
SPEED_M_S = 343.0
STRIP_STEP_S = 0.05
NAMES = (
    "School roof", "Fire house", "Library", "Harbour gate", "Station north", "Market hall", "Mill bridge", "Depot",
    "Park lodge", "Church tower", "Clinic", "Bus yard", "Canal lock", "Town hall", "Cinema", "Water tower",
    "Stadium east", "Stadium west", "College", "Post office", "Garage roof", "Museum", "Boat house", "Substation",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class FakeEvent:
    """One event of the fake hub."""

    event_id: int
    kind: str
    body: bytes


class FakeLive:
    """The hub's interface over a deque; waiting is polling, which is good enough here."""

    def __init__(self, events_max: int = 600) -> None:
        self._events: deque[FakeEvent] = deque(maxlen=events_max)
        self._lock = threading.Lock()
        self.last_id = 0

    def publish(self, kind: str, payload: dict[str, Any]) -> int:
        """Append an event, return its number."""
        with self._lock:
            self.last_id += 1
            self._events.append(FakeEvent(self.last_id, kind, encode_json(payload)))
            return self.last_id

    def since(self, event_id: int) -> list[FakeEvent]:
        """Events after `event_id` that are still held."""
        with self._lock:
            return [event for event in self._events if event.event_id > event_id]

    async def wait(self, event_id: int, timeout_s: float) -> bool:
        """True once there is a later event, False after `timeout_s`."""
        end = time.monotonic() + timeout_s
        while self.last_id <= event_id:
            if time.monotonic() >= end:
                return False
            await asyncio.sleep(0.01)
        return True


class FakeStore:
    """The store's interface over dicts."""

    def __init__(self) -> None:
        self._clips: dict[str, bytes] = {}
        self._detections: dict[str, Detection] = {}
        self._incidents: dict[str, list[Incident]] = {}
        self._reviews: list[Review] = []

    def keep_clip(self, chunk: Chunk) -> str:
        """Encode and keep."""
        clip = f"sensor={chunk.sensor_id}/date={to_rfc3339(chunk.start_ns)[:10]}/{chunk.start_ns}.flac"
        body = io.BytesIO()
        soundfile.write(body, chunk.samples, chunk.sample_rate, format="FLAC")
        self._clips[clip] = body.getvalue()
        return clip

    def put_detections(self, detections: Sequence[Detection]) -> int:
        """Insert those not yet there."""
        before = len(self._detections)
        self._detections = {detection.detection_id: detection for detection in detections} | self._detections
        return len(self._detections) - before

    def put_incidents(self, incidents: Sequence[Incident]) -> None:
        """Append a revision."""
        for incident in incidents:
            self._incidents.setdefault(incident.incident_id, []).append(incident)

    def put_review(self, review: Review) -> None:
        """Append."""
        self._reviews.append(review)

    def detections(
        self,
        *,
        since_ns: int = 0,
        until_ns: int | None = None,
        sensor_id: str | None = None,
        labels: Sequence[str] | None = None,
        limit: int = 1000,
    ) -> Sequence[Detection]:
        """Newest first."""
        found = [
            detection
            for detection in self._detections.values()
            if since_ns <= detection.onset_ns < (until_ns or math.inf)
            and sensor_id in (None, detection.sensor_id)
            and (labels is None or detection.label in labels)
        ]
        return sorted(found, key=lambda detection: detection.onset_ns, reverse=True)[:limit]

    def detections_by_id(self, detection_ids: Sequence[str]) -> Sequence[Detection]:
        """In order of onset."""
        found = [self._detections[name] for name in detection_ids if name in self._detections]
        return sorted(found, key=lambda detection: detection.onset_ns)

    def incidents(self, *, since_ns: int = 0, until_ns: int | None = None, limit: int = 100) -> Sequence[Incident]:
        """Last revisions, newest first."""
        last = [revisions[-1] for revisions in self._incidents.values()]
        found = [incident for incident in last if since_ns <= incident.time_ns < (until_ns or math.inf)]
        return sorted(found, key=lambda incident: incident.time_ns, reverse=True)[:limit]

    def incident(self, incident_id: str) -> Incident | None:
        """Last revision."""
        return self._incidents[incident_id][-1] if incident_id in self._incidents else None

    def incident_history(self, incident_id: str) -> Sequence[Incident]:
        """Every revision."""
        return self._incidents.get(incident_id, [])

    def reviews(self, subject_id: str | None = None) -> Sequence[Review]:
        """Oldest first."""
        return [review for review in self._reviews if subject_id in (None, review.subject_id)]

    def read_clip(self, clip: str) -> bytes:
        """What was kept."""
        if clip not in self._clips:
            raise StoreError(f"The clip {clip} is gone: the retention rules removed it.")
        return self._clips[clip]

    def close(self) -> None:
        """Nothing to free."""


def fake_site(rows: int = 4, columns: int = 6, *, local: bool = False) -> Site:
    """Sensors on a jittered grid, 320 m apart."""
    random = np.random.default_rng(7)
    sensors = {}
    for number, (row, column) in enumerate(itertools.product(range(rows), range(columns)), 1):
        east_m, north_m = random.normal(0.0, 45.0, 2)
        sensor_id = f"k{number:02d}"
        sensors[sensor_id] = Sensor(
            sensor_id=sensor_id,
            name=NAMES[(number - 1) % len(NAMES)],
            position=Position(
                x_m=(column - (columns - 1) / 2) * 320.0 + east_m, y_m=(row - (rows - 1) / 2) * 320.0 + north_m, z_m=9.0
            ),
        )
    origin = None if local else Origin(lat=41.8786, lon=-87.6512, altitude_m=181.0)
    return Site(name="Simulated city", sensors=sensors, origin=origin)


def fake_streets(site: Site) -> Json:
    """Blocks, avenues and a diagonal, as GeoJSON lines with `kind` `major` or `minor`."""
    half_x, half_y, block_m = 1926.0, 1252.0, 107.0
    lines: list[tuple[str, list[tuple[float, float]]]] = []
    for number, x in enumerate(np.arange(-half_x, half_x + 1, block_m)):
        lines.append(("major" if number % 5 == 2 else "minor", [(x, -half_y), (x, half_y)]))
    for number, y in enumerate(np.arange(-half_y, half_y + 1, block_m * 1.3)):
        lines.append(("major" if number % 4 == 1 else "minor", [(-half_x, y), (half_x, y)]))
    lines.append(("major", [(-half_x, half_y * 0.8), (-200, 80), (420, -260), (half_x, -half_y * 0.75)]))
    features = [
        {
            "type": "Feature",
            "properties": {"kind": kind},
            "geometry": {"type": "LineString", "coordinates": [_coordinates(site, x, y) for x, y in line]},
        }
        for kind, line in lines
    ]
    return {"type": "FeatureCollection", "features": features}


def _coordinates(site: Site, x_m: float, y_m: float) -> list[float]:
    if site.origin is None:
        return [x_m, y_m]
    return [
        site.origin.lon + x_m / (111_320.0 * math.cos(math.radians(site.origin.lat))),
        site.origin.lat + y_m / 111_320.0,
    ]


class FakeCity:
    """A site whose hub and store are fed by hand: `shoot`, `reject`, `tick`."""

    def __init__(self, site: Site | None = None, *, now_ns: int | None = None) -> None:
        self.site = site or fake_site()
        self.store = FakeStore()
        self.live = FakeLive()
        self.outbox = MemoryOutbox()
        self.now_ns = now_ns or time.time_ns()
        self.states: dict[str, str] = {}
        self._random = np.random.default_rng(11)
        self._marks: dict[str, list[tuple[int, str, float]]] = {}
        self._level = dict.fromkeys(self.site.sensors, 0.06)

    def app(self, **options: Any) -> FastAPI:
        """The application over this city."""
        return create_app(
            self.store,
            self.site,
            self.live,
            self.sensors,
            health=self.health,
            streets=fake_streets(self.site),
            simulated=True,
            alerts=self.outbox,
            **options,
        )

    def sensors(self) -> list[Json]:
        """State of every sensor."""
        return [
            {
                "id": sensor_id,
                "name": sensor.name,
                "position": None,
                "state": self.states.get(sensor_id, "live"),
                "last_heard": to_rfc3339(self.now_ns),
                "level_dbfs": round(-52 + 9 * math.sin(number), 1),
                "notices": {"gap": 1} if number == 4 else {},
            }
            for number, (sensor_id, sensor) in enumerate(self.site.sensors.items())
        ]

    def health(self) -> Json:
        """Figures of a service that keeps up."""
        return {
            "lag": 0,
            "sensors_live": len(self.site.sensors),
            "chunks_total": 4213,
            "chunks_lost": 0,
            "uptime_s": 61.0,
        }

    def tick(self, marks: Mapping[str, tuple[str, float]] | None = None) -> None:
        """One second of strips; `marks` names what sensors heard in it."""
        self.now_ns += NS
        items = []
        for sensor_id in self.site.sensors:
            label, score = (marks or {}).get(sensor_id, ("quiet", 0.0))
            items.append(
                {
                    "sensor_id": sensor_id,
                    "time": to_rfc3339(self.now_ns - NS),
                    "step_s": STRIP_STEP_S,
                    "peaks": self._peaks(sensor_id, label),
                    "label": label,
                    "score": score,
                }
            )
        self.live.publish("strips", {"items": items})

    def _peaks(self, sensor_id: str, label: str) -> list[float]:
        count = round(1 / STRIP_STEP_S)
        level = np.clip(self._level[sensor_id] * np.exp(self._random.normal(0, 0.25)), 0.03, 0.2)
        self._level[sensor_id] = float(level)
        peaks = level * np.exp(self._random.normal(0, 0.4, count))
        if label != "quiet":
            decay = np.exp(-np.arange(count - 4) / (3.0 if label == GUNSHOT else 6.0))
            peaks[4:] += decay * (0.9 if label == GUNSHOT else 0.55)
        return [round(float(peak), 3) for peak in np.clip(peaks, 0, 1)]

    def hearing(
        self, x_m: float, y_m: float, *, label: str, score: float, time_ns: int, heard_by: int
    ) -> list[Detection]:
        """Detections of one sound at the nearest sensors, with clips, stored and published."""
        nearest = sorted(self.site.sensors.values(), key=lambda sensor: _distance_m(sensor, x_m, y_m))[:heard_by]
        found = [self._detection(sensor, x_m, y_m, label, score, time_ns) for sensor in nearest]
        self.store.put_detections(found)
        for detection in found:
            self.live.publish("detection", detection_to_json(detection))
        return found

    def _detection(self, sensor: Sensor, x_m: float, y_m: float, label: str, score: float, time_ns: int) -> Detection:
        distance_m = _distance_m(sensor, x_m, y_m)
        onset_ns = time_ns + int(distance_m / SPEED_M_S * NS)
        heard = round(float(np.clip(score - distance_m / 9000 + self._random.normal(0, 0.01), 0.02, 0.999)), 3)
        gun = heard if label == GUNSHOT else round(1 - heard, 3) / 3
        clip = self.store.keep_clip(
            Chunk(
                sensor_id=sensor.sensor_id,
                start_ns=onset_ns - NS,
                sample_rate=16000,
                samples=bang(distance_m, self._random),
            )
        )
        return Detection(
            detection_id=derived_id(sensor.sensor_id, onset_ns, "dhishoom-small-1"),
            sensor_id=sensor.sensor_id,
            onset_ns=onset_ns,
            sigma_s=0.0006,
            score=gun,
            label=label,
            classes={label: heard, "speech": 0.01},
            snr_db=34.0 - 12 * math.log10(max(distance_m, 30) / 30),
            model="dhishoom-small-1",
            clip=clip,
        )

    def shoot(
        self,
        x_m: float = 90.0,
        y_m: float = 60.0,
        *,
        rounds: int = 1,
        heard_by: int = 6,
        score: float = 0.98,
        status: Status = "located",
        age_s: float = 0.0,
        spacing_s: float = 0.31,
    ) -> Incident:
        """An incident with everything that belongs to it, stored and published."""
        begin_ns = self.now_ns - int(age_s * NS)
        times = [begin_ns + int(number * spacing_s * NS) for number in range(rounds)]
        heard = [
            self.hearing(x_m, y_m, label=GUNSHOT, score=score, time_ns=time_ns, heard_by=heard_by) for time_ns in times
        ]
        place = Position(x_m=x_m, y_m=y_m) if status != "unlocated" else None
        ellipse = Ellipse(semi_major_m=6.0 + 70 / heard_by, semi_minor_m=4.0 + 18 / heard_by, azimuth_deg=41.0)
        shots = tuple(
            Shot(
                time_ns=time_ns,
                position=place,
                ellipse=ellipse if place else None,
                residual_ms=0.8 + 0.2 * number,
                sensor_ids=tuple(detection.sensor_id for detection in found),
                detection_ids=tuple(detection.detection_id for detection in found),
            )
            for number, (time_ns, found) in enumerate(zip(times, heard, strict=True))
        )
        incident = Incident(
            incident_id=derived_id(heard[0][0].detection_id),
            revision=1,
            status=status,
            time_ns=begin_ns,
            position=place,
            ellipse=ellipse if place else None,
            rounds=rounds,
            rounds_low=max(1, rounds - (rounds > 2)),
            rounds_high=rounds + (rounds > 1),
            fire="single" if rounds == 1 else "possibly_automatic" if spacing_s < 0.13 else "multiple",
            shots=shots,
            score=score,
            sensor_ids=shots[0].sensor_ids,
            alternative=Position(x_m=x_m - 310, y_m=y_m - 240) if status == "ambiguous" else None,
            reason="Two sensors heard it; a place needs three." if status == "unlocated" else "",
        )
        return self.tell(incident)

    def tell(self, incident: Incident) -> Incident:
        """Store and publish an incident as it is."""
        self.store.put_incidents([incident])
        place = self.app_place()
        self.live.publish("incident", incident_to_json(incident, place))
        return incident

    def revise(self, incident: Incident, **changes: Any) -> Incident:
        """Store and publish its next revision."""
        return self.tell(replace(incident, revision=incident.revision + 1, **changes))

    def app_place(self) -> Any:
        """How this site writes a position."""
        from dhishoom.core.geometry import place_of

        return place_of(self.site)

    def reject(
        self, label: str, x_m: float, y_m: float, *, score: float = 0.82, heard_by: int = 5, age_s: float = 0.0
    ) -> None:
        """Something that was not gunfire."""
        time_ns = self.now_ns - int(age_s * NS)
        self.hearing(x_m, y_m, label=label, score=score, time_ns=time_ns, heard_by=heard_by)


def bang(distance_m: float, random: np.random.Generator, rate: int = 16000) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Two and a half seconds with a blast at the first: a sharp rise, a few echoes, a tail, over street noise."""
    seconds = np.arange(int(2.5 * rate)) / rate - 1.0
    sound = random.normal(0, 0.008, len(seconds))
    for delay_s, gain in ((0.0, 1.0), (0.07, 0.35), (0.16, 0.22), (0.31, 0.12)):
        after = seconds - delay_s
        sound += np.where(after >= 0, gain * np.exp(-np.maximum(after, 0) / 0.05), 0) * random.normal(
            0, 0.5, len(seconds)
        )
    return np.asarray(np.clip(sound * min(1.0, 160 / max(distance_m, 40)), -1, 1), dtype=np.float32)


def _distance_m(sensor: Sensor, x_m: float, y_m: float) -> float:
    assert sensor.position is not None
    return math.hypot(sensor.position.x_m - x_m, sensor.position.y_m - y_m)
