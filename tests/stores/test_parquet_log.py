"""The Parquet log: typed columns that anybody's tools read, and batches that replace themselves."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from dhishoom.core.timestamps import from_rfc3339
from dhishoom.errors import SettingsError, StoreError
from dhishoom.stores.logged_clip import LoggedClip
from dhishoom.stores.places import open_place

pytest.importorskip("pyarrow")

from dhishoom.stores.parquet_log import ParquetLog, from_parquet, to_parquet

ROW = LoggedClip(
    sensor_id="s/1",
    start_ns=from_rfc3339("2018-12-19T23:59:59.123456789Z"),
    duration_s=10.0,
    gunshot=True,
    score=0.75,
    classes={"gunshot": 0.75, "door": 0.25},
    model="m",
    clip="file:///x.flac",
    topic="dhishoom.audio",
    partition=3,
    offset=7,
    border_lost=True,
)


def test_rows_read_back_to_the_nanosecond() -> None:
    """And the same rows are the same bytes."""
    rows = [ROW, replace(ROW, duration_s=None, score=None, gunshot=False, classes={})]

    assert from_parquet(to_parquet(rows)) == rows
    assert to_parquet(rows) == to_parquet(rows)


def test_others_see_typed_columns_by_date(tmp_path: Path) -> None:
    """As one data set of pyarrow, partitioned by date."""
    import pyarrow.dataset

    ParquetLog(open_place(str(tmp_path))).put("q-0", [ROW, replace(ROW, start_ns=ROW.start_ns + 10**9)])
    table = pyarrow.dataset.dataset(tmp_path, partitioning="hive").to_table()

    assert str(table.schema.field("start").type) == "timestamp[ns, tz=UTC]"
    assert str(table.schema.field("classes").type).startswith("map<string, float")
    assert sorted(map(str, table.column("date").to_pylist())) == ["2018-12-19", "2018-12-20"]


def test_a_batch_that_is_written_again_is_there_once(tmp_path: Path) -> None:
    """And the reach of every run is known, where readers of Parquet do not look."""
    import pyarrow.dataset

    log = ParquetLog(open_place(f"file://{tmp_path}"))
    log.put("a-0", [ROW])
    log.put("a-0", [ROW])
    log.put("b-0", [replace(ROW, offset=8), replace(ROW, topic="other", offset=9)])

    assert len(list(log.rows())) == 3
    log.put_reach("a", "dhishoom.audio", {3: range(7, 8)})
    log.put_reach("a", "dhishoom.audio", {3: range(7, 9), 0: range(0, 4)})
    log.put_reach("b", "other", {3: range(9)})
    assert log.reach("dhishoom.audio") == {"a": {3: range(7, 9), 0: range(0, 4)}}
    assert pyarrow.dataset.dataset(tmp_path, partitioning="hive").count_rows() == 3


def test_what_is_no_parquet_is_told() -> None:
    """Not as a traceback of a library."""
    with pytest.raises(StoreError, match="Parquet log"):
        from_parquet(b"PAR1 nonsense")


def test_an_address_of_no_file_system_is_refused() -> None:
    """With those that there are."""
    with pytest.raises(SettingsError, match="hdfs://"):
        open_place("ftp://somewhere/x")
