"""Alerts in the running service: decided with the incidents, delivered by threads that outlive their failures."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

import pytest

from dhishoom.buses.memory import MemoryBus
from dhishoom.detectors.energy import EnergyDetector
from dhishoom.errors import SinkError, StoreError
from dhishoom.messages import local_place
from dhishoom.nouns import NS_PER_S, Alert, Review
from dhishoom.service import supervisor
from dhishoom.service.alert_office import AlertOffice
from dhishoom.service.alert_text import Wording
from dhishoom.service.alerting import Alerting
from dhishoom.service.couriers import CourierRound, Heart, Line
from dhishoom.service.intake import Feed
from dhishoom.service.live import Live
from dhishoom.service.outbox import Courier
from dhishoom.service.pipeline import Pipeline
from dhishoom.service.rules import Rule
from dhishoom.service.run import Service
from dhishoom.stores.memory import MemoryStore

from .city import Bang, City
from .test_run import END_S, Codec, Endless


class Recorder:
    """A sink that remembers, and fails as it is told."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.taken: list[Alert] = []
        self.closed = 0
        self.got = threading.Semaphore(0)

    def deliver(self, alert: Alert) -> str:
        """Or fail."""
        if self.failures:
            raise self.failures.pop(0)
        self.taken.append(alert)
        self.got.release()
        return "heard"

    def close(self) -> None:
        """Count it."""
        self.closed += 1


class Station:
    """A service with alerts, over memory."""

    def __init__(self, source: Any, sink: Recorder, *, lease_s: float = 20.0) -> None:
        self.store, self.live, self.sink = MemoryStore(), Live(), sink
        alerting = Alerting([Rule(name="all", sinks=("radio",))], self.store, Wording(place=local_place))
        office = AlertOffice(alerting, self.store, {"radio": Line(sink=sink, lease_s=lease_s)}, self.live.publish)
        pipeline = Pipeline(City().site(), EnergyDetector(), self.store, publish=self.live.publish, alerts=office)
        feeds = [Feed(name="city", source=source, patient=True)]
        self.service = Service(feeds, MemoryBus(1000), Codec(), pipeline, self.live, workers=office.workers)

    def run(self) -> Station:
        """To the end of its source."""
        self.service.start()
        assert self.service.wait(END_S)
        return self

    def payloads(self, kind: str) -> list[dict[str, Any]]:
        """Of live events so far."""
        return [event.payload for event in self.live.since(0) if event.kind == kind]


BANG = Bang(3.0, 250.0, 100.0)


def test_an_incident_is_told_before_the_service_ends() -> None:
    """Stored, delivered, closed; the page is told of each step."""
    station = Station(City((BANG,), seconds=8.0), Recorder()).run()

    (incident,) = station.store.incidents()
    assert station.sink.taken[0].incident.incident_id == incident.incident_id
    assert {one.state for one in station.store.letters()} <= {"delivered", "withdrawn"}
    assert station.sink.closed == 1
    told = station.payloads("alerts")
    assert [one["state"] for one in told[0]["items"][0]["deliveries"]] == ["queued"]
    assert [one["state"] for one in told[-1]["items"][0]["deliveries"]] == ["delivered"]


def test_the_last_update_is_not_left_behind_at_the_end() -> None:
    """Two rounds, the second just before the recording ends: the update does not wait for a third."""
    station = Station(City((BANG, Bang(5.0, 250.0, 100.0)), seconds=6.0), Recorder()).run()

    assert station.sink.taken[0].kind == "new"
    assert station.sink.taken[-1].incident.rounds == 2
    assert "queued" not in {one.state for one in station.store.letters()}


def test_a_failed_delivery_is_told_in_the_log_and_on_the_page(caplog: pytest.LogCaptureFixture) -> None:
    """And made again."""
    caplog.set_level(logging.WARNING, "dhishoom")
    source = Endless(BANG, seconds=8.0)
    station = Station(source, Recorder(SinkError("the line is down.")))
    station.service.start()
    assert station.sink.got.acquire(timeout=END_S)
    station.service.stop()
    assert station.service.wait(END_S)

    assert "the line is down" in caplog.text
    assert any("the line is down" in one["detail"] for one in station.payloads("notice") if one["kind"] == "alert")


def test_a_sink_that_breaks_is_told_of_and_begins_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """An error that nobody foresaw ends neither the listening nor the deliveries."""
    monkeypatch.setattr(supervisor, "RESTART_S", 0.01)
    source = Endless(BANG, seconds=8.0)
    station = Station(source, Recorder(RuntimeError("oh")), lease_s=0.1)
    station.service.start()
    assert station.sink.got.acquire(timeout=END_S)
    station.service.stop()
    assert station.service.wait(END_S)

    assert "sink radio failed: RuntimeError: oh" in str(station.service.failures[0])
    assert station.sink.taken[0].kind == "new"


def test_a_dismissal_in_another_process_cancels(monkeypatch: pytest.MonkeyPatch) -> None:
    """The review is only found in the store, as `dhishoom review` writes it."""
    source = Endless(BANG, seconds=8.0)
    station = Station(source, Recorder())
    station.service.start()
    assert station.sink.got.acquire(timeout=END_S)
    incident = station.sink.taken[0].incident
    from time import time_ns

    said = Review(subject_id=incident.incident_id, verdict="dismissed", reviewer="Desk 2", time_ns=time_ns())
    station.store.put_review(said)
    while station.sink.taken[-1].kind != "cancel":
        assert station.sink.got.acquire(timeout=END_S)
    station.service.stop()
    assert station.service.wait(END_S)


class Turner:
    """One courier's round, turned by hand."""

    def __init__(self, store: Any, heart: Heart | None = None) -> None:
        self.said: list[str] = []
        courier = Courier("radio", Recorder(), store, self.said.append)
        self.round = CourierRound("radio", Recorder(), courier, self.said.append, heart)

    def turn(self, times: int) -> None:
        """As `run` does."""
        for number in range(times):
            self.round._turned(number * NS_PER_S)


def test_a_heart_beats_at_once_and_then_at_its_time() -> None:
    """Silence can be told from failure; a beat that fails is told of and the next one tried."""
    beats: list[int] = []
    turner = Turner(MemoryStore(), Heart(beat=beats.append, every_s=3600.0))
    turner.turn(3)
    assert beats == [0]

    def fail(_: int) -> None:
        raise SinkError("nobody there.")

    turner = Turner(MemoryStore(), Heart(beat=fail, every_s=0.0))
    turner.turn(3)
    assert turner.said == ["sink radio: nobody there."]


def test_a_store_that_fails_is_told_of_once_and_asked_again() -> None:
    """A locked database ends no courier."""
    store = MemoryStore()
    answers: list[Callable[[], object]] = []
    real = store.due_letters

    def due_letters(*which: Any, **when: Any) -> Any:
        if answers:
            answers.pop()()
        return real(*which, **when)

    def fail() -> None:
        raise StoreError("the database is locked.")

    store.due_letters = due_letters  # type: ignore[method-assign]
    answers += [fail, fail, fail]
    turner = Turner(store)
    turner.turn(5)
    assert turner.said == ["sink radio: the database is locked."]
