"""A batch that is written again, wherever its first writing ended, leaves everything as if it had been written once."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pyarrow")

from dhishoom.buses.memory import MemoryBus
from dhishoom.nouns import Detection
from dhishoom.seams import AUDIO_TOPIC, DEAD_TOPIC, DETECTIONS_TOPIC
from dhishoom.spark.ledger import Ledger
from dhishoom.spark.outcome import CLIP, DEAD, Outcome, from_table, to_batch
from dhishoom.stores.ancestor_log import AncestorLog
from dhishoom.stores.logged_clip import LoggedClip
from dhishoom.stores.memory import MemoryStore
from dhishoom.stores.parquet_log import ParquetLog
from dhishoom.stores.places import open_place

STEPS = 7


class Killed(Exception):
    """As if by signal 9."""


class Mortal:
    """Counts what is done to it; dies before the given step."""

    def __init__(self, inner: Any, life: list[int]) -> None:
        self._inner, self._life = inner, life

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._inner, name)

        def step(*given: Any, **more: Any) -> Any:
            if name in ("put", "put_reach", "put_detections", "publish"):
                self._life[0] -= 1
                if self._life[0] < 0:
                    raise Killed
            return method(*given, **more)

        return step


def outcomes() -> list[Outcome]:
    """A clip with a shot, one without, and poison."""

    def row(offset: int, **more: Any) -> LoggedClip:
        return LoggedClip(
            **{
                "sensor_id": "s",
                "start_ns": 10**18 + offset * 10**9,
                "duration_s": 1.0,
                "gunshot": False,
                "score": 0.1,
                "classes": {"gunshot": 0.1},
                "topic": AUDIO_TOPIC,
                "partition": 0,
                "offset": offset,
                **more,
            }
        )

    shot = Detection(
        detection_id="d",
        sensor_id="s",
        onset_ns=10**18 + 123_456_789,
        sigma_s=0.001,
        score=0.123456789,
        label="gunshot",
        classes={"gunshot": 0.123456789},
        snr_db=20.0,
        model="m",
    )
    return [
        Outcome(kind=CLIP, row=row(0, gunshot=True), detections=(shot,), heard_ns=10**18 + 5),
        Outcome(kind=CLIP, row=row(1)),
        Outcome(kind=DEAD, row=row(2), reason="no sound", dead=b"x", headers={"a": "b"}),
    ]


def everything(folder: Path, store: MemoryStore, bus: MemoryBus) -> Mapping[str, Any]:
    """All that was left, messages each once."""
    log = ParquetLog(open_place(str(folder / "log")))
    topics = {
        topic: {tuple(sorted(one.headers.items())) for one in bus.poll(topic, messages_max=99, wait_s=0)}
        for topic in (DETECTIONS_TOPIC, DEAD_TOPIC)
    }
    return {
        "rows": list(log.rows()),
        "lines": (folder / "log.csv").read_text(),
        "stored": list(store.detections()),
        **topics,
    }


def written(folder: Path, deaths: tuple[int, ...]) -> Mapping[str, Any]:
    """The batch written by drivers that die before the given step, then by one that lives."""
    store, bus = MemoryStore(), MemoryBus(100)
    for death in (*deaths, 1000):
        life = [death]
        ledger = Ledger(
            "run",
            Mortal(ParquetLog(open_place(str(folder / "log"))), life),
            Mortal(AncestorLog(folder / "log.csv"), life),
            Mortal(store, life),
            Mortal(bus, life),
        )
        if death < 1000:
            with pytest.raises(Killed):
                ledger.put(7, outcomes())
        else:
            ledger.put(7, outcomes())
    return everything(folder, store, bus)


@pytest.mark.parametrize("death", range(STEPS))
def test_a_driver_may_die_before_any_step(tmp_path: Path, death: int) -> None:
    """Once or twice."""
    once = written(tmp_path / "once", ())

    assert written(tmp_path / "died", (death,)) == once
    assert written(tmp_path / "twice", (death, STEPS - 1)) == once
    assert len(once["rows"]) == 2
    assert len(once[DEAD_TOPIC]) == 1


def test_what_an_earlier_run_has_logged_is_not_logged_again(tmp_path: Path) -> None:
    """But what it had not come to is."""
    log, csv = ParquetLog(open_place(str(tmp_path / "log"))), AncestorLog(tmp_path / "log.csv")
    assert Ledger("first", log, csv).put(0, outcomes()[:1]) == 1
    assert Ledger("second", log, csv).put(0, outcomes()) == 1
    assert Ledger("second", log, csv).put(0, outcomes()) == 1
    assert Ledger("third", log, csv).put(0, outcomes()) == 0

    assert sorted(row.offset for row in log.rows()) == [0, 1]
    assert len((tmp_path / "log.csv").read_text().splitlines()) == 2


def test_outcomes_travel_to_the_driver_unchanged() -> None:
    """To the last digit."""
    import pyarrow

    assert from_table(pyarrow.Table.from_batches([to_batch(outcomes()), to_batch([])])) == outcomes()
