"""The sounds of a store that people have reviewed."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import soundfile

from dhishoom.core.timestamps import from_rfc3339
from dhishoom.errors import StoreError
from dhishoom.nouns import NS_PER_S
from dhishoom.service.reviewed import judged
from dhishoom.train.reviews import Reviewed

if TYPE_CHECKING:
    from dhishoom.seams import Store

_CLIP = re.compile(r"(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d\.\d+Z)\.flac$")


def reviewed_sounds(store: Store) -> tuple[Reviewed, ...]:
    """Every gunshot detection whose sound is kept and that was confirmed or dismissed, by its last verdict."""
    verdicts = {one.subject_id: one.verdict for one in store.reviews()}
    last = {one.detection_id: (one, verdict) for one, verdict in judged(store, verdicts)}
    return tuple(
        sound
        for one, verdict in last.values()
        if one.clip is not None and verdict != "unsure"
        for sound in _sound(store, one.clip, one.onset_ns, shot=verdict == "confirmed")
    )


def _sound(store: Store, clip: str, onset_ns: int, *, shot: bool) -> Iterator[Reviewed]:
    """The sound of one clip; nothing where retention has taken it."""
    try:
        content = store.read_clip(clip)
    except StoreError:
        return
    samples, sample_rate = soundfile.read(io.BytesIO(content), dtype="float32", always_2d=True)
    onset_s = (onset_ns - _start_ns(clip)) / NS_PER_S
    yield Reviewed(samples.mean(axis=1), sample_rate, onset_s, shot)


def _start_ns(clip: str) -> int:
    """A clip's name is the time of its first sample."""
    found = _CLIP.search(clip)
    if found is None:
        raise StoreError(f"The clip {clip} has no time in its name; clips of docs/formats.md have. Was it renamed?")
    year, month, day, hour, minute, second = found.groups()
    return from_rfc3339(f"{year}-{month}-{day}T{hour}:{minute}:{second}")
