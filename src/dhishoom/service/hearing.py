"""One sensor as the service hears it: the listening fold, the last seconds of sound, and what waits for its clip."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from dhishoom.core.listening import ListeningState, Notice, Window, begin, finish, heard_until, push
from dhishoom.nouns import NS_PER_S, Chunk, Detection, Heard, ModelCard
from dhishoom.service.ring import Ring

CLIP_BEFORE_S = 1.0
CLIP_AFTER_S = 1.0
RESAMPLING_S = 0.1
"""More than any resampling filter reaches."""
Keep = Literal["none", "shots", "detections", "all"]
KeepClip = Callable[[Chunk], str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What one window brought, its clip kept; `heard` is the promise that goes with it.

    Attributes:
        candidates: Shots if other sensors bear them out; no detections by themselves, and without clips.
    """

    detections: tuple[Detection, ...]
    heard: Heard
    candidates: tuple[Detection, ...] = ()


def undecided_s(card: ModelCard) -> float:
    """Of the end of what was heard, so much may not be told yet: it awaits the model's context and its clip's end."""
    return card.right_s + 2 * card.step_s + card.guard_s + CLIP_AFTER_S + RESAMPLING_S


def takeover_s(card: ModelCard) -> float:
    """Sound that whoever takes over a sensor reads again: what is not told, and what that needs before it."""
    return undecided_s(card) + card.left_s + card.guard_s + CLIP_BEFORE_S + RESAMPLING_S


class SensorHearing:
    """Everything the service holds of one sensor: a few seconds of sound.

    A detection is told once the second after it has been heard, so that its clip is whole; whoever cannot wait for
    that takes what `decided` returns.

    Args:
        resume_ns: Take over from whoever has told all before it; give `takeover_s` of the sound before what is new.
    """

    def __init__(
        self, sensor_id: str, card: ModelCard, keep: Keep, *, clock_sigma_s: float, resume_ns: int | None = None
    ) -> None:
        self._card, self._keep = card, keep
        self._state: ListeningState = begin(sensor_id, card, clock_sigma_s=clock_sigma_s, resume_ns=resume_ns)
        self._ring = Ring(card.window_s + CLIP_BEFORE_S + CLIP_AFTER_S + 0.5)
        self._waiting: deque[Told] = deque()

    def take(self, chunk: Chunk) -> tuple[tuple[Window, ...], tuple[Notice, ...]]:
        """Windows to be scored, and what was odd about the chunk."""
        hearing = push(self._state, chunk)
        self._state = hearing.state
        if not any(notice.kind == "repeated" for notice in hearing.notices):
            self._ring.append(chunk)
        return hearing.windows, hearing.notices

    def finish(self) -> tuple[Window, ...]:
        """The last windows: no more sound will come for now."""
        ended = finish(self._state)
        self._state = ended.state
        return ended.windows

    def ending(self) -> tuple[Window, ...]:
        """The last windows as they are if no more sound comes; changes nothing, so that more may come."""
        return finish(self._state).windows

    def decided(self, window: Window, detections: Sequence[Detection], candidates: Sequence[Detection] = ()) -> Told:
        """Take what was made of a window, and return it without clips; windows come in their order."""
        heard = heard_until(window, self._card)
        told = Told(detections=tuple(detections), heard=heard, candidates=tuple(candidates))
        self._waiting.append(told)
        return told

    def release(self, keep_clip: KeepClip, *, final: bool = False) -> Iterator[Told]:
        """What can be told now, in order, each with its clip kept first; `final`: all of it."""
        while self._waiting:
            told = self._waiting[0]
            kept = [one for one in told.detections if self._is_kept(one)]
            if kept:
                until_ns = kept[-1].onset_ns + round(CLIP_AFTER_S * NS_PER_S)
                whole = final or self._ring.reaches(until_ns)
                sound = self._cut(kept, until_ns, final=whole)
                if sound is None and not whole:
                    break
                clip = keep_clip(sound) if sound is not None else None
                told = replace(told, detections=tuple(_with_clip(one, clip, kept) for one in told.detections))
            self._waiting.popleft()
            yield told
        self._ring.trim()

    def _is_kept(self, detection: Detection) -> bool:
        return self._keep in ("detections", "all") or (self._keep == "shots" and detection.is_gunshot)

    def _cut(self, kept: Sequence[Detection], until_ns: int, *, final: bool) -> Chunk | None:
        """Neighbouring shots share a clip: from a second before the first to a second after the last of a window."""
        first = kept[0].onset_ns
        since_ns = first - round(CLIP_BEFORE_S * NS_PER_S)
        return self._ring.cut(first, since_ns=since_ns, until_ns=until_ns, final=final)


def _with_clip(detection: Detection, clip: str | None, kept: Sequence[Detection]) -> Detection:
    return replace(detection, clip=clip) if clip and detection in kept else detection
