"""The listening fold over one stretch of a partition: tails and messages in; outcomes and tails out. No Spark here.

What a batch hears is what a worker hears that has just taken over: the sound that is not told comes again, and the
fold goes on as if it had always been there. So no state is kept but sound, and a batch that is heard again tells the
same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from dhishoom.core.decision import decide
from dhishoom.core.listening import Window
from dhishoom.errors import BusError, NounError
from dhishoom.nouns import GUNSHOT, NS_PER_S, Chunk, Site
from dhishoom.seams import Delivery, Detector
from dhishoom.service.hearing import Keep, KeepClip, SensorHearing, Told, takeover_s, undecided_s
from dhishoom.service.partitions import GONE_AFTER_S
from dhishoom.service.worker import FUTURE_S
from dhishoom.spark.judging import BORDER_NS, Judge
from dhishoom.spark.outcome import CLIP, DEAD, END, Outcome
from dhishoom.spark.tails import Tail, trimmed
from dhishoom.stores.logged_clip import CLASSES_LOGGED, LoggedClip
from dhishoom.wiring import AudioCodec

SPANS = 8
GONE_NS = round(GONE_AFTER_S * NS_PER_S)


@dataclass(slots=True, eq=False)
class _Fold:
    """A stretch of sound that is heard, and the windows it has brought; `final`: no more of it comes."""

    hearing: SensorHearing
    windows: list[Window] = field(default_factory=list)
    final: bool = False


@dataclass(slots=True, eq=False)
class _Message:
    """One message while it is heard: the windows that it completes, and those of its end."""

    delivery: Delivery
    chunk: Chunk
    border_lost: bool = False
    completed: list[Window] = field(default_factory=list)
    ending: tuple[Window, ...] = ()
    told: list[Told] = field(default_factory=list)
    clip: str = ""


@dataclass(slots=True, eq=False)
class _Sensor:
    """One sensor: what its tail says, brought up to date message by message; `ended` folds are told once and gone."""

    fold: _Fold
    chunks: list[Chunk]
    told_ns: int | None
    offset: int
    taken_ns: int
    spans: list[tuple[int, int]]
    is_new: bool
    ended: list[_Fold] = field(default_factory=list)


class PartitionHearing:
    """Hears the messages of one partition, in order.

    Args:
        keep_clip: Keeps sound, returns its address.
        tails: Of the sensors that were heard before.
        lost: Sound from before the first message may be gone, so the border of a sensor without a tail is marked.
    """

    def __init__(
        self,
        site: Site,
        detector: Detector,
        keep: Keep,
        keep_clip: KeepClip,
        tails: Mapping[str, Tail],
        *,
        lost: bool = False,
    ) -> None:
        self._site, self._keep, self._keep_clip, self._lost = site, keep, keep_clip, lost
        self._codec, self._judge, self._card = AudioCodec(site), Judge(detector), detector.card
        self._tails = dict(tails)
        self._sensors: dict[str, _Sensor] = {}

    def hear(self, deliveries: Iterable[Delivery]) -> list[Outcome]:
        """One outcome for each message, but none for one that came twice."""
        dead: list[Outcome] = []
        messages = [one for one in (self._decoded(each, dead) for each in deliveries) if one is not None]
        heard = [one for one in sorted(messages, key=lambda one: one.chunk.start_ns) if self._take(one)]
        touched = {one.chunk.sensor_id: one for one in heard}
        self._score([self._sensors[name] for name in touched], heard)
        for name, last in touched.items():
            last.told = self._tell(self._sensors[name])
        outcomes = [self._outcome(one) for one in heard]
        self._judge.forget()
        return [*dead, *outcomes]

    def ends(self, now_ns: int) -> list[Outcome]:
        """Sensors that have not spoken for long while others have: what is left of them is told, and they are gone."""
        silent = [name for name, tail in self._tails.items() if tail.taken_ns < now_ns - GONE_NS]
        return self._finish([name for name in silent if name not in self._sensors])

    def finish(self) -> list[Outcome]:
        """No more sound will come of anyone."""
        return self._finish(list(self._sensors))

    def tails(self) -> dict[str, Tail]:
        """What hearing the next message needs of every sensor."""
        return {**self._tails, **{name: self._tail(sensor) for name, sensor in self._sensors.items()}}

    def _decoded(self, delivery: Delivery, dead: list[Outcome]) -> _Message | None:
        try:
            chunk = self._codec.decode(delivery)
            ahead_s = (chunk.end_ns - delivery.timestamp_ns) / NS_PER_S
            if ahead_s > FUTURE_S:
                raise BusError(
                    f"The message of sensor {delivery.key!r} is {ahead_s:.0f} s in the future. Set the sensor's clock."
                )
        except (BusError, NounError) as error:
            dead.append(_dead(delivery, str(error)))
            return None
        return _Message(delivery, chunk)

    def _take(self, message: _Message) -> bool:
        """Whether the message is new; its windows are cut then."""
        chunk = message.chunk
        sensor = self._sensor(chunk.sensor_id)
        sensor.offset = max(sensor.offset, message.delivery.offset)
        sensor.taken_ns = max(sensor.taken_ns, message.delivery.timestamp_ns)
        span = (chunk.start_ns, chunk.end_ns)
        if span in sensor.spans:
            return False
        message.border_lost, sensor.is_new = self._lost and sensor.is_new, False
        sensor.spans = [*sensor.spans, span][-SPANS:]
        self._cut(sensor, message)
        if self._keep == "all":
            message.clip = self._keep_clip(chunk) or ""
        return True

    def _cut(self, sensor: _Sensor, message: _Message) -> None:
        windows, notices = sensor.fold.hearing.take(message.chunk)
        kinds = {notice.kind for notice in notices}
        if "repeated" in kinds:  # it came so late that what follows it is told already: it is heard by itself
            alone = _Fold(self._begin(message.chunk.sensor_id), final=True)
            windows = (*alone.hearing.take(message.chunk)[0], *alone.hearing.finish())
            alone.windows.extend(windows)
            sensor.ended.append(alone)
            message.completed.extend(windows)
            return
        sensor.fold.windows.extend(windows)
        if "step" in kinds:  # the clock went back: of the new time nothing has been told
            sensor.fold.final = True
            sensor.ended.append(sensor.fold)
            sensor.fold, sensor.told_ns, sensor.chunks = _Fold(self._begin(message.chunk.sensor_id)), None, []
            windows, _ = sensor.fold.hearing.take(message.chunk)
            sensor.fold.windows.extend(windows)
        sensor.chunks.append(message.chunk)
        message.completed.extend(windows)
        message.ending = sensor.fold.hearing.ending()

    def _sensor(self, sensor_id: str) -> _Sensor:
        sensor = self._sensors.get(sensor_id)
        if sensor is None:
            sensor = self._sensors[sensor_id] = self._resumed(sensor_id)
        return sensor

    def _resumed(self, sensor_id: str) -> _Sensor:
        tail = self._tails.get(sensor_id)
        if tail is None:
            return _Sensor(_Fold(self._begin(sensor_id)), [], None, -1, 0, [], is_new=True)
        fold = _Fold(self._begin(sensor_id, tail.told_ns))
        for chunk in tail.chunks:
            fold.windows.extend(fold.hearing.take(chunk)[0])
        spans, chunks = list(tail.spans), list(tail.chunks)
        return _Sensor(fold, chunks, tail.told_ns, tail.offset, tail.taken_ns, spans, is_new=False)

    def _begin(self, sensor_id: str, resume_ns: int | None = None) -> SensorHearing:
        known = self._site.sensors.get(sensor_id)
        sigma_s = known.clock_sigma_s if known else 0.001
        return SensorHearing(sensor_id, self._card, self._keep, clock_sigma_s=sigma_s, resume_ns=resume_ns)

    def _score(self, sensors: Iterable[_Sensor], messages: Iterable[_Message] = ()) -> None:
        windows = [window for one in sensors for fold in (*one.ended, one.fold) for window in fold.windows]
        self._judge.score([*windows, *(window for one in messages for window in one.ending)])

    def _tell(self, sensor: _Sensor) -> list[Told]:
        """What can be told of a sensor now, its clips kept."""
        told: list[Told] = []
        for fold in (*sensor.ended, sensor.fold):
            for window in fold.windows:
                fold.hearing.decided(window, decide(window, self._judge.of(window), self._card))
            fold.windows.clear()
            its_own = list(fold.hearing.release(self._keep_clip, final=fold.final))
            told.extend(its_own)
            if its_own and fold is sensor.fold:
                sensor.told_ns = its_own[-1].heard.until_ns
        sensor.ended.clear()
        return told

    def _finish(self, names: Sequence[str]) -> list[Outcome]:
        outcomes = []
        for name in names:
            sensor = self._sensor(name)
            sensor.fold.windows.extend(sensor.fold.hearing.finish())
            sensor.fold.final = True
            self._score([sensor])
            row = LoggedClip(sensor_id=name, start_ns=0, duration_s=None, gunshot=False, score=None, classes={})
            outcomes.append(_told(Outcome(kind=END, row=row), self._tell(sensor)))
            del self._sensors[name]
            self._tails.pop(name, None)
        self._judge.forget()
        return outcomes

    def _outcome(self, message: _Message) -> Outcome:
        chunk, delivery = message.chunk, message.delivery
        classes = self._judge.classes(chunk, (*message.completed, *message.ending))
        told = (one for each in message.told for one in each.detections if one.is_gunshot and one.clip)
        cut = (one.clip or "" for one in told if chunk.start_ns - BORDER_NS <= one.onset_ns < chunk.end_ns)
        row = LoggedClip(
            sensor_id=chunk.sensor_id,
            start_ns=chunk.start_ns,
            duration_s=chunk.duration_s,
            gunshot=classes[GUNSHOT] >= self._card.possible,
            score=classes[GUNSHOT],
            classes=dict(list(classes.items())[:CLASSES_LOGGED]),
            model=self._card.name,
            clip=message.clip or next(cut, ""),
            topic=delivery.topic,
            partition=delivery.partition,
            offset=delivery.offset,
            border_lost=message.border_lost,
        )
        return _told(Outcome(kind=CLIP, row=row, taken_ns=delivery.timestamp_ns), message.told)

    def _tail(self, sensor: _Sensor) -> Tail:
        """Sound from what is told on, and as much before it as the fold and a clip look back."""
        chunks = tuple(sensor.chunks)
        if sensor.told_ns is not None:
            back_s = takeover_s(self._card) - undecided_s(self._card)
            chunks = trimmed(chunks, sensor.told_ns - round(back_s * NS_PER_S))
        return Tail(
            told_ns=sensor.told_ns,
            chunks=chunks,
            offset=sensor.offset,
            taken_ns=sensor.taken_ns,
            spans=tuple(sensor.spans),
        )


def _told(outcome: Outcome, told: Sequence[Told]) -> Outcome:
    detections = tuple(one for each in told for one in each.detections)
    return replace(outcome, detections=detections, heard_ns=told[-1].heard.until_ns if told else None)


def _dead(delivery: Delivery, reason: str) -> Outcome:
    row = LoggedClip(
        sensor_id=delivery.key,
        start_ns=0,
        duration_s=None,
        gunshot=False,
        score=None,
        classes={},
        topic=delivery.topic,
        partition=delivery.partition,
        offset=delivery.offset,
    )
    value, headers = delivery.value, dict(delivery.headers)
    return Outcome(kind=DEAD, row=row, taken_ns=delivery.timestamp_ns, reason=reason, dead=value, headers=headers)
