"""What people said of the detections in a store."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from dhishoom.nouns import GUNSHOT

if TYPE_CHECKING:
    from dhishoom.nouns import Detection, Verdict
    from dhishoom.seams import Store


def reviewed(store: Store, model: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Scores of (dismissed, confirmed) gunshot detections of a model: by the last verdict on each or its incident."""
    verdicts: dict[str, Verdict] = {one.subject_id: one.verdict for one in store.reviews()}
    found = {one.detection_id: (one, verdict) for one, verdict in judged(store, verdicts) if one.model == model}
    scores: dict[str, list[float]] = {"dismissed": [], "confirmed": [], "unsure": []}
    for one, verdict in found.values():
        scores[verdict].append(one.score)
    return tuple(scores["dismissed"]), tuple(scores["confirmed"])


def judged(store: Store, verdicts: Mapping[str, Verdict]) -> Iterator[tuple[Detection, Verdict]]:
    """Gunshot detections that a verdict is about, itself or by its incident; what is said of itself comes last."""
    for subject, verdict in verdicts.items():
        incident = store.incident(subject)
        if incident is not None:
            yield from _of(store, [one for shot in incident.shots for one in shot.detection_ids], verdict)
    for subject, verdict in verdicts.items():
        yield from _of(store, (subject,), verdict)


def _of(store: Store, ids: Iterable[str], verdict: Verdict) -> Iterator[tuple[Detection, Verdict]]:
    for one in store.detections_by_id(tuple(ids)):
        if one.label == GUNSHOT:
            yield one, verdict
