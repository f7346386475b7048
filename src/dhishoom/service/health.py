"""How the service and its sensors are: counted while it runs, told by the API and the page."""

from __future__ import annotations

import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field

import numpy as np

from dhishoom.core.clocks import ClockOffset
from dhishoom.core.geometry import Coordinates, Place, place_of
from dhishoom.core.timestamps import to_rfc3339
from dhishoom.messages import Json
from dhishoom.nouns import NS_PER_S, Chunk, Sensor, Site

GONE_AFTER_S = 10.0
LATE_AFTER_S = 10.0
SILENT_AFTER_S = 5.0
SENSORS_MAX = 20_000


@dataclass(slots=True)
class _Ear:
    """What is known of one sensor; `arrived_s` by the clock of the machine, the rest by the sensor's."""

    arrived_s: float | None = None
    heard_ns: int = 0
    silent_s: float = 0.0
    level_dbfs: float | None = None
    notices: Counter[str] = field(default_factory=Counter)


class Health:
    """Counts, written by the pipeline and read by anyone; safe from several threads.

    Args:
        lag: Messages that wait to be heard.
        now_s: A clock that never steps.
    """

    def __init__(
        self, site: Site, *, lag: Callable[[], int] = lambda: 0, now_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._site, self._place = site, place_of(site)
        self._lag, self._now_s = lag, now_s
        self._begun_s = now_s()
        self._lock = threading.Lock()
        self._ears: dict[str, _Ear] = {sensor_id: _Ear() for sensor_id in site.sensors}
        self._furthest_ns = 0
        self._counts: Counter[str] = Counter()
        self._states: dict[str, str] = {}
        self._clocks: Mapping[str, ClockOffset] = {}

    def hear(self, chunk: Chunk) -> bool:
        """Count a chunk; True if it is the first of a sensor that the site does not know."""
        power = float(np.vdot(chunk.samples, chunk.samples)) / max(1, len(chunk.samples))
        with self._lock:
            is_new = chunk.sensor_id not in self._ears
            if is_new and len(self._ears) >= SENSORS_MAX:
                return False
            ear = self._ears.setdefault(chunk.sensor_id, _Ear())
            ear.arrived_s, ear.heard_ns = self._now_s(), chunk.end_ns
            ear.silent_s = ear.silent_s + chunk.duration_s if power == 0.0 else 0.0
            ear.level_dbfs = None if power == 0.0 else 10 * math.log10(power)
            self._furthest_ns = max(self._furthest_ns, chunk.end_ns)
            self._counts["chunks_total"] += 1
            return is_new

    def note(self, sensor_id: str, kind: str, count: int = 1) -> None:
        """Count something odd about a sensor."""
        with self._lock:
            if sensor_id in self._ears:
                self._ears[sensor_id].notices[kind] += count

    def disagree(self, offsets: Mapping[str, ClockOffset]) -> None:
        """Those sensors' clocks are off, and no others."""
        with self._lock:
            self._clocks = dict(offsets)

    def count(self, name: str, count: int = 1) -> None:
        """Count something about the service: `chunks_lost`, `detections`, `dead_letters`, ..."""
        with self._lock:
            self._counts[name] += count

    @property
    def counts(self) -> Mapping[str, int]:
        """All counts now."""
        with self._lock:
            return dict(self._counts)

    def sensors(self) -> list[Json]:
        """Every sensor as `GET /api/v1/sensors` lists it."""
        with self._lock:
            return [self._to_json(sensor_id, ear) for sensor_id, ear in self._ears.items()]

    def changed(self) -> list[Json]:
        """Sensors whose state is another than when this was last asked."""
        with self._lock:
            now = {sensor_id: self._state(ear) for sensor_id, ear in self._ears.items()}
            changed = [name for name, state in now.items() if self._states.get(name) != state]
            self._states = now
            return [self._to_json(name, self._ears[name]) for name in changed]

    def gone(self) -> Iterable[str]:
        """Sensors that were heard and are no more."""
        with self._lock:
            return [name for name, ear in self._ears.items() if ear.arrived_s and self._state(ear) == "gone"]

    def health(self) -> Json:
        """Figures of the service, as `GET /api/v1/health` tells them."""
        with self._lock:
            live = sum(self._state(ear) == "live" for ear in self._ears.values())
            counts = dict(self._counts)
        return {
            "lag": self._lag(),
            "sensors_live": live,
            "chunks_total": 0,
            "chunks_lost": 0,
            **counts,
            "uptime_s": round(self._now_s() - self._begun_s, 1),
        }

    def _state(self, ear: _Ear) -> str:
        if ear.arrived_s is None or self._now_s() - ear.arrived_s > GONE_AFTER_S:
            return "gone"
        if self._furthest_ns - ear.heard_ns > LATE_AFTER_S * NS_PER_S:
            return "late"
        return "silent" if ear.silent_s > SILENT_AFTER_S else "live"

    def _to_json(self, sensor_id: str, ear: _Ear) -> Json:
        sensor = self._site.sensors.get(sensor_id, Sensor(sensor_id=sensor_id))
        return {
            "id": sensor_id,
            "name": sensor.name or sensor_id,
            "position": _place(sensor, self._place),
            "state": self._state(ear),
            "last_heard": to_rfc3339(ear.heard_ns) if ear.arrived_s is not None else None,
            "level_dbfs": None if ear.level_dbfs is None else round(ear.level_dbfs, 1),
            "notices": dict(ear.notices),
            "clock": _clock(self._clocks.get(sensor_id)),
        }


def _place(sensor: Sensor, place: Place) -> Coordinates | None:
    return place(sensor.position) if sensor.position else None


def _clock(offset: ClockOffset | None) -> Json | None:
    return None if offset is None else {key: round(value, 3) for key, value in asdict(offset).items()}


def unknown_to_the_site(sensor_id: str) -> str:
    """What is told when `Health.hear` finds a sensor that nobody has placed."""
    return f"sensor {sensor_id!r} is not in the site: it is heard but cannot help to locate. Add it to dhishoom.toml."
