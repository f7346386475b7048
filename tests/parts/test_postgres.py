"""What is particular to PostgreSQL: many processes at once, and its death."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from tools.parts.running import eventually

from dhishoom.errors import StoreError
from dhishoom.stores.sql import SqlStore
from tests.contracts.examples import a_chunk, a_detection

pytest.importorskip("psycopg")
pytestmark = [pytest.mark.parts, pytest.mark.xdist_group("city")]


def test_many_processes_open_an_empty_database_at_once(postgres: Any, fresh: str, tmp_path: Path) -> None:
    """One of them makes the tables, the others wait for it."""
    url = postgres.database(fresh)
    failures: list[Exception] = []

    def open_it() -> None:
        try:
            SqlStore(url, tmp_path).close()
        except StoreError as error:
            failures.append(error)

    threads = [threading.Thread(target=open_it) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []


def test_a_database_that_was_killed_is_used_again_once_it_is_back(postgres: Any, fresh: str, tmp_path: Path) -> None:
    """Meanwhile there is a clear error; what was written before is there, what was refused is not."""
    store = SqlStore(postgres.database(fresh), tmp_path)
    store.put_detections([a_detection("before")])
    postgres.program.kill()

    with pytest.raises(StoreError, match=r"Is the database up"):
        store.put_detections([a_detection("refused")])
    with pytest.raises(StoreError):
        SqlStore("postgresql+psycopg://app:x@127.0.0.1:9/none", tmp_path)

    postgres.start()
    eventually(lambda: store.put_detections([a_detection("after")]) == 1, "it writes again")
    assert {one.detection_id for one in store.detections()} == {"before", "after"}
    store.close()


def test_a_wrong_password_is_one_clear_error(postgres: Any, fresh: str, tmp_path: Path) -> None:
    """Without the password in it."""
    url = postgres.database(fresh).replace("app-secret", "wrong-secret")

    with pytest.raises(StoreError, match="password") as told:
        SqlStore(url, tmp_path)

    assert "wrong-secret" not in str(told.value)


def test_any_sensor_id_is_kept(postgres: Any, fresh: str, tmp_path: Path) -> None:
    """Also one with a NUL, which PostgreSQL keeps in no text."""
    store = SqlStore(postgres.database(fresh), tmp_path)

    store.keep_clip(a_chunk("nul\x00"))
    assert store.put_detections([a_detection(sensor_id="nul\x00")]) == 1
    store.close()
