"""The things this project speaks of: frozen, typed, with units in their names.

Time is an `int` of nanoseconds since 1970 UTC (`*_ns`); durations are seconds (`*_s`); samples are float32 in
[-1, 1], mono. Places are metres in the site's local frame: `x_m` east, `y_m` north, `z_m` up.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from dhishoom.errors import NounError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NS_PER_S = 1_000_000_000

Verdict = Literal["confirmed", "dismissed", "unsure"]
Status = Literal["located", "ambiguous", "unlocated"]
Fire = Literal["single", "multiple", "possibly_automatic"]
Kind = Literal["new", "update", "cancel"]
Meant = Literal["Actual", "Exercise", "Test"]
LetterState = Literal["queued", "delivered", "expired", "dead", "withdrawn"]


def derived_id(*parts: str | int) -> str:
    """Sixteen hexadecimal digits that follow from `parts` alone, so that replay and re-delivery write the same key."""
    text = "\x1f".join(str(part) for part in parts)
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def _require(holds: bool, message: str) -> None:
    if not holds:
        raise NounError(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """A place in the site's local frame: metres east, north and up of the site's origin.

    Attributes:
        z_assumed: The height was not found from arrivals; it was taken to be the sensors' own.
    """

    x_m: float
    y_m: float
    z_m: float = 0.0
    z_assumed: bool = False

    def __post_init__(self) -> None:
        finite = all(math.isfinite(value) for value in (self.x_m, self.y_m, self.z_m))
        _require(finite, f"Position {self.x_m}, {self.y_m}, {self.z_m} is not finite; give metres in the site's frame.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a geographic site's local frame has its zero: WGS84 degrees and metres above the ellipsoid."""

    lat: float
    lon: float
    altitude_m: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather:
    """The air that sound travels through.

    Attributes:
        temperature_c: Degrees Celsius.
        humidity_percent: Relative humidity, 0 to 100.
        pressure_kpa: Kilopascal.
        wind_east_m_s, wind_north_m_s: Where the air moves to, metres per second.
    """

    temperature_c: float = 15.0
    humidity_percent: float = 60.0
    pressure_kpa: float = 101.325
    wind_east_m_s: float = 0.0
    wind_north_m_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensor:
    """One microphone with a clock.

    Attributes:
        sensor_id: Unique in the site.
        position: Where it hangs; None for a sensor that is heard but cannot help to locate.
        sample_rate: Samples per second; needed only where messages do not say it.
        clock_sigma_s: One standard deviation of its clock.
        name: For people.
    """

    sensor_id: str
    position: Position | None = None
    sample_rate: int | None = None
    clock_sigma_s: float = 0.001
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """The place that is listened to: its sensors, its frame and its weather.

    Attributes:
        origin: Set for a geographic site; None where places are local metres.
    """

    name: str = "site"
    sensors: Mapping[str, Sensor] = field(default_factory=dict)
    origin: Origin | None = None
    weather: Weather = Weather()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Chunk:
    """A stretch of sound of one sensor.

    Attributes:
        start_ns: Time of the first sample by the sensor's clock.
        sample_rate: Samples per second.
        samples: float32 [n] in [-1, 1], mono, finite.
        clock_sigma_s: One standard deviation of that clock; None: as the site says.
        sequence: The sensor's own count of its chunks, if it keeps one.
    """

    sensor_id: str
    start_ns: int
    sample_rate: int
    samples: NDArray[np.float32]
    clock_sigma_s: float | None = None
    sequence: int | None = None

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return len(self.samples) / self.sample_rate

    @property
    def end_ns(self) -> int:
        """Time just after the last sample."""
        return self.start_ns + len(self.samples) * NS_PER_S // self.sample_rate


@dataclass(frozen=True, slots=True, kw_only=True)
class Detection:
    """An impulsive sound heard at one sensor, and what it was taken for.

    Attributes:
        onset_ns: First arrival by the sensor's clock.
        sigma_s: One standard deviation of that arrival, picking and clock together.
        score: Calibrated probability that it is a gunshot, 0 to 1.
        label: `gunshot` at or above the model's `possible` threshold, else what it was rejected as.
        classes: The likeliest classes with their probabilities, largest first.
        snr_db: Peak level over the noise before it; the picker's measure, not calibrated sound pressure.
        model: Name of the model that said so.
        clip: Where its sound is kept, relative to the store's clips; None until kept.
    """

    detection_id: str
    sensor_id: str
    onset_ns: int
    sigma_s: float
    score: float
    label: str
    classes: Mapping[str, float]
    snr_db: float
    model: str
    clip: str | None = None

    def __post_init__(self) -> None:
        _require(
            0.0 <= self.score <= 1.0,
            f"Detection at {self.sensor_id}: score {self.score!r} is outside 0..1; calibrate it by the model's card.",
        )

    @property
    def is_gunshot(self) -> bool:
        """Whether the model took it for gunfire."""
        return self.label == GUNSHOT


GUNSHOT = "gunshot"


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """A promise of the listening fold: every detection of this sensor before `until_ns` has been told."""

    sensor_id: str
    until_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ellipse:
    """Where the place lies with the stated confidence.

    Attributes:
        azimuth_deg: Major axis, clockwise from north (+y), 0 to 180.
    """

    semi_major_m: float
    semi_minor_m: float
    azimuth_deg: float
    confidence: float = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """One muzzle blast: when and where it was fired and who heard it.

    Attributes:
        time_ns: When it was fired (when first heard, if `position` is None).
        residual_ms: Root mean square of arrivals about the solution.
        detection_ids: The picks it rests on, sensor by sensor in the order of `sensor_ids`.
    """

    time_ns: int
    position: Position | None
    ellipse: Ellipse | None
    residual_ms: float
    sensor_ids: tuple[str, ...]
    detection_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """Shots that belong together: one card on the page, one alert to a dispatcher.

    Attributes:
        incident_id: Follows from its first detection and never changes.
        revision: Counts from 1; a later revision replaces an earlier one.
        status: `located`; `ambiguous` (two places fit, the other in `alternative`); `unlocated` (why in `reason`).
        rounds_low, rounds_high: Interval of confidence about `rounds`.
        score: Probability that it was gunfire, from all its detections.
    """

    incident_id: str
    revision: int
    status: Status
    time_ns: int
    position: Position | None
    ellipse: Ellipse | None
    rounds: int
    rounds_low: int
    rounds_high: int
    fire: Fire
    shots: tuple[Shot, ...]
    score: float
    sensor_ids: tuple[str, ...]
    alternative: Position | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """What is told about one revision of an incident.

    Attributes:
        alert_id: Follows from rule, incident, revision and kind.
        kind: `new`, `update` or `cancel`.
        text: What a dispatcher reads.
        meant: `Actual`, or what nobody should act upon: an `Exercise` or a `Test` (the words of CAP 1.2).
    """

    alert_id: str
    kind: Kind
    incident: Incident
    text: str
    created_ns: int
    expires_ns: int
    link: str = ""
    meant: Meant = "Actual"


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One alert addressed to one sink.

    Attributes:
        rule: Name of the rule that decided it.
        due_ns: Not to be sent before.
        escalates: Sent only if nobody has answered by then.
    """

    sink: str
    rule: str
    alert: Alert
    due_ns: int
    escalates: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """A letter in the outbox, and what became of it.

    Attributes:
        attempts: How often its delivery was begun.
        expires_ns: Given up after.
        why: The last failure, the reason of its end, or what the other side answered.
        changed_ns: When its state or its attempts last changed.
    """

    letter: Letter
    state: LetterState
    attempts: int
    expires_ns: int
    why: str
    changed_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledgement:
    """Somebody has seen the alert of an incident and takes it on."""

    incident_id: str
    by: str
    time_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """What a person said of an incident or a detection; the latest counts, all are kept."""

    subject_id: str
    verdict: Verdict
    reviewer: str
    time_ns: int
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCard:
    """What a model is, needs and may be used for; a JSON file beside its weights.

    The listening fold gives the model windows of `left_s + step_s + right_s` at `sample_rate`, one per step of the
    sensor's clock. The model scores the middle `step_s` and `guard_s` on either side of it, so that a peak on the
    border of two windows is judged in both alike. A score at an instant must depend only on sound that every window
    scoring that instant holds: at most `left_s - guard_s` before it and `right_s - guard_s` after it.

    Attributes:
        sample_rate: Hz the network was trained at; the fold resamples to it.
        hop_s: From one frame of scores to the next.
        step_s: From one window to the next; a whole number of hops.
        left_s, right_s: Context before and after the middle, the guard included.
        guard_s: How far beyond the middle scores are given on either side; a whole number of hops.
        classes: Names in the order of the scores' last axis.
        gunshot_classes: Those that mean gunfire; the gunshot score is the largest of them.
        alert, possible: Thresholds on the calibrated gunshot score.
        reject: Threshold from which another class may name a rejection.
        calibration: Rising pairs (raw score, probability), interpolated linearly; empty: raw scores are probabilities.
        card: The rest of the card as published: data, licence, metrics with intervals, limits.
    """

    name: str
    sample_rate: int
    hop_s: float
    step_s: float
    left_s: float
    right_s: float
    guard_s: float
    classes: tuple[str, ...]
    gunshot_classes: tuple[str, ...]
    alert: float
    possible: float
    reject: float = 0.5
    calibration: tuple[tuple[float, float], ...] = ()
    licence: str = ""
    card: Mapping[str, object] | None = None

    @property
    def window_s(self) -> float:
        """Length of one window."""
        return self.left_s + self.step_s + self.right_s
