"""One line of the log of clips: what was made of one message of sound, and where it is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

CLASSES_LOGGED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedClip:
    """One clip, as it was sent.

    Attributes:
        start_ns: Time of its first sample.
        duration_s: Its length; None where the log does not say.
        gunshot: Whether its score reached the model's `possible` threshold.
        score: Largest gunshot probability of any moment of it; None where the log does not say.
        classes: The likeliest classes with their probabilities, largest first.
        clip: Where its sound is kept, with the scheme of its file system; empty where it is not.
        topic, partition, offset: Its place on the bus, its identity; a clip of an archive has partition -1.
        border_lost: The sound before it was on the bus no more, so a shot across its first moment may be missing.
    """

    sensor_id: str
    start_ns: int
    duration_s: float | None
    gunshot: bool
    score: float | None
    classes: Mapping[str, float]
    model: str = ""
    clip: str = ""
    topic: str = ""
    partition: int = -1
    offset: int = -1
    border_lost: bool = False
