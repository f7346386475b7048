"""Folders are alike on a disk, on HDFS and on S3."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dhishoom.errors import StoreError
from dhishoom.stores.places import Place, open_place

pytestmark = [pytest.mark.parts, pytest.mark.xdist_group("spark")]


@pytest.fixture(params=["disk", "hdfs", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path, fresh: str) -> Iterator[Place]:
    """An empty folder of each kind."""
    if request.param == "disk":
        yield open_place(str(tmp_path / "place"))
    elif request.param == "hdfs":
        hdfs: Any = request.getfixturevalue("hdfs")
        yield open_place(f"{hdfs.rpc_address}/{fresh}", {"http": f"127.0.0.1:{hdfs.http}"})
    else:
        s3: Any = request.getfixturevalue("s3")
        from tools.parts.s3 import KEY, SECRET

        options = {"key": KEY, "secret": SECRET, "endpoint_url": s3.endpoint}
        import s3fs

        s3fs.S3FileSystem(**options).mkdir(fresh)
        yield open_place(f"s3a://{fresh}/below", options)


def test_files_are_written_whole_replaced_and_listed(place: Place) -> None:
    """Names with what needs quoting included."""
    name = "sensor=a%20b/date=2018-12-19/x y.flac"
    assert place.names() == []
    place.write(name, b"first")
    place.write(name, b"second" * 1000)
    place.write("z", b"")
    place.add("a", b"added")
    place.add("a", b"again")

    assert place.read(name) == b"second" * 1000
    assert place.read("a") == b"again"
    assert place.read("z") == b""
    assert place.names() == ["a", name, "z"]
    assert place.address(name).endswith(f"/{name}")


def test_a_file_that_is_not_there_is_told(place: Place) -> None:
    """By its address."""
    with pytest.raises(StoreError, match="nothing"):
        place.read("nothing")


def test_a_name_node_in_safe_mode_says_so(hdfs: Any, fresh: str) -> None:
    """And once it has left it, the same place takes files."""
    place = open_place(f"{hdfs.rpc_address}/{fresh}", {"http": f"127.0.0.1:{hdfs.http}"})
    hdfs.safe_mode(on=True)
    try:
        with pytest.raises(StoreError, match="safe mode"):
            place.write("x", b"x")
    finally:
        hdfs.safe_mode(on=False)
    place.write("x", b"x")
    assert place.read("x") == b"x"
