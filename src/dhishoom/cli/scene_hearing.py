"""What one detector hears in one scene: both folds turned over recordings of several sensors."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from dhishoom.core import association
from dhishoom.core.association import AssociationLimits
from dhishoom.core.decision import candidates, decide
from dhishoom.core.listening import Hearing, ListeningState, Notice, Window, begin, finish, heard_until, push
from dhishoom.nouns import Chunk, Detection, Heard, Incident, Site

if TYPE_CHECKING:
    from dhishoom.seams import Detector, ModelCard
    from dhishoom.sources.scenes import Scene

WINDOWS_MAX = 64
"""Scored in one batch, across sensors."""
SPLICE_NS_MAX = 2_000_000

Tell = Callable[[Incident], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class HeardScene:
    """All that was made of a scene.

    Attributes:
        detections: Gunshots and what was taken for something else, in order of onset; and what is a gunshot only
            because other sensors bear it out.
        incidents: In their last revision, in order of time.
        notices: Gaps and steps of clocks.
    """

    detections: tuple[Detection, ...]
    incidents: tuple[Incident, ...]
    notices: tuple[Notice, ...]


class SceneHearing:
    """Hears the sensors of one site, interleaved in any way.

    Args:
        card: The detector's, with the threshold that was asked for.
        batch: Windows that are waited for before they are scored; 1 where results should come at once.
        tell: Called with every new or revised incident.
    """

    def __init__(
        self,
        site: Site,
        detector: Detector,
        card: ModelCard,
        *,
        batch: int = WINDOWS_MAX,
        tell: Tell = lambda _: None,
    ) -> None:
        self._site, self._detector, self._card, self._batch, self._tell = site, detector, card, batch, tell
        self._states: dict[str, ListeningState] = {}
        self._waiting: list[Window] = []
        self._association = association.begin(site, AssociationLimits(alone_min=card.possible))
        self._detections: list[Detection] = []
        self._candidates: dict[str, Detection] = {}
        self._incidents: dict[str, Incident] = {}
        self._notices: list[Notice] = []

    def take(self, chunk: Chunk) -> None:
        """Hear one chunk; chunks of one sensor come in order."""
        state = self._states.get(chunk.sensor_id) or self._begin(chunk.sensor_id)
        self._keep(chunk.sensor_id, push(state, chunk))
        if len(self._waiting) >= self._batch:
            self._score()

    def finish(self) -> HeardScene:
        """No more sound will come."""
        for sensor_id, state in self._states.items():
            self._keep(sensor_id, finish(state))
        self._score()
        self._association, last = association.finish(self._association)
        self._learn(last)
        used = {name for one in self._incidents.values() for shot in one.shots for name in shot.detection_ids}
        borne_out = [one for name, one in self._candidates.items() if name in used]
        return HeardScene(
            detections=tuple(sorted([*self._detections, *borne_out], key=lambda one: (one.onset_ns, one.sensor_id))),
            incidents=tuple(sorted(self._incidents.values(), key=lambda one: (one.time_ns, one.incident_id))),
            notices=tuple(self._notices),
        )

    def _begin(self, sensor_id: str) -> ListeningState:
        sensor = self._site.sensors.get(sensor_id)
        return begin(sensor_id, self._card, clock_sigma_s=sensor.clock_sigma_s if sensor else 0.001)

    def _keep(self, sensor_id: str, hearing: Hearing) -> None:
        self._states[sensor_id] = hearing.state
        self._waiting.extend(hearing.windows)
        self._notices.extend(hearing.notices)

    def _score(self) -> None:
        windows, self._waiting = self._waiting, []
        for at in range(0, len(windows), WINDOWS_MAX):
            batch = windows[at : at + WINDOWS_MAX]
            scores = self._detector.scores(np.stack([window.audio for window in batch]))
            for window, its_own in zip(batch, scores, strict=True):
                found = decide(window, its_own, self._card)
                more = candidates(window, its_own, self._card)
                self._detections.extend(found)
                self._candidates |= {one.detection_id: one for one in more}
                self._associate((*found, *more, heard_until(window, self._card)))

    def _associate(self, items: Iterable[Detection | Heard]) -> None:
        for item in items:
            self._association, told = association.associate(self._association, item)
            self._learn(told)

    def _learn(self, incidents: Iterable[Incident]) -> None:
        for incident in incidents:
            self._incidents[incident.incident_id] = incident
            self._tell(incident)


def hear_scene(chunks: Iterable[Chunk], hearing: SceneHearing) -> tuple[HeardScene, bool]:
    """Hear chunks to their end or to Ctrl-C; what was made of them, and whether that was the end."""
    whole = False
    try:
        for chunk in chunks:
            hearing.take(chunk)
        whole = True
    except KeyboardInterrupt:
        pass
    return hearing.finish(), whole


def sounds_within(scene: Scene, spans_ns: Sequence[tuple[int, int]]) -> list[dict[str, Chunk]]:
    """For each stretch of time, the sound of every sensor that was recorded in it; the scene is read again."""
    found: list[dict[str, list[Chunk]]] = [{} for _ in spans_ns]
    for chunk in scene.chunks() if spans_ns else ():
        for (since_ns, until_ns), of_span in zip(spans_ns, found, strict=True):
            if chunk.start_ns < until_ns and chunk.end_ns > since_ns:
                of_span.setdefault(chunk.sensor_id, []).append(chunk)
    return [{name: _in_one_piece(chunks) for name, chunks in of_span.items()} for of_span in found]


def _in_one_piece(chunks: Sequence[Chunk]) -> Chunk:
    """As far as they follow each other at one rate: what comes after a gap is left out."""
    first, joined = chunks[0], [chunks[0].samples]
    for before, after in pairwise(chunks):
        if after.sample_rate != first.sample_rate or abs(after.start_ns - before.end_ns) > SPLICE_NS_MAX:
            break
        joined.append(after.samples)
    return replace(first, samples=np.concatenate(joined))
