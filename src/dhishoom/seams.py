"""The five seams. Each is asked one thing; each has one folder of implementations and one suite in tests/contracts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from dhishoom.nouns import ModelCard

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dhishoom.nouns import Alert, Chunk, Detection, Incident, Letter, Review, Site

__all__ = [
    "ASSOCIATION_TOPIC",
    "AUDIO_TOPIC",
    "DEAD_TOPIC",
    "DETECTIONS_TOPIC",
    "INCIDENTS_TOPIC",
    "ROLES_TOPIC",
    "Bus",
    "Delivery",
    "Detector",
    "ModelCard",
    "Sink",
    "Source",
    "Store",
]

AUDIO_TOPIC = "dhishoom.audio"
DETECTIONS_TOPIC = "dhishoom.detections"
INCIDENTS_TOPIC = "dhishoom.incidents"
DEAD_TOPIC = "dhishoom.dead"
ASSOCIATION_TOPIC = "dhishoom.association"
ROLES_TOPIC = "dhishoom.roles"


class Source(Protocol):
    """Gives sound, chunk by chunk, in order per sensor."""

    def site(self) -> Site | None:
        """The sensors and their places, where the source itself knows them."""

    def chunks(self) -> Iterator[Chunk]:
        """Chunks until the source ends or `close` is called. Raises SourceError where it cannot go on."""

    def close(self) -> None:
        """Free what it holds; `chunks` then ends. Safe from another thread, and twice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One message as it came off a bus.

    Attributes:
        key: Sensor id for audio and detections, incident id for incidents.
        headers: CloudEvents attributes by their Kafka names (`ce_id`, `ce_type`, `content-type`, ...).
        timestamp_ns: When the bus took it.
        partition, offset: Its place; `offset` rises within a partition.
    """

    topic: str
    key: str
    value: bytes
    headers: Mapping[str, str]
    timestamp_ns: int
    partition: int
    offset: int


class Bus(Protocol):
    """Carries messages: at least once, in order within a key. The memory bus is the oracle of the contract."""

    def publish(self, topic: str, key: str, value: bytes, headers: Mapping[str, str]) -> None:
        """Return once taken. Raises BusFull (nothing was taken: shed and count, or wait) or BusError."""

    def flush(self, wait_s: float = 30.0) -> None:
        """Return once what was published outlasts this process, as far as the bus does. Raises BusError else."""

    def poll(self, topic: str, *, messages_max: int, wait_s: float) -> Sequence[Delivery]:
        """Return 0 to `messages_max` messages; empty once `wait_s` has passed."""

    def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """Say that these, and all before them in their partitions, are stored and need not come again."""

    def lag(self, topic: str) -> int:
        """Messages taken but not yet acknowledged."""

    def close(self) -> None:
        """Hand over what was published, then free what it holds."""


class Detector(Protocol):
    """Gives frame scores of a batch of audio windows."""

    @property
    def card(self) -> ModelCard:
        """What it is and what it needs."""

    def scores(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Raw scores of the middle `step_s` of every window and of the guard on either side.

        Args:
            windows: [batch, round(window_s * sample_rate)] at the card's rate.
        Returns:
            [batch, round((step_s + 2 * guard_s) / hop_s), len(classes)], each 0 to 1; what a window gets does not
            depend on its batch.
        """


class Store(Protocol):
    """Keeps detections, incidents, clips and reviews. Writing the same key twice changes nothing."""

    def keep_clip(self, chunk: Chunk) -> str:
        """Write sound durably, return its place relative to the clips: `sensor=ID/date=YYYY-MM-DD/....flac`."""

    def put_detections(self, detections: Sequence[Detection]) -> int:
        """Insert those not yet there; return how many were new."""

    def put_incidents(self, incidents: Sequence[Incident], letters: Sequence[Letter] = ()) -> None:
        """Insert, or replace a lower revision; every revision stays in the history.

        `letters`, what they make known to sinks, are kept with them: all or nothing.
        """

    def put_review(self, review: Review) -> None:
        """Keep what a person said."""

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

    def detections_by_id(self, detection_ids: Sequence[str]) -> Sequence[Detection]:
        """Those that exist, in order of onset."""

    def incidents(self, *, since_ns: int = 0, until_ns: int | None = None, limit: int = 100) -> Sequence[Incident]:
        """In their last revision, newest first."""

    def incident(self, incident_id: str) -> Incident | None:
        """Its last revision."""

    def incident_history(self, incident_id: str) -> Sequence[Incident]:
        """Every revision of it, the first first; empty if there is none."""

    def reviews(self, subject_id: str | None = None) -> Sequence[Review]:
        """Oldest first."""

    def read_clip(self, clip: str) -> bytes:
        """A kept clip as FLAC. Raises StoreError where it is gone."""

    def close(self) -> None:
        """Finish writing and free what it holds."""


class Sink(Protocol):
    """Delivers one alert."""

    def deliver(self, alert: Alert) -> str:
        """Return once the other side has taken it, in a few words what it answered.

        Raises SinkError; `retry` says whether to try again, `gone` that no alert will ever be taken.
        """

    def close(self) -> None:
        """Free what it holds."""
