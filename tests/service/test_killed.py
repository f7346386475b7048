"""kill -9 at any moment, then again from the start: the rows and files of a run that was never disturbed."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from dhishoom.detectors.energy import EnergyDetector
from dhishoom.nouns import Chunk, Detection, Incident
from dhishoom.service.pipeline import Pipeline
from dhishoom.stores.sql import SqlStore

from .city import Bang, City


def city() -> City:
    """Three shots heard by six sensors."""
    return City((Bang(2.3, 200.0, 100.0), Bang(5.9, 400.0, 250.0), Bang(6.25, 400.0, 250.0)), seconds=8.5)


class MortalStore(SqlStore):
    """Kills its process, without a goodbye, before or after its n-th write."""

    def __init__(self, folder: Path, dies_at: int) -> None:
        super().__init__(f"sqlite:///{folder}/dhishoom.db", folder / "clips")
        self._left = dies_at

    def keep_clip(self, chunk: Chunk) -> str:
        """A clip."""
        self._age()
        kept = super().keep_clip(chunk)
        self._age()
        return kept

    def put_detections(self, detections: Sequence[Detection]) -> int:
        """Rows."""
        self._age()
        count = super().put_detections(detections)
        self._age()
        return count

    def put_incidents(self, incidents: Sequence[Incident]) -> None:
        """Rows."""
        self._age()
        super().put_incidents(incidents)
        self._age()

    def _age(self) -> None:
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def hear(folder: Path, dies_at: int = -1) -> None:
    """The city into a store, second by second."""
    store = MortalStore(folder, dies_at)
    pipeline = Pipeline(city().site(), EnergyDetector(), store)
    for chunk in city().chunks():
        pipeline.take([chunk])
    pipeline.finish()
    store.close()


def hear_until_a_file_is_to_last(folder: Path, dies_at: int) -> None:
    """The same, killed between the bytes of the first clip and its name."""
    with mock.patch.object(os, "fsync", die):
        hear(folder, dies_at)


def die(_: int) -> None:
    """Without a goodbye."""
    os.kill(os.getpid(), signal.SIGKILL)


def hear_and_die(folder: Path, dies_at: int, target: Callable[[Path, int], None] = hear) -> None:
    """The same in a process of its own, which must be killed; made afresh, for a fork of many threads may crash."""
    process = multiprocessing.get_context("spawn").Process(target=target, args=(folder, dies_at))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL


def everything(folder: Path) -> dict[str, Any]:
    """Every row, and every file byte for byte."""
    store = SqlStore(f"sqlite:///{folder}/dhishoom.db", folder / "clips")
    incidents = list(store.incidents())
    found = {
        "detections": list(store.detections()),
        "incidents": incidents,
        "revisions": [list(store.incident_history(one.incident_id)) for one in incidents],
        "clips": [tuple(one) for one in store.removable_clips(limit=1000)],
        "files": {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in sorted((folder / "clips").rglob("*"))
            if path.is_file()
        },
    }
    store.close()
    return found


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a run leaves that nobody kills."""
    folder = tmp_path_factory.mktemp("undisturbed")
    hear(folder)
    return everything(folder)


@pytest.mark.parametrize("dies_at", [1, 2, 3, 8, 15, 16, 31, 40])
def test_a_killed_run_begun_again_leaves_the_same(dies_at: int, undisturbed: Any, tmp_path: Path) -> None:
    """Between clip and row, between row and incident, within a burst: nothing lost, nothing doubled."""
    hear_and_die(tmp_path, dies_at)

    hear(tmp_path)

    assert everything(tmp_path) == undisturbed


def test_killed_again_and_again_it_still_ends_the_same(undisturbed: Any, tmp_path: Path) -> None:
    """Three deaths, each further on."""
    for dies_at in (2, 9, 25):
        hear_and_die(tmp_path, dies_at)

    hear(tmp_path)

    assert everything(tmp_path) == undisturbed


def test_a_clip_that_was_being_written_is_not_there(tmp_path: Path) -> None:
    """Killed between the bytes and the name: no clip, no row; what is left is swept up when the store is adopted."""
    hear_and_die(tmp_path, -1, hear_until_a_file_is_to_last)
    store = SqlStore(f"sqlite:///{tmp_path}/dhishoom.db", tmp_path / "clips")
    left = [path for path in (tmp_path / "clips").rglob("*") if path.is_file()]
    assert [path.suffix for path in left] == [".part"]
    assert list(store.detections()) == []

    assert store.adopt_clips() == 0

    assert [path for path in (tmp_path / "clips").rglob("*") if path.is_file()] == []
    store.close()
