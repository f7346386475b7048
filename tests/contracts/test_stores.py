"""What every store promises; the memory store is the oracle."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dhishoom.errors import StoreError
from dhishoom.nouns import NS_PER_S, Detection
from dhishoom.stores.memory import MemoryStore
from dhishoom.stores.sql import SqlStore

from .examples import NOON_NS, a_chunk, a_detection, a_review, an_incident

STORES: dict[str, Callable[[Path], Any]] = {
    "memory": lambda _: MemoryStore(),
    "sqlite": lambda folder: SqlStore(f"sqlite:///{folder}/dhishoom.db", folder / "clips"),
}


REAL = [*STORES, pytest.param("postgres", marks=(pytest.mark.parts, pytest.mark.xdist_group("city")))]


@pytest.fixture(params=REAL)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    """Every implementation, empty."""
    if request.param == "postgres":
        server, name = request.getfixturevalue("postgres"), request.getfixturevalue("fresh")
        made = SqlStore(server.database(name), tmp_path / "clips")
    else:
        made = STORES[request.param](tmp_path)
    yield made
    made.close()


def test_a_detection_comes_back_as_it_was_put(store: Any) -> None:
    """Every field survives to the last digit, the order of its classes too."""
    detection = a_detection(clip="sensor=s1/date=2026-01-01/x.flac")

    assert store.put_detections([detection]) == 1
    assert list(store.detections()) == [detection]
    assert list(store.detections()[0].classes) == list(detection.classes)


def test_the_same_detection_twice_is_one_row(store: Any) -> None:
    """Writing a key again, together or later, changes nothing and counts nothing."""
    first = a_detection(score=0.5)

    assert store.put_detections([first, first]) == 1
    assert store.put_detections([a_detection(score=0.9), a_detection("d2")]) == 1
    assert store.detections_by_id(["d1"]) == [first]


def test_detections_are_asked_for_by_time_sensor_and_label(store: Any) -> None:
    """Newest first; since is included, until is not; an empty list of labels means none."""
    found = [
        a_detection(f"d{n}", onset_ns=NOON_NS + n, sensor_id=f"s{n % 2}", label=("gunshot", "door")[n % 2])
        for n in range(6)
    ]
    store.put_detections(found)

    def asked(**which: Any) -> list[str]:
        return [one.detection_id for one in store.detections(**which)]

    assert asked() == ["d5", "d4", "d3", "d2", "d1", "d0"]
    assert asked(since_ns=NOON_NS + 2, until_ns=NOON_NS + 4) == ["d3", "d2"]
    assert asked(sensor_id="s1", limit=2) == ["d5", "d3"]
    assert asked(labels=["gunshot"]) == ["d4", "d2", "d0"]
    assert asked(labels=[]) == []
    assert [one.detection_id for one in store.detections_by_id(["d4", "none", "d0", "d4"])] == ["d0", "d4"]


def test_hundreds_of_detections_are_put_and_asked_for_at_once(store: Any) -> None:
    """No limit of a database's parameters shows."""
    found = [a_detection(f"d{n:05d}", onset_ns=NOON_NS + n) for n in range(1300)]

    assert store.put_detections(found) == 1300
    assert len(store.detections_by_id([one.detection_id for one in found])) == 1300


def test_an_incident_is_replaced_only_by_a_higher_revision(store: Any) -> None:
    """Whatever the order of their coming, the last revision is shown and each is in the history once."""
    revisions = [an_incident(revision=number) for number in (1, 2, 3)]
    store.put_incidents([revisions[1]])
    store.put_incidents([revisions[0], revisions[2]])
    store.put_incidents(revisions)

    assert store.incident("i1") == revisions[2]
    assert list(store.incidents()) == [revisions[2]]
    assert list(store.incident_history("i1")) == revisions


def test_incidents_are_asked_for_by_time(store: Any) -> None:
    """Newest first; since is included, until is not; one that is not there is None and has no history."""
    store.put_incidents([an_incident(f"i{n}", time_ns=NOON_NS + n) for n in range(4)])

    found = store.incidents(since_ns=NOON_NS + 1, until_ns=NOON_NS + 3)

    assert [one.incident_id for one in found] == ["i2", "i1"]
    assert [one.incident_id for one in store.incidents(limit=1)] == ["i3"]
    assert store.incident("none") is None
    assert list(store.incident_history("none")) == []


def test_reviews_are_all_kept_oldest_first(store: Any) -> None:
    """A later verdict does not overwrite the earlier one; the same review twice is one."""
    late, early = a_review(verdict="dismissed", time_ns=NOON_NS + 5), a_review()
    for review in (late, early, late, a_review("i2", time_ns=NOON_NS + 1)):
        store.put_review(review)

    assert list(store.reviews("i1")) == [early, late]
    assert [one.subject_id for one in store.reviews()] == ["i1", "i2", "i1"]


def test_a_clip_is_flac_under_its_sensor_and_date(store: Any) -> None:
    """Its name says sensor, date and first sample; its sound is the chunk's to 16 bits."""
    chunk = a_chunk()

    clip = store.keep_clip(chunk)
    samples, rate = soundfile.read(io.BytesIO(store.read_clip(clip)), dtype="float32")

    assert clip == "sensor=s1/date=2026-01-01/20260101T120000.123456Z.flac"
    assert rate == 8000
    np.testing.assert_allclose(samples, chunk.samples, atol=2**-15)
    assert store.keep_clip(chunk) == clip
    assert store.clip_bytes() == len(store.read_clip(clip))


@pytest.mark.parametrize("sensor_id", ["../../etc", "a/b", "..", "a b%2F|", "ß" * 300, "\n", "nul\x00"])
def test_any_sensor_id_makes_one_safe_folder(store: Any, sensor_id: str) -> None:
    """A clip's name has three parts whatever the sensor is called, and is read back."""
    clip = store.keep_clip(a_chunk(sensor_id))

    folder, _, _ = clip.split("/")
    assert folder.startswith("sensor=")
    assert len(folder.encode()) < 200
    assert store.read_clip(clip)[:4] == b"fLaC"


@pytest.mark.parametrize("clip", ["../../etc/passwd", "sensor=a/date=2026-01-01/../../x.flac", "", "sensor=gone/x"])
def test_what_is_no_kept_clip_is_refused(store: Any, clip: str) -> None:
    """A name from outside cannot reach another file."""
    with pytest.raises(StoreError):
        store.read_clip(clip)


def test_a_clip_that_is_gone_says_so(store: Any) -> None:
    """The reason names the retention rules."""
    with pytest.raises(StoreError, match="retention"):
        store.read_clip("sensor=s1/date=2026-01-01/20260101T120000.000000Z.flac")


def clips_by_hour(store: Any, count: int) -> list[str]:
    """As many clips, an hour apart, each of one detection d0, d1, ... in one incident i0, i1, ..."""
    clips = []
    for number in range(count):
        start_ns = NOON_NS + number * 3600 * NS_PER_S
        clips.append(store.keep_clip(a_chunk(start_ns=start_ns, seed=number)))
        store.put_detections([a_detection(f"d{number}", onset_ns=start_ns, clip=clips[-1])])
        store.put_incidents([an_incident(f"i{number}", time_ns=start_ns, hears=(f"d{number}",))])
    return clips


def test_clips_of_confirmed_incidents_are_never_removable(store: Any) -> None:
    """Unreviewed ones go first, oldest first; then reviewed ones; the latest verdict counts."""
    clips = clips_by_hour(store, 5)
    store.put_review(a_review("i0", "dismissed", time_ns=NOON_NS))
    store.put_review(a_review("i1", "dismissed", time_ns=NOON_NS))
    store.put_review(a_review("i1", "confirmed", time_ns=NOON_NS + 1))
    store.put_review(a_review("i3", "confirmed", time_ns=NOON_NS))
    store.put_review(a_review("i3", "unsure", time_ns=NOON_NS + 1))

    assert [one.clip for one in store.removable_clips(limit=9)] == [clips[2], clips[4], clips[0], clips[3]]
    assert [one.clip for one in store.removable_clips(limit=1)] == [clips[2]]


def test_a_confirmed_detection_protects_its_clip_too(store: Any) -> None:
    """A review may be of a detection that is in no incident."""
    clip = store.keep_clip(a_chunk())
    store.put_detections([a_detection(clip=clip)])
    assert [one.clip for one in store.removable_clips(limit=9)] == [clip]

    store.put_review(a_review("d1"))

    assert list(store.removable_clips(limit=9)) == []


def test_a_removed_clip_leaves_its_detection(store: Any) -> None:
    """The row stays and says that there is no clip any more; removing twice is no error."""
    (clip,) = clips_by_hour(store, 1)

    store.remove_clip(clip)
    store.remove_clip(clip)

    assert store.detections()[0].clip is None
    assert store.clip_bytes() == 0
    with pytest.raises(StoreError):
        store.read_clip(clip)


def test_readers_and_writers_share_a_store(store: Any) -> None:
    """The page reads from its threads while the service writes: nobody fails, nothing is lost."""
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for at in range(20):
                store.put_detections([a_detection(f"d{number}-{at}", onset_ns=NOON_NS + at)])
                store.detections(limit=5)
        except StoreError as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert len(store.detections()) == 80


OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("detection"), st.integers(0, 5), st.integers(0, 3)),
        st.tuples(st.just("incident"), st.integers(0, 3), st.integers(1, 4)),
        st.tuples(st.just("review"), st.integers(0, 3), st.integers(0, 2)),
        st.tuples(st.just("clip"), st.integers(0, 5), st.integers(0, 1)),
        st.tuples(st.just("remove"), st.integers(0, 5), st.integers(0, 1)),
    ),
    max_size=25,
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(operations=OPERATIONS)
def test_sqlite_agrees_with_memory(operations: list[tuple[str, int, int]], tmp_path_factory: Any) -> None:
    """After any sequence of writes, both stores answer every question alike."""
    folder = tmp_path_factory.mktemp("agree")
    stores = [make(folder) for make in STORES.values()]
    for store in stores:
        for operation in operations:
            perform(store, *operation)
    answers = [everything(store) for store in stores]
    for store in stores:
        store.close()

    assert answers[0] == answers[1]


def perform(store: Any, kind: str, number: int, other: int) -> None:
    """One write."""
    if kind == "detection":
        clip = store.keep_clip(a_chunk(start_ns=NOON_NS + other * NS_PER_S)) if other else None
        store.put_detections([a_detection(f"d{number}", onset_ns=NOON_NS + other, clip=clip)])
    elif kind == "incident":
        store.put_incidents([an_incident(f"i{number}", revision=other, hears=(f"d{number}", f"d{number + 1}"))])
    elif kind == "review":
        verdict = ("confirmed", "dismissed", "unsure")[other]
        store.put_review(a_review(f"i{number}", verdict, time_ns=NOON_NS + number * 10 + other))
    elif kind == "clip":
        store.keep_clip(a_chunk(f"s{other}", start_ns=NOON_NS + number * NS_PER_S))
    else:
        for kept in store.removable_clips(limit=other):
            store.remove_clip(kept.clip)


def everything(store: Any) -> tuple[Any, ...]:
    """Every answer."""
    detections: list[Detection] = [replace(one, classes=dict(one.classes)) for one in store.detections()]
    history = [store.incident_history(one.incident_id) for one in store.incidents()]
    return (
        detections,
        list(store.incidents()),
        [list(one) for one in history],
        list(store.reviews()),
        [tuple(one) for one in store.removable_clips(limit=100)],
        store.clip_bytes(),
    )
