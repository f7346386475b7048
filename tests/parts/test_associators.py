"""Association over the bus: the same incidents as one machine, region by region, whoever dies."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from tools.parts.running import eventually

from dhishoom.core.association import AssociationLimits, associate_all
from dhishoom.detectors.energy import EnergyDetector
from dhishoom.nouns import Incident, Site
from dhishoom.seams import AUDIO_TOPIC, INCIDENTS_TOPIC, Detector
from dhishoom.service.associator import Associator
from dhishoom.service.duty import Duty
from dhishoom.service.regions import Region, regions
from dhishoom.service.worker import CityWorker
from dhishoom.stores.memory import MemoryStore
from tests.service.city import Bang, City, Doubtful

from .city_workers import Codec, publish, turn_until

pytest.importorskip("confluent_kafka")
pytestmark = [pytest.mark.parts, pytest.mark.xdist_group("city")]

LIMITS = AssociationLimits(range_m=2000.0)
"""A few sensors that hear a bang are still farther away; they add nothing to its place."""
BANGS = (Bang(3.0, 350.0, 100.0), Bang(9.0, 2620.0, 180.0), Bang(16.0, 4800.0, 60.0))
"""In the west, on the border of two regions, in the east."""


class Wires:
    """Topics with the detections of a long street, and what is told of them."""

    def __init__(self, broker: Any, name: str, source: City) -> None:
        from dhishoom.buses.kafka_link import KafkaLink

        self.link = KafkaLink(servers=broker.servers, partitions=4, topic_prefix=f"{name}.")
        self.name, self.opened = name, list[Any]()
        self.source = source
        self.store = MemoryStore()

    def bus(self, group: str = "") -> Any:
        """A member of a group."""
        from dhishoom.buses.kafka import KafkaBus

        self.opened.append(KafkaBus(self.link, group=group or self.name, session_ms=1500))
        return self.opened[-1]

    def read(self, topic: str, start: Any) -> Any:
        """A whole topic."""
        from dhishoom.buses.kafka_reader import KafkaReader

        return KafkaReader(self.link, topic, start)

    def hear(self, detector: Detector) -> None:
        """Its sound becomes detections, candidates and promises on the bus."""
        publish(self.bus(), AUDIO_TOPIC, self.source.chunks())
        worker = CityWorker(self.source.site(), detector, self.store, self.bus(), Codec())
        counter = self.bus()
        turn_until([worker], lambda: counter.lag(AUDIO_TOPIC) == 0)

    def associator(self, region: Region, store: Any, limits: AssociationLimits = LIMITS) -> Associator:
        """Of a region."""
        return Associator(region, self.bus, self.read, store, limits=limits)


@pytest.fixture(params=["square"])
def wires(request: pytest.FixtureRequest, kafka: Any, fresh: str) -> Iterator[Wires]:
    """With everything heard: of a small square, also by a model less sure, or of a street of five kilometres."""
    square = City((Bang(3.0, 250.0, 100.0), Bang(9.0, 420.0, 280.0)), rows=2, columns=3, seconds=16.0)
    street = City(BANGS, rows=2, columns=16, spacing_m=350.0, seconds=24.0)
    made = Wires(kafka, fresh, street if request.param == "street" else square)
    made.hear(Doubtful() if request.param == "square, in doubt" else EnergyDetector())
    yield made
    for bus in made.opened:
        bus.abandon()


def essence(incidents: Any, *, sensors: bool = True) -> list[tuple[Any, ...]]:
    """What is known of incidents, in order of time; places to the metre."""
    ordered: list[Incident] = sorted(incidents, key=lambda one: one.time_ns)
    return [
        (
            one.incident_id,
            one.status,
            one.rounds,
            one.sensor_ids if sensors else (),
            one.position and (round(one.position.x_m), round(one.position.y_m)),
        )
        for one in ordered
    ]


def whole(site: Site) -> Region:
    """The city as one region."""
    return regions(site, 1, LIMITS.range_m)[0]


def test_incidents_over_the_bus_are_those_of_one_machine(wires: Wires) -> None:
    """And each revision is on the bus, under the incident's name."""
    expected = associate_all(wires.source.site(), wires.store.detections(limit=10_000), LIMITS)
    store = MemoryStore()

    wires.associator(whole(wires.source.site()), store).catch_up()

    assert [one.status for one in expected] == ["located", "located"]
    assert essence(store.incidents()) == essence(expected)
    reader, keys = wires.read(INCIDENTS_TOPIC, "earliest"), set()
    while not reader.is_at_end():
        for one in reader.poll(messages_max=500, wait_s=0.5):
            assert json.loads(one.value)["id"] == one.key
            keys.add(one.key)
    reader.close()
    assert keys == {one.incident_id for one in expected}


@pytest.mark.parametrize("wires", ["square, in doubt"], indirect=True)
def test_what_a_worker_was_not_sure_of_counts_and_then_has_a_row(wires: Wires) -> None:
    """Every row that an incident rests on is there: the worker's, or, of a candidate, the associator's."""
    store, limits = MemoryStore(), replace(LIMITS, alone_min=0.98)
    wires.associator(whole(wires.source.site()), store, limits).catch_up()

    sure = {one.detection_id: one.score for one in wires.store.detections(limit=10_000)}
    borne_out = {one.detection_id: one.score for one in store.detections(limit=10_000)}
    told = {name for one in store.incidents() for shot in one.shots for name in shot.detection_ids}
    assert min(sure.values()) >= 0.98 > max(borne_out.values())
    assert set(borne_out) <= told <= sure.keys() | borne_out.keys()
    assert [len(one.sensor_ids) for one in store.incidents()] == [6, 6]


@pytest.mark.parametrize("wires", ["street"], indirect=True)
def test_a_shot_on_the_border_of_regions_is_one_incident(wires: Wires) -> None:
    """Each region tells its own; together they tell what one would."""
    site = wires.source.site()
    alone, together = MemoryStore(), MemoryStore()
    wires.associator(whole(site), alone).catch_up()

    told = []
    for region in regions(site, 2, LIMITS.range_m):
        one = wires.associator(region, together)
        one.catch_up()
        told.append(one.told)

    assert min(told) >= 1
    assert len(together.incidents()) == len(BANGS)
    assert essence(together.incidents(), sensors=False) == essence(alone.incidents(), sensors=False)


def test_one_that_dies_is_followed_by_one_that_tells_the_same(wires: Wires) -> None:
    """Every few messages, its state saved or not: the same incidents in the same revisions."""
    site = wires.source.site()
    alone, store = MemoryStore(), MemoryStore()
    wires.associator(whole(site), alone).catch_up()

    class Mortal(Associator):
        """Dies after so many turns, and saves now and then."""

        left = 0

        def _turn(self, reader: Any, *, to_the_end: bool = False) -> bool:
            self.left -= 1
            if self.left < 0:
                raise RuntimeError("killed")
            settled = super()._turn(reader, to_the_end=to_the_end)
            if self.left == 1:
                self._save(reader.positions)
            return settled

    region = whole(site)
    second = replace(region, count=99)  # the same, under another name
    for turns in (1, 2, 3, 2, 4):
        one = Mortal(second, wires.bus, _few(wires), store, limits=LIMITS)
        one.left = turns
        try:
            one.catch_up()
        except RuntimeError:
            continue
    wires.associator(second, store).catch_up()

    assert essence(store.incidents()) == essence(alone.incidents())
    for incident in alone.incidents():
        assert len(store.incident_history(incident.incident_id)) == len(alone.incident_history(incident.incident_id))


def _few(wires: Wires) -> Any:
    """Readers that give little at a time."""

    def read(topic: str, start: Any) -> Any:
        reader = wires.read(topic, start)
        poll = reader.poll
        reader.poll = lambda *, messages_max, wait_s: poll(messages_max=min(messages_max, 60), wait_s=wait_s)
        return reader

    return read


def test_one_process_at_a_time_does_a_duty_and_another_takes_it_up(wires: Wires) -> None:
    """Two stand by; when the one that works stops, the other begins."""
    working: list[str] = []

    class Work:
        """Says who works."""

        def __init__(self, who: str) -> None:
            self.name, self._stopped = who, threading.Event()

        def run(self) -> None:
            """Until it is stopped."""
            working.append(self.name)
            self._stopped.wait()
            working.remove(self.name)

        def stop(self) -> None:
            """End."""
            self._stopped.set()

    def begin(work: Work) -> None:
        threading.Thread(target=work.run, daemon=True).start()

    duties = [
        Duty(who, lambda: wires.bus("duty"), lambda who=who: [Work(who)], begin)  # type: ignore[misc, arg-type]
        for who in ("first", "second")
    ]
    threads = [threading.Thread(target=one.run, daemon=True) for one in duties]
    for thread in threads:
        thread.start()
    eventually(lambda: len(working) == 1, "one works")
    (who,) = working
    duties[["first", "second"].index(who)].stop()

    eventually(lambda: working not in ([], [who]), "the other has taken it up")

    assert len(working) == 1
    for one, thread in zip(duties, threads, strict=True):
        one.stop()
        thread.join(30.0)
    eventually(lambda: working == [], "nobody works")
