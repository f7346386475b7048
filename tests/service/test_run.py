"""The running service: sources, bus and pipeline together, and what happens when one of them fails."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from dhishoom.buses.audio_message import chunk_from_message, chunk_to_message
from dhishoom.buses.memory import MemoryBus
from dhishoom.detectors.energy import EnergyDetector
from dhishoom.errors import SourceError
from dhishoom.nouns import Chunk
from dhishoom.seams import AUDIO_TOPIC, DEAD_TOPIC, Delivery
from dhishoom.service.intake import UNSENT_MAX, Feed, Feeder
from dhishoom.service.live import Live
from dhishoom.service.pipeline import Pipeline
from dhishoom.service.run import Service
from dhishoom.stores.memory import MemoryStore

from .city import Bang, City

END_S = 60.0


class Codec:
    """As wiring makes it."""

    def encode(self, chunk: Chunk) -> tuple[bytes, Mapping[str, str]]:
        """As .npy."""
        return chunk_to_message(chunk)

    def decode(self, delivery: Delivery) -> Chunk:
        """Any form."""
        return chunk_from_message(delivery.key, delivery.value, delivery.headers, timestamp_ns=delivery.timestamp_ns)


class Endless(City):
    """Plays its city, then waits to be closed."""

    def __init__(self, *bangs: Bang, **options: Any) -> None:
        super().__init__(bangs, **options)
        self.played, self._closing = threading.Event(), threading.Event()

    def chunks(self) -> Iterator[Chunk]:
        """Everything, then nothing until the end."""
        yield from super().chunks()
        self.played.set()
        self._closing.wait()

    def close(self) -> None:
        """End."""
        self._closing.set()


class Broken(City):
    """Fails after its first chunk."""

    def __init__(self, error: Exception) -> None:
        super().__init__(rows=1, columns=1)
        self._error = error

    def chunks(self) -> Iterator[Chunk]:
        """One chunk, then the failure."""
        yield next(super().chunks())
        raise self._error


class House:
    """A service over memory."""

    def __init__(self, *sources: Any, patient: bool = True, messages_max: int = 1000) -> None:
        self.bus, self.store, self.live = MemoryBus(messages_max), MemoryStore(), Live()
        feeds = [Feed(name=f"f{at}", source=one, patient=patient) for at, one in enumerate(sources)]
        pipeline = Pipeline(City().site(), EnergyDetector(), self.store, publish=self.live.publish)
        self.health = pipeline.health
        self.service = Service(feeds, self.bus, Codec(), pipeline, self.live)

    def run(self) -> House:
        """To the end of its sources."""
        self.service.start()
        assert self.service.wait(END_S)
        return self

    def kinds(self) -> set[str]:
        """Of events so far."""
        return {event.kind for event in self.live.since(0)}


def test_a_source_is_heard_to_its_end() -> None:
    """Everything is stored, acknowledged and told when the service ends by itself."""
    house = House(City((Bang(3.0, 250.0, 100.0),), seconds=8.0)).run()

    (incident,) = house.store.incidents()
    assert incident.status == "located"
    assert house.bus.lag(AUDIO_TOPIC) == 0
    assert house.kinds() >= {"strips", "sensors", "detection", "incident"}
    assert house.health.counts["chunks_total"] == 48


def test_a_recording_waits_where_the_bus_is_full() -> None:
    """A patient source loses nothing though the bus holds two messages."""
    house = House(City((Bang(3.0, 250.0, 100.0),), seconds=8.0), messages_max=2).run()

    assert house.health.counts["chunks_total"] == 48
    assert "chunks_lost" not in house.health.counts
    assert len(house.store.incidents()) == 1


def test_stopping_stores_what_was_heard() -> None:
    """A live source never ends; stop closes it, and what it said is decided and stored."""
    source = Endless(Bang(3.0, 0.0, 0.0), rows=1, columns=1, seconds=3.6)
    house = House(source)
    house.service.start()
    assert source.played.wait(END_S)

    house.service.stop()
    house.service.stop()

    assert house.service.wait(END_S)
    assert len(house.store.detections()) == 1


@pytest.mark.parametrize(
    ("error", "words"), [(SourceError("the cable is cut."), "the cable is cut"), (RuntimeError("oh"), "report it")]
)
def test_one_source_fails_and_the_others_go_on(error: Exception, words: str) -> None:
    """The reason is told; the incident of the others is found all the same. An unforeseen error says what it is."""
    house = House(Broken(error), City((Bang(3.0, 250.0, 100.0),), seconds=8.0)).run()

    (failure,) = house.service.failures
    assert words in str(failure)
    assert next(e.payload["kind"] for e in house.live.since(0) if e.kind == "notice") == "failure"
    assert len(house.store.incidents()) == 1


def test_a_message_that_is_no_sound_goes_to_the_dead_letters() -> None:
    """With its reason; the messages after it are heard."""
    source = Endless(Bang(3.0, 0.0, 0.0), rows=1, columns=1, seconds=6.0)
    house = House(source)
    house.bus.publish(AUDIO_TOPIC, "s01", b"\x80\x04pickled", {"ce_id": "1"})
    house.service.start()
    assert source.played.wait(END_S)
    house.service.stop()
    assert house.service.wait(END_S)

    (dead,) = house.bus.poll(DEAD_TOPIC, messages_max=9, wait_s=0.0)
    assert dead.value == b"\x80\x04pickled"
    assert "numpy.save" in dead.headers["dhishoom_reason"]
    assert house.health.counts["dead_letters"] == 1
    assert len(house.store.detections()) == 1


def test_a_live_source_loses_its_oldest_sound_first_and_counts_it() -> None:
    """With nobody reading the bus, what waits is bounded; every lost chunk is counted."""
    bus, lost = MemoryBus(3), list[int]()
    source = City(rows=1, columns=1, seconds=(UNSENT_MAX + 10) * 0.01, chunk_s=0.01)
    feeder = Feeder(Feed(name="f", source=source, patient=False), bus, Codec(), lost.append)
    thread = threading.Thread(target=feeder.run)
    thread.start()
    first = bus.poll(AUDIO_TOPIC, messages_max=3, wait_s=END_S)
    thread_done = threading.Event()
    while not thread_done.wait(0.01) and sum(lost) < 7:
        pass
    feeder.stop()
    thread.join(END_S)

    assert sum(lost) == 7
    assert first[0].headers["ce_id"].startswith("s01/")
