"""The loop's body: what is stored and told of what a small city hears."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from dhishoom.core.timestamps import from_rfc3339
from dhishoom.detectors.energy import EnergyDetector
from dhishoom.errors import StoreError
from dhishoom.messages import Json
from dhishoom.nouns import NS_PER_S, Chunk, Detection, Incident
from dhishoom.service.hearing import Keep
from dhishoom.service.pipeline import Listening, Pipeline
from dhishoom.stores.memory import MemoryStore

from .city import BEGIN_NS, RATE, Bang, City, Doubtful

CITY = City((Bang(2.3, 200.0, 100.0), Bang(5.9, 400.0, 250.0), Bang(6.25, 400.0, 250.0)), seconds=8.5)


@cache
def by_sensor(chunk_s: float = 1.0) -> dict[str, list[Chunk]]:
    """What every sensor of the city sends."""
    city = City(CITY._bangs, seconds=8.5, chunk_s=chunk_s)
    return {name: city.chunks_of(name) for name in city.sensors}


def heard(
    batches: Iterable[Sequence[Chunk]], *, keep: Keep = "shots", detector: type[EnergyDetector] = EnergyDetector
) -> MemoryStore:
    """A store after the city was heard in these batches."""
    store = MemoryStore()
    pipeline = Pipeline(CITY.site(), detector(), store, listening=Listening(keep=keep))
    for batch in batches:
        pipeline.take(batch)
    pipeline.finish()
    return store


def in_order_of_time(chunk_s: float = 1.0) -> list[list[Chunk]]:
    """All sensors together, as a live city sends them."""
    return [list(together) for together in zip(*by_sensor(chunk_s).values(), strict=True)]


def rows(store: MemoryStore) -> tuple[Any, ...]:
    """Everything stored."""
    detections = list(store.detections())
    clips = {one.clip: store.read_clip(one.clip) for one in detections if one.clip}
    incidents = list(store.incidents())
    return detections, clips, incidents, [list(store.incident_history(one.incident_id)) for one in incidents]


@cache
def expected() -> tuple[Any, ...]:
    """What the city leaves when heard in order of time."""
    return rows(heard(in_order_of_time()))


def test_a_shot_and_a_burst_become_two_incidents_where_they_were_fired() -> None:
    """The first within 10 m of the truth with one round, the second with two."""
    burst, single = expected()[2]

    assert (single.rounds, burst.rounds) == (1, 2)
    for incident, (x, y) in ((single, (200.0, 100.0)), (burst, (400.0, 250.0))):
        assert incident.status == "located"
        assert np.hypot(incident.position.x_m - x, incident.position.y_m - y) < 10.0


@settings(max_examples=12, deadline=None)
@given(data=st.data())
def test_any_interleaving_of_sensors_gives_the_same_rows(data: st.DataObject) -> None:
    """However the sensors' messages mix, and in whatever batches: the same detections, clips and incidents."""
    waiting = {name: list(chunks) for name, chunks in by_sensor().items()}
    batches: list[list[Chunk]] = [[]]
    while any(waiting.values()):
        name = data.draw(st.sampled_from([name for name, chunks in waiting.items() if chunks]))
        batches[-1].append(waiting[name].pop(0))
        if data.draw(st.booleans()):
            batches.append([])

    assert rows(heard(batches)) == expected()


@pytest.mark.parametrize("chunk_s", [0.25, 0.37, 4.0])
def test_how_the_sound_is_cut_does_not_matter(chunk_s: float) -> None:
    """Quarter seconds, odd pieces or long ones: the same rows, the same bytes in the clips."""
    chunks = sorted((chunk for some in by_sensor(chunk_s).values() for chunk in some), key=lambda one: one.end_ns)

    assert rows(heard([[chunk] for chunk in chunks])) == expected()


def test_replaying_into_the_same_store_adds_nothing() -> None:
    """The second time writes the same keys."""
    store = MemoryStore()
    for _ in range(2):
        pipeline = Pipeline(CITY.site(), EnergyDetector(), store)
        for batch in in_order_of_time():
            pipeline.take(batch)
        pipeline.finish()

    assert rows(store) == expected()


def test_a_clip_is_the_shot_with_a_second_on_either_side() -> None:
    """Two seconds about a single shot; the loudest sample just after its first."""
    detections, clips, _, _ = expected()
    first = min(detections, key=lambda one: one.onset_ns)

    samples, rate = soundfile.read(io.BytesIO(clips[first.clip]), dtype="float32")

    assert rate == RATE
    assert abs(len(samples) / rate - 2.0) < 0.001
    assert abs(int(np.argmax(np.abs(samples))) / rate - 1.0) < 0.05


def test_neighbouring_shots_share_a_clip() -> None:
    """The two shots of a burst that fall in one window lie in one clip of one sensor."""
    of_one = [one for one in expected()[0] if one.sensor_id == "s06"]
    clips = [one.clip for one in of_one]

    assert len(clips) == 3
    assert len(set(clips)) == 2


def test_at_the_end_of_the_sound_a_clip_is_as_long_as_there_is_sound() -> None:
    """A shot half a second before the end is kept with half a second after it."""
    city = City((Bang(3.0, 0.0, 0.0),), rows=1, columns=1, seconds=3.5)
    store = MemoryStore()
    pipeline = Pipeline(city.site(), EnergyDetector(), store)

    pipeline.take(list(city.chunks()))
    pipeline.finish()

    (detection,) = store.detections()
    assert detection.clip is not None
    samples, rate = soundfile.read(io.BytesIO(store.read_clip(detection.clip)))
    assert len(samples) / rate == pytest.approx(1.5, abs=0.05)


@pytest.mark.parametrize(("keep", "clips"), [("none", 0), ("shots", 1), ("detections", 1), ("all", 9)])
def test_what_is_kept_is_what_was_asked_for(keep: Keep, clips: int) -> None:
    """Nothing; the shot; every detection; every chunk and the shot."""
    city = City((Bang(3.0, 0.0, 0.0),), rows=1, columns=1, seconds=8.0)
    store = MemoryStore()
    pipeline = Pipeline(city.site(), EnergyDetector(), store, listening=Listening(keep=keep))

    pipeline.take(list(city.chunks()))
    pipeline.finish()

    assert len(store.removable_clips(limit=100)) == clips
    assert [one.clip is None for one in store.detections()] == [keep == "none"]


class Events(list[tuple[str, Json]]):
    """What was published."""

    def publish(self, kind: str, payload: Json) -> None:
        """Keep it."""
        self.append((kind, payload))

    def of(self, kind: str) -> list[Json]:
        """Payloads of one kind."""
        return [payload for told, payload in self if told == kind]


def listening_to(city: City, store: Any, events: Events) -> Pipeline:
    """A pipeline that publishes to `events`."""
    return Pipeline(city.site(), EnergyDetector(), store, publish=events.publish)


def test_every_detection_and_revision_is_published() -> None:
    """Live events are the stored rows, in the forms of the API."""
    store, events = MemoryStore(), Events()
    pipeline = listening_to(CITY, store, events)
    for batch in in_order_of_time():
        pipeline.take(batch)
    pipeline.finish()

    assert {one["id"] for one in events.of("detection")} == {one.detection_id for one in store.detections()}
    told = [(one["id"], one["revision"]) for one in events.of("incident")]
    assert sorted(told) == sorted(
        (one.incident_id, each.revision)
        for one in store.incidents()
        for each in store.incident_history(one.incident_id)
    )


def test_strips_follow_each_other_and_show_the_shot() -> None:
    """Twenty peaks a second for every second; gunshot in the second of the bang alone."""
    city = City((Bang(3.0, 0.0, 0.0),), rows=1, columns=1, seconds=6.0)
    pipeline = Pipeline(city.site(), EnergyDetector(), MemoryStore())
    pipeline.take(list(city.chunks()))
    pipeline.finish()

    strips = pipeline.take_strips()

    assert [from_rfc3339(one["time"]) - BEGIN_NS for one in strips] == [n * NS_PER_S for n in range(6)]
    assert [one["label"] for one in strips] == ["quiet", "quiet", "quiet", "gunshot", "quiet", "quiet"]
    assert [len(one["peaks"]) for one in strips] == [20] * 6
    assert max(strips[3]["peaks"]) > 0.3 > 0.01 > max(strips[1]["peaks"])
    assert pipeline.take_strips() == []


def test_a_gap_is_counted_and_shown_and_the_rest_is_heard() -> None:
    """A lost chunk costs a notice; the shot after it is found all the same."""
    city = City((Bang(5.0, 0.0, 0.0),), rows=1, columns=1, seconds=8.0)
    events = Events()
    pipeline = listening_to(city, MemoryStore(), events)
    chunks = list(city.chunks())

    pipeline.take([*chunks[:2], *chunks[3:]])
    pipeline.finish()

    (notice,) = events.of("notice")
    assert (notice["kind"], notice["sensor_id"]) == ("gap", "s01")
    assert pipeline.health.sensors()[0]["notices"] == {"gap": 1}
    assert len(events.of("detection")) == 1


def test_a_sensor_that_the_site_does_not_know_is_heard_and_told_once() -> None:
    """It cannot help to locate, but what it hears is kept."""
    city = City((Bang(3.0, 0.0, 0.0),), rows=1, columns=1, seconds=6.0)
    store, events = MemoryStore(), Events()
    pipeline = listening_to(city, store, events)

    pipeline.take([replace(chunk, sensor_id="stranger") for chunk in city.chunks()])
    pipeline.finish()

    assert [one["kind"] for one in events.of("notice")] == ["unknown"]
    assert "dhishoom.toml" in events.of("notice")[0]["detail"]
    assert [one.sensor_id for one in store.detections()] == ["stranger"]


class FailingStore(MemoryStore):
    """A disk that is full until it is mended."""

    def __init__(self) -> None:
        super().__init__()
        self.full = True

    def keep_clip(self, chunk: Chunk) -> str:
        """Refuse while full."""
        self._refuse()
        return super().keep_clip(chunk)

    def put_detections(self, detections: Sequence[Detection]) -> int:
        """Refuse while full."""
        self._refuse()
        return super().put_detections(detections)

    def put_incidents(self, incidents: Sequence[Incident]) -> None:
        """Refuse while full."""
        self._refuse()
        super().put_incidents(incidents)

    def _refuse(self) -> None:
        if self.full:
            raise StoreError("The disk is full. Free some space.")


def test_a_full_disk_stops_no_telling_and_rows_are_stored_once_it_is_mended() -> None:
    """Detections and incidents go out; the reason is told once; the rows follow when there is room."""
    store, events = FailingStore(), Events()
    pipeline = listening_to(CITY, store, events)
    for batch in in_order_of_time():
        pipeline.take(batch)
    pipeline.finish()
    assert list(store.detections()) == []

    store.full = False
    pipeline.retry()

    assert [one["detail"] for one in events.of("notice")] == ["The disk is full. Free some space."]
    assert len(events.of("detection")) == len(store.detections()) == len(expected()[0])
    assert list(store.incidents()) == expected()[2]
    assert all(one.clip is None for one in store.detections())


def test_a_sensor_that_falls_silent_is_decided_without_the_end_of_the_others() -> None:
    """Its last shot is told though no later sound completes the window."""
    city = City((Bang(3.0, 0.0, 0.0),), rows=1, columns=1, seconds=3.4)
    store = MemoryStore()
    pipeline = Pipeline(city.site(), EnergyDetector(), store)
    pipeline.take(list(city.chunks()))
    assert list(store.detections()) == []

    pipeline.finish_sensor("s01")
    pipeline.finish_sensor("never heard")

    assert len(store.detections()) == 1


def test_what_others_bear_out_becomes_a_detection() -> None:
    """Sensors that were not sure by themselves count among those that heard it; each has its row, the sure a clip."""
    detections, clips, incidents, _ = rows(heard(in_order_of_time(), detector=Doubtful))

    told = {name for incident in incidents for shot in incident.shots for name in shot.detection_ids}
    doubtful = [one for one in detections if one.score < 0.98]
    assert [len(one.sensor_ids) for one in incidents] == [6, 6]
    assert doubtful
    assert {one.detection_id for one in doubtful} <= told <= {one.detection_id for one in detections}
    assert all(bool(one.clip) == (one.score >= 0.98) for one in detections)
    assert all(clips.values())


@pytest.mark.parametrize("chunk_s", [0.25, 0.37, 4.0])
def test_how_the_sound_is_cut_does_not_matter_to_what_is_borne_out(chunk_s: float) -> None:
    """The same rows, the same bytes in the clips, but for the order in which they became detections."""
    chunks = sorted((chunk for some in by_sensor(chunk_s).values() for chunk in some), key=lambda one: one.end_ns)

    assert rows(heard([[chunk] for chunk in chunks], detector=Doubtful)) == rows(
        heard(in_order_of_time(), detector=Doubtful)
    )


def test_what_is_borne_out_is_told_once() -> None:
    """Of every row one live event, however often its incident is revised."""
    store, events = MemoryStore(), Events()
    pipeline = Pipeline(CITY.site(), Doubtful(), store, publish=events.publish)
    for batch in in_order_of_time():
        pipeline.take(batch)
    pipeline.finish()
    told = [one["id"] for one in events.of("detection")]
    assert sorted(told) == sorted(one.detection_id for one in store.detections())
    assert any(one["revision"] > 1 for one in events.of("incident"))
