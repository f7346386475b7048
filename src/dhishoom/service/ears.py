"""Fold 1 for all the sensors that one process hears: sound in; detections, their clips kept, and promises out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from dhishoom.core.decision import candidates, decide
from dhishoom.core.listening import Notice, Window
from dhishoom.messages import Json
from dhishoom.nouns import Chunk, ModelCard, Site
from dhishoom.seams import Detector
from dhishoom.service.hearing import Keep, KeepClip, SensorHearing, Told
from dhishoom.service.strips import strip_of

WINDOWS_MAX = 64
"""Scored in one batch: beyond it the network gains nothing and the memory grows."""
STRIPS_MAX = 4000
"""Strips that wait for the next second; the oldest are dropped beyond it."""
Tell = Callable[[Notice], object]


class Ears:
    """Hears any number of sensors, whole batches scored at once. One thread at a time.

    Args:
        keep_clip: Keeps sound, and returns its name.
        notice: Told what is odd about a stream.
        strips: Whether anybody looks at the moving strips.
        early: Whether anybody takes what is decided before its clips are whole.
    """

    def __init__(
        self,
        site: Site,
        detector: Detector,
        keep: Keep,
        keep_clip: KeepClip,
        *,
        notice: Tell = lambda _: None,
        strips: bool = True,
        early: bool = False,
    ) -> None:
        self._site, self._detector, self._keep, self._keep_clip = site, detector, keep, keep_clip
        self._notice, self._with_strips = notice, strips
        self._hearings: dict[str, SensorHearing] = {}
        self._strips: list[Json] = []
        self._early, self._decided = early, list[Told]()

    @property
    def card(self) -> ModelCard:
        """Of the model that listens."""
        return self._detector.card

    def take(self, chunks: Iterable[Chunk]) -> list[Told]:
        """Hear chunks, in order per sensor; return what they decide, sensor by sensor, in order."""
        windows: list[Window] = []
        touched: dict[str, SensorHearing] = {}
        for chunk in chunks:
            if self._keep == "all":
                self._keep_clip(chunk)
            hearing = touched[chunk.sensor_id] = self._hearings.get(chunk.sensor_id) or self.resume(chunk.sensor_id)
            fresh, notices = hearing.take(chunk)
            windows.extend(fresh)
            for notice in notices:
                self._notice(notice)
        windows.sort(key=lambda window: window.sensor_id)  # Those that follow one another are scored as one stretch.
        self._score(windows)
        return self._release(touched.values())

    def resume(self, sensor_id: str, resume_ns: int | None = None) -> SensorHearing:
        """Begin with a sensor: afresh, or from where another has told everything."""
        sensor = self._site.sensors.get(sensor_id)
        sigma_s = sensor.clock_sigma_s if sensor else 0.001
        hearing = SensorHearing(sensor_id, self.card, self._keep, clock_sigma_s=sigma_s, resume_ns=resume_ns)
        self._hearings[sensor_id] = hearing
        return hearing

    def forget(self, sensor_ids: Iterable[str]) -> None:
        """Others hear them from now on: what is not decided is theirs."""
        for sensor_id in sensor_ids:
            self._hearings.pop(sensor_id, None)

    def finish(self, sensor_ids: Iterable[str] | None = None) -> list[Told]:
        """No more sound of these sensors, or of any, will come: decide what is left."""
        names = list(self._hearings if sensor_ids is None else sensor_ids)
        hearings = [self._hearings[name] for name in names if name in self._hearings]
        self._score([window for hearing in hearings for window in hearing.finish()])
        told = self._release(hearings, final=True)
        self.forget(names)
        return told

    def take_decided(self) -> list[Told]:
        """What was decided since this was last asked, in order per sensor: as `take` and `finish` will tell it, a
        second sooner and without clips."""
        decided, self._decided = self._decided, []
        return decided

    def take_strips(self) -> list[Json]:
        """Strips since they were last taken, in the order of their deciding."""
        strips, self._strips = self._strips, []
        return strips

    def _score(self, windows: Sequence[Window]) -> None:
        """Batches across sensors; each window is then judged by itself."""
        card = self.card
        for at in range(0, len(windows), WINDOWS_MAX):
            batch = windows[at : at + WINDOWS_MAX]
            scores = self._detector.scores(np.stack([window.audio for window in batch]))
            for window, its_own in zip(batch, scores, strict=True):
                found = decide(window, its_own, card)
                told = self._hearings[window.sensor_id].decided(window, found, candidates(window, its_own, card))
                if self._early:
                    self._decided.append(told)
                if self._with_strips:
                    self._strips.append(strip_of(window, its_own, found, card))
        del self._strips[:-STRIPS_MAX]

    def _release(self, hearings: Iterable[SensorHearing], *, final: bool = False) -> list[Told]:
        return [one for hearing in hearings for one in hearing.release(self._keep_clip, final=final)]
