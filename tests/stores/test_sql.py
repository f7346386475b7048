"""The store in SQLite beyond the contract: its tables, what a crash leaves, and disks that are full or read-only."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine

from dhishoom.errors import StoreError
from dhishoom.nouns import NS_PER_S, Chunk, Origin
from dhishoom.service.retention import Retention, retain
from dhishoom.stores.clips import ClipFolder
from dhishoom.stores.sql import SqlStore
from dhishoom.stores.tables import metadata
from tests.contracts.examples import NOON_NS, a_chunk, a_detection, a_review, an_incident

HOUR_NS = 3600 * NS_PER_S


def open_in(folder: Path, **options: Any) -> SqlStore:
    """A store with its database and clips in one folder."""
    return SqlStore(f"sqlite:///{folder}/dhishoom.db", folder / "clips", **options)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    """An empty one."""
    made = open_in(tmp_path)
    yield made
    made.close()


def test_migrations_make_the_tables_that_the_code_speaks_of(store: SqlStore, tmp_path: Path) -> None:
    """Alembic's own comparison finds nothing to add, drop or change: columns, types, nulls and indexes."""
    engine = create_engine(f"sqlite:///{tmp_path}/dhishoom.db")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        differences = compare_metadata(context, metadata)
    engine.dispose()

    assert differences == []


def test_a_crash_of_the_machine_loses_no_row_that_was_told_stored(store: SqlStore, tmp_path: Path) -> None:
    """Write-ahead log, so that readers and the writer do not wait for each other, synchronised at every commit."""
    store.put_detections([a_detection()])

    with store._engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
    assert (tmp_path / "dhishoom.db-wal").is_file()


def test_opening_again_changes_nothing(tmp_path: Path) -> None:
    """Rows and clips are there; migrations are not run twice."""
    first = open_in(tmp_path)
    clip = first.keep_clip(a_chunk())
    first.put_detections([a_detection(clip=clip)])
    first.close()

    second = open_in(tmp_path)

    assert second.read_clip(second.detections()[0].clip or "")[:4] == b"fLaC"
    second.close()


def test_a_database_of_a_newer_version_is_left_alone(store: SqlStore, tmp_path: Path) -> None:
    """It is refused with both steps named."""
    store.close()
    with sqlite3.connect(tmp_path / "dhishoom.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")

    with pytest.raises(StoreError, match=r"newer dhishoom.*9999.*Upgrade"):
        open_in(tmp_path)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    """And not overwritten."""
    (tmp_path / "dhishoom.db").write_bytes(b"my diary, page one" * 100)

    with pytest.raises(StoreError, match=r"not a database.*store\.url"):
        open_in(tmp_path)

    assert (tmp_path / "dhishoom.db").read_bytes().startswith(b"my diary")


@pytest.mark.parametrize("url", ["no url", "sqlite:////proc/nowhere/dhishoom.db", "oracle+none://x/y"])
def test_a_database_that_cannot_be_opened_is_told_in_words(url: str, tmp_path: Path) -> None:
    """With what to write instead."""
    with pytest.raises(StoreError, match=r"store\.url"):
        SqlStore(url, tmp_path / "clips")


def test_the_first_origin_stays(store: SqlStore, tmp_path: Path) -> None:
    """What was located keeps its place though sensors come and go."""
    first, later = Origin(lat=41.8, lon=-87.6, altitude_m=180.0), Origin(lat=42.0, lon=-87.0)
    assert store.origin() is None

    store.put_origin(first)
    store.put_origin(later)

    assert store.origin() == first


def test_the_clip_is_written_before_its_row(store: SqlStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where the row fails, the file is whole and is entered later: nothing points to sound that is not there."""
    written: list[Path] = []

    def fail(*_: object) -> int:
        written.extend((tmp_path / "clips").rglob("*.flac"))
        raise StoreError("the machine lost its power")

    with monkeypatch.context() as patch:
        patch.setattr(store, "_add", fail)
        with pytest.raises(StoreError):
            store.keep_clip(a_chunk())

    assert len(written) == 1
    assert store.clip_bytes() == 0
    assert store.adopt_clips() == 1
    assert store.clip_bytes() == written[0].stat().st_size
    assert store.adopt_clips() == 0


def test_half_a_clip_of_another_process_is_cleared_away(store: SqlStore, tmp_path: Path) -> None:
    """A file is given its name only when it is whole; what a killed process left is deleted, other files are not."""
    folder = tmp_path / "clips" / "sensor=s1" / "date=2026-01-01"
    folder.mkdir(parents=True)
    half, own = folder / "20260101T120000.000000Z.flac.1.part", folder / f"x.flac.{os.getpid()}.part"
    for path in (half, own, folder / "notes.txt"):
        path.write_bytes(b"fLaC")

    assert store.adopt_clips() == 0
    assert not half.exists()
    assert own.exists()
    assert (folder / "notes.txt").exists()


def test_a_write_that_breaks_off_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk fills in the middle of a clip: no file, no part of one, and the reason in words."""
    clips = ClipFolder(tmp_path / "clips", free_bytes_min=0)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("dhishoom.stores.clips.os.fsync", full)

    with pytest.raises(StoreError, match=r"No space left.*Free some space"):
        clips.keep(a_chunk())
    assert [path for path in (tmp_path / "clips").rglob("*") if path.is_file()] == []


def test_no_clip_is_written_below_the_floor_of_free_space(tmp_path: Path) -> None:
    """Rows still are; the message names the settings."""
    store = open_in(tmp_path, free_bytes_min=1 << 62)

    with pytest.raises(StoreError, match=r"less than.*free.*store\.free_megabytes"):
        store.keep_clip(a_chunk())
    assert store.put_detections([a_detection()]) == 1
    store.close()


def test_a_folder_that_may_not_be_written_is_told(tmp_path: Path) -> None:
    """Clips cannot lie below a file."""
    (tmp_path / "file").write_text("")

    with pytest.raises(StoreError, match=r"No clip can be written.*store\.clips"):
        ClipFolder(tmp_path / "file" / "clips")


def test_a_database_that_may_only_be_read_still_answers(store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Writing is refused in words, with what to do; reading goes on."""
    store.put_detections([a_detection()])
    with store._engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA query_only = ON")  # the connection goes back to its pool like this

    with pytest.raises(StoreError, match=r"readonly.*mount its disk for writing"):
        store.put_detections([a_detection("d2")])
    assert len(store.detections()) == 1


def test_a_full_database_disk_is_told_and_leaves_all_or_nothing(store: SqlStore) -> None:
    """A batch that does not fit is not half there; what was there before stays."""
    store.put_detections([a_detection()])
    with store._engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")

    with pytest.raises(StoreError, match=r"full.*Free some space"):
        store.put_detections([a_detection(f"e{n}") for n in range(2000)])
    assert [one.detection_id for one in store.detections()] == ["d1"]


def kept_hourly(store: SqlStore, count: int) -> list[str]:
    """As many clips, an hour apart, each heard in an incident of its own."""
    clips = []
    for number in range(count):
        start_ns = NOON_NS + number * HOUR_NS
        clips.append(store.keep_clip(a_chunk(start_ns=start_ns, seed=number)))
        store.put_detections([a_detection(f"d{number}", onset_ns=start_ns, clip=clips[-1])])
        store.put_incidents([an_incident(f"i{number}", time_ns=start_ns, hears=(f"d{number}",))])
    return clips


def on_disk(tmp_path: Path) -> list[str]:
    """Clips that are files, oldest first."""
    return sorted(path.relative_to(tmp_path / "clips").as_posix() for path in (tmp_path / "clips").rglob("*.flac"))


def test_old_clips_go_by_age_and_their_folders_with_them(store: SqlStore, tmp_path: Path) -> None:
    """Files and rows together; detections stay and say that their sound is gone."""
    clips = kept_hourly(store, 30)

    removed = retain(store, Retention(days=0.5, bytes_max=None), now_ns=NOON_NS + 29 * HOUR_NS)

    assert removed == 17
    assert on_disk(tmp_path) == clips[17:]
    assert [one.clip for one in store.detections()] == [*reversed(clips[17:]), *[None] * 17]
    assert sorted(path.name for path in (tmp_path / "clips" / "sensor=s1").iterdir()) == ["date=2026-01-02"]


def test_too_many_bytes_go_unreviewed_and_oldest_first_never_confirmed(store: SqlStore, tmp_path: Path) -> None:
    """The confirmed oldest stays, the dismissed second outlasts unreviewed ones; it ends where nothing may go."""
    clips = kept_hourly(store, 5)
    store.put_review(a_review("i0", "confirmed"))
    store.put_review(a_review("i1", "dismissed"))
    one = store.clip_bytes() // 5

    retain(store, Retention(days=None, bytes_max=3 * one + 200), now_ns=NOON_NS)
    assert on_disk(tmp_path) == [clips[0], clips[1], clips[4]]

    retain(store, Retention(days=0.001, bytes_max=0), now_ns=NOON_NS + 1000 * HOUR_NS)
    assert on_disk(tmp_path) == [clips[0]]


def test_a_clip_of_a_confirmed_and_a_dismissed_incident_stays(store: SqlStore, tmp_path: Path) -> None:
    """Two incidents may rest on the same sound."""
    (clip,) = kept_hourly(store, 1)
    store.put_incidents([an_incident("other", hears=("d0",))])
    store.put_review(a_review("i0", "dismissed"))
    store.put_review(a_review("other", "confirmed"))

    retain(store, Retention(days=0.001, bytes_max=0), now_ns=NOON_NS + 1000 * HOUR_NS)

    assert on_disk(tmp_path) == [clip]


def test_the_same_sound_is_one_clip(store: SqlStore, tmp_path: Path) -> None:
    """Re-delivery writes the same name; the file that is there stays as it is."""
    chunk: Chunk = a_chunk()
    before = store.keep_clip(chunk)
    (tmp_path / "clips" / before).chmod(0o444)

    assert store.keep_clip(chunk) == before
    assert len(on_disk(tmp_path)) == 1


def test_a_migration_that_breaks_off_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of the tables would keep the store from ever opening again."""

    def break_off(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("alembic.op.create_index", break_off)
        with pytest.raises(KeyboardInterrupt):
            open_in(tmp_path)

    with sqlite3.connect(tmp_path / "dhishoom.db") as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == []
    store = open_in(tmp_path)
    assert store.put_detections([a_detection()]) == 1
    store.close()


def test_a_new_store_may_be_opened_by_several_at_once(tmp_path: Path) -> None:
    """One makes the tables, the others wait for it."""
    with ThreadPoolExecutor(6) as pool:
        stores = list(pool.map(lambda _: open_in(tmp_path), range(6)))

    assert [store.put_detections([a_detection(f"d{at}")]) for at, store in enumerate(stores)] == [1] * 6
    for store in stores:
        store.close()
