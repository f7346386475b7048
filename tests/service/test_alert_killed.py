"""kill -9 while alerts are decided, kept and delivered: none is lost, none is decided twice, each arrives."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from dhishoom.detectors.energy import EnergyDetector
from dhishoom.messages import local_place
from dhishoom.nouns import NS_PER_S, Alert, Incident, Letter
from dhishoom.service.alert_text import Wording
from dhishoom.service.alerting import Alerting
from dhishoom.service.outbox import Courier
from dhishoom.service.pipeline import Pipeline
from dhishoom.service.rules import Rule
from dhishoom.stores.sql import SqlStore

from .city import Bang, City

RULES = [Rule(name="all", sinks=("paper",)), Rule(name="sure", sinks=("second",), score_min=0.6)]


def city() -> City:
    """A burst of two and a shot elsewhere, heard by six sensors."""
    return City((Bang(2.3, 200.0, 100.0), Bang(5.2, 400.0, 250.0), Bang(5.9, 400.0, 250.0)), seconds=8.5)


class MortalStore(SqlStore):
    """Kills its process, without a goodbye, before or after its n-th write that alerts have to do with."""

    def __init__(self, folder: Path, dies_at: int) -> None:
        super().__init__(f"sqlite:///{folder}/dhishoom.db", folder / "clips")
        self._left = dies_at

    def put_incidents(self, incidents: Sequence[Incident], letters: Sequence[Letter] = ()) -> None:
        """Rows, and what they make known."""
        self._age()
        super().put_incidents(incidents, letters)
        self._age()

    def attempt_letter(self, *which: Any, **when: Any) -> bool:
        """A delivery begins."""
        self._age()
        taken = super().attempt_letter(*which, **when)
        self._age()
        return taken

    def settle_letter(self, *which: Any, **how: Any) -> None:
        """A delivery has ended."""
        self._age()
        super().settle_letter(*which, **how)
        self._age()

    def _age(self) -> None:
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


class Paper:
    """A receiver that outlives the service: a line for each alert it gets."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def deliver(self, alert: Alert) -> str:
        """Write it down."""
        with self._path.open("a", encoding="utf-8") as lines:
            lines.write(f"{alert.alert_id}\n")
        return "written"

    def close(self) -> None:
        """Nothing to free."""


class Office:
    """Alerts by a clock that follows the sound."""

    def __init__(self, store: SqlStore, folder: Path) -> None:
        self.now_ns = 0
        self._alerting = Alerting(RULES, store, Wording(place=local_place))
        self._couriers = [
            Courier(name, Paper(folder / name), store, lambda _: None, jitter=lambda: 1.0)
            for name in ("paper", "second")
        ]

    def letters(self, incident: Incident) -> Sequence[Letter]:
        """By the rules."""
        return self._alerting.letters(incident, now_ns=self.now_ns)

    def posted(self, letters: Sequence[Letter]) -> None:
        """Delivered with the next chunk."""

    def deliver(self, now_ns: int) -> None:
        """Whatever is due by then."""
        self.now_ns = now_ns
        for courier in self._couriers:
            while courier.deliver_due(now_ns):
                pass


def hear(folder: Path, dies_at: int = -1) -> None:
    """The city, second by second, and its alerts to the paper."""
    store = MortalStore(folder, dies_at)
    office = Office(store, folder)
    pipeline = Pipeline(city().site(), EnergyDetector(), store, alerts=office)
    for chunk in city().chunks():
        office.deliver(chunk.end_ns)
        pipeline.take([chunk])
    pipeline.finish()
    office.deliver(office.now_ns + 60 * NS_PER_S)
    store.close()


def hear_and_die(folder: Path, dies_at: int) -> None:
    """The same in a process of its own, which must be killed; made afresh, for a fork of many threads may crash."""
    process = multiprocessing.get_context("spawn").Process(target=hear, args=(folder, dies_at))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL


def decided(folder: Path) -> set[tuple[str, str]]:
    """Every letter that there is."""
    store = SqlStore(f"sqlite:///{folder}/dhishoom.db", folder / "clips")
    found = [(one.letter.sink, one.letter.alert.alert_id) for one in store.letters()]
    assert len(set(found)) == len(found)
    assert {one.state for one in store.letters()} <= {"delivered", "withdrawn"}
    delivered = {(one.letter.sink, one.letter.alert.alert_id) for one in store.letters(state="delivered")}
    store.close()
    written = {(name, line) for name in ("paper", "second") for line in (folder / name).read_text().splitlines()}
    assert written == delivered
    return set(found)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> set[tuple[str, str]]:
    """What a run decides that nobody kills."""
    folder = tmp_path_factory.mktemp("undisturbed")
    hear(folder)
    found = decided(folder)
    assert len({alert_id for _, alert_id in found}) >= 4
    return found


@pytest.mark.parametrize("dies_at", [1, 2, 3, 4, 5, 6, 9, 12, 16])
def test_every_alert_arrives_though_the_service_is_killed(dies_at: int, undisturbed: Any, tmp_path: Path) -> None:
    """Before and after each of the first writes: the same letters as ever, and all that is said to be delivered is."""
    hear_and_die(tmp_path, dies_at)

    hear(tmp_path)

    assert decided(tmp_path) == undisturbed


def test_killed_again_and_again_each_alert_still_arrives(undisturbed: Any, tmp_path: Path) -> None:
    """Five deaths, each a little further on."""
    for dies_at in (1, 3, 4, 6, 7):
        hear_and_die(tmp_path, dies_at)

    hear(tmp_path)

    assert decided(tmp_path) == undisturbed
