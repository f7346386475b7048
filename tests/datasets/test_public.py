"""Public sets: licence and address before a download, a checksum after it, nothing written beside the folder."""

from __future__ import annotations

import contextlib
import csv
import http.server
import io
import json
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dhishoom.cli import application
from dhishoom.datasets.public import SETS, bring, unpack
from dhishoom.errors import SourceError
from dhishoom.evaluate.recordings import read_manifest


def packed(path: Path, files: dict[str, bytes]) -> Path:
    """A zip."""
    with zipfile.ZipFile(path, "w") as out:
        for name, content in files.items():
            out.writestr(name, content)
    return path


@contextlib.contextmanager
def shelf(content: bytes, whole_from: int) -> Iterator[tuple[str, list[str]]]:
    """Serves one file; the connection ends halfway until it was asked `whole_from` times. Gives address and ranges."""
    ranges: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            """The rest of the file from where it is asked."""
            asked = self.headers.get("Range") or ""
            ranges.append(asked)
            start = int(asked.removeprefix("bytes=").removesuffix("-") or 0)
            body = content[start:]
            self.send_response(206 if asked else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body if len(ranges) >= whole_from else body[: len(body) // 2])

        def log_message(self, *_: object) -> None:
            """Nothing on the terminal."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/set.zip", ranges
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_download_that_was_cut_short_goes_on_where_it_stopped(tmp_path: Path) -> None:
    """The first run says so, the second asks only for the rest."""
    content = bytes(range(256)) * 4096
    with shelf(content, whole_from=2) as (address, ranges):
        what = replace(SETS["sesa"], address=address)
        with pytest.raises(SourceError, match="Run it again to go on"):
            bring(what, tmp_path)
        brought = bring(what, tmp_path)

    assert brought.path.read_bytes() == content
    assert ranges[0] == ""
    assert ranges[1].startswith("bytes=")


def test_an_archive_with_another_checksum_is_refused(tmp_path: Path) -> None:
    """Published is another MD5: changed, or cut short."""
    with (
        shelf(b"something else", whole_from=1) as (address, _),
        pytest.raises(SourceError, match="published is 9aa69802"),
    ):
        bring(replace(SETS["urbansound8k"], address=address), tmp_path)


def test_an_archive_never_writes_beside_its_folder(tmp_path: Path) -> None:
    """Neither a zip nor a tar."""
    bad_zip = packed(tmp_path / "bad.zip", {"../outside.txt": b"x"})
    bad_tar = tmp_path / "bad.tar.gz"
    with tarfile.open(bad_tar, "w:gz") as out:
        entry = tarfile.TarInfo("../outside.txt")
        entry.size = 1
        out.addfile(entry, io.BytesIO(b"x"))

    for archive in (bad_zip, bad_tar):
        with pytest.raises(SourceError):
            unpack(archive, tmp_path / "set")
    assert not (tmp_path / "outside.txt").exists()


def test_what_is_no_archive_is_refused(tmp_path: Path) -> None:
    """A page that says "not found"."""
    page = tmp_path / "page.zip"
    page.write_text("<html>")

    with pytest.raises(SourceError, match="cannot be unpacked"):
        unpack(page, tmp_path / "set")


ESC50 = """filename,fold,target,category,esc10,src_file,take
1-1-A-0.wav,1,0,dog,True,1,A
1-2-A-3.wav,1,3,fireworks,False,2,A
"""
URBAN = "slice_file_name,fsID,start,end,salience,fold,classID,class\n7-6-0-0.wav,7,0,4,1,3,6,gun_shot\n"


@pytest.mark.parametrize(
    ("name", "files", "expected"),
    [
        (
            "esc50",
            {
                "ESC-50-master/meta/esc50.csv": ESC50.encode(),
                "ESC-50-master/audio/1-1-A-0.wav": b"",
                "ESC-50-master/audio/1-2-A-3.wav": b"",
            },
            [("dog_bark", "1", "yes"), ("firework", "2", "nc")],
        ),
        (
            "urbansound8k",
            {"UrbanSound8K/metadata/UrbanSound8K.csv": URBAN.encode(), "UrbanSound8K/audio/fold3/7-6-0-0.wav": b""},
            [("gunshot", "7", "nc")],
        ),
        (
            "sesa",
            {"SESA/train/casual_001.wav": b"", "SESA/train/gunshot_004.wav": b""},
            [("other", "casual_001", "yes"), ("gunshot", "gunshot_004", "yes")],
        ),
    ],
)  # fmt: skip
def test_a_set_becomes_a_manifest_that_evaluate_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, files: dict[str, bytes], expected: list[tuple[str, ...]]
) -> None:
    """Licence, address and checksum are told; originals become groups, licences say what may train."""
    monkeypatch.setitem(SETS, name, replace(SETS[name], md5=""))  # type: ignore[arg-type]
    archive = packed(tmp_path / "set.zip", files)
    given = ["dataset", name, "--from", str(archive), "--out", str(tmp_path / "set"), "--json"]

    result = CliRunner().invoke(application(given), given)

    assert result.exit_code == 0, result.output
    assert SETS[name].licence in result.stderr
    assert json.loads(result.stdout)["sha256"] in result.stderr
    with (tmp_path / "set" / "manifest.csv").open(newline="") as file:
        assert [(row["label"], row["group"], row["train_ok"]) for row in csv.DictReader(file)] == expected
    assert len(read_manifest(tmp_path / "set" / "manifest.csv").recordings) == len(expected)


def test_another_archive_than_the_published_one_is_told(tmp_path: Path) -> None:
    """It unpacks, and does not hold the set."""
    archive = packed(tmp_path / "x.zip", {"readme.txt": b""})
    given = ["dataset", "esc50", "--from", str(archive), "--out", str(tmp_path / "set")]

    result = CliRunner().invoke(application(given), given)

    assert "does not hold ESC-50" in str(result.exception)
