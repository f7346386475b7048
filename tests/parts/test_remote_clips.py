"""Clips on S3 and HDFS: the same names, the same promises, and what is said when they are away."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import soundfile

from dhishoom.detectors.energy import EnergyDetector
from dhishoom.errors import StoreError
from dhishoom.service.pipeline import Listening, Pipeline
from dhishoom.stores.sql import SqlStore
from tests.contracts.examples import a_chunk
from tests.service.city import Bang, City

pytest.importorskip("fsspec")
pytestmark = [pytest.mark.parts, pytest.mark.xdist_group("clips")]


@pytest.fixture
def s3_keys(s3: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The server's keys in the environment."""
    from tools.parts.s3 import KEY, SECRET

    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3.endpoint)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return s3


@pytest.fixture(params=["s3", "hdfs"])
def address(request: pytest.FixtureRequest, fresh: str) -> str:
    """An empty place of either kind."""
    if request.param == "hdfs":
        return f"{request.getfixturevalue('hdfs').address}/{fresh}"
    request.getfixturevalue("s3_keys")
    import s3fs

    s3fs.S3FileSystem(skip_instance_cache=True).mkdir(fresh)
    return f"s3://{fresh}/clips"


@pytest.fixture
def store(address: str, tmp_path: Path) -> Iterator[Any]:
    """Rows in SQLite, clips there."""
    made = SqlStore(f"sqlite:///{tmp_path}/dhishoom.db", address)
    yield made
    made.close()


def test_a_clip_is_kept_read_and_removed(store: Any) -> None:
    """Under the name it has everywhere; twice is once; what is gone says so."""
    clip = store.keep_clip(a_chunk())
    assert store.keep_clip(a_chunk()) == clip == "sensor=s1/date=2026-01-01/20260101T120000.123456Z.flac"
    samples, rate = soundfile.read(io.BytesIO(store.read_clip(clip)), dtype="float32")
    assert (len(samples), rate) == (4000, 8000)
    assert store.clip_bytes() == len(store.read_clip(clip))

    store.remove_clip(clip)
    store.remove_clip(clip)

    with pytest.raises(StoreError, match="retention"):
        store.read_clip(clip)


@pytest.mark.parametrize("sensor_id", ["../../etc", "a/b", "a b%2F|", "ß" * 300])
def test_any_sensor_id_makes_one_safe_folder(store: Any, sensor_id: str) -> None:
    """And is read back."""
    clip = store.keep_clip(a_chunk(sensor_id))

    assert clip.count("/") == 2
    assert store.read_clip(clip)[:4] == b"fLaC"


def test_what_is_no_kept_clip_is_refused(store: Any) -> None:
    """A name from outside reaches no other file."""
    for clip in ("../../etc/passwd", "", "sensor=a/date=2026-01-01/../../x.flac"):
        with pytest.raises(StoreError):
            store.read_clip(clip)


def test_every_chunk_is_kept_where_that_is_asked_for(store: Any) -> None:
    """`keep = "all"`, as the ancestor did."""
    source = City((Bang(2.0, 0.0, 0.0),), rows=1, columns=1, seconds=4.0)
    pipeline = Pipeline(source.site(), EnergyDetector(), store, listening=Listening(keep="all"))
    for chunk in source.chunks():
        pipeline.take([chunk])
    pipeline.finish()

    (detection,) = store.detections()
    assert len(store.removable_clips(limit=100)) == 5
    assert store.read_clip(detection.clip)[:4] == b"fLaC"


def test_an_hdfs_in_safe_mode_is_told_and_the_stream_goes_on(hdfs: Any, fresh: str, tmp_path: Path) -> None:
    """Detections are stored without their clips, and said to be."""
    store = SqlStore(f"sqlite:///{tmp_path}/dhishoom.db", f"{hdfs.address}/{fresh}")
    source = City((Bang(2.0, 0.0, 0.0),), rows=1, columns=1, seconds=4.0)
    told: list[Any] = []
    pipeline = Pipeline(source.site(), EnergyDetector(), store, publish=lambda kind, one: told.append((kind, one)))
    hdfs.safe_mode(on=True)
    try:
        with pytest.raises(StoreError, match=r"safe mode.*dfsadmin"):
            store.keep_clip(a_chunk())
        for chunk in source.chunks():
            pipeline.take([chunk])
        pipeline.finish()
    finally:
        hdfs.safe_mode(on=False)

    (detection,) = store.detections()
    assert detection.clip is None
    assert any("safe mode" in one["detail"] for kind, one in told if kind == "notice")
    store.keep_clip(a_chunk())
    store.close()


def test_a_wrong_secret_is_one_clear_error(
    s3_keys: Any, fresh: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It names what to check."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    store = SqlStore(f"sqlite:///{tmp_path}/dhishoom.db", f"s3://{fresh}/clips")

    with pytest.raises(StoreError, match="AWS_SECRET_ACCESS_KEY"):
        store.keep_clip(a_chunk())
    store.close()


def test_a_missing_bucket_is_one_clear_error(s3_keys: Any, fresh: str, tmp_path: Path) -> None:
    """It says what to make."""
    store = SqlStore(f"sqlite:///{tmp_path}/dhishoom.db", f"s3://{fresh}/clips")

    with pytest.raises(StoreError, match=r"[Bb]ucket"):
        store.keep_clip(a_chunk())
    store.close()


def test_other_addresses_are_refused_with_what_to_write(tmp_path: Path) -> None:
    """`hdfs://` needs Hadoop's own library; WebHDFS does not."""
    for address, words in (("hdfs://nn:8020/x", "webhdfs://"), ("gopher://x/y", "s3, webhdfs")):
        with pytest.raises(StoreError, match=words):
            SqlStore(f"sqlite:///{tmp_path}/dhishoom.db", address)
