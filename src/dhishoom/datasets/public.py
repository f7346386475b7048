"""The public sets that models here were taught and tested with: address, licence and checksum."""

from __future__ import annotations

import csv
import hashlib
import shutil
import tarfile
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from dhishoom.errors import SourceError, UsageError

BLOCK = 1 << 20
UNPACKED_MAX = 40 << 30
WAIT_S = 60.0
Row = dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicSet:
    """One published set.

    Attributes:
        md5: Of its archive, where its publisher states one; empty where it is packed anew for every download.
        seen_at: Where address, licence and checksum were read.
    """

    name: str
    title: str
    address: str
    licence: str
    md5: str
    size: str
    seen_at: str
    rows: Callable[[Path], Iterator[Row]]


@dataclass(frozen=True, slots=True)
class Brought:
    """An archive as it lies here."""

    path: Path
    sha256: str
    md5: str


def bring(what: PublicSet, folder: Path, *, advance: Callable[[int], object] = lambda _: None) -> Brought:
    """Download the archive into `folder`; a download cut short goes on where it stopped.

    Raises SourceError for a refusal or a checksum that is not the stated one, UsageError for a full disk.
    """
    path, part = folder / f"{what.name}.archive", folder / f"{what.name}.archive.part"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not path.is_file():
            _download(what.address, part, advance)
            part.replace(path)
    except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
        raise SourceError(
            f"{what.address} cannot be fetched: {error}. Run it again to go on, or bring it by hand with --from."
        ) from error
    except OSError as error:
        raise UsageError(
            f"cannot write {part}: {error.strerror}. Free some space or name another folder, and run it again: it "
            "goes on where it stopped."
        ) from error
    return checked(what, path)


def _download(address: str, part: Path, advance: Callable[[int], object]) -> None:
    there = part.stat().st_size if part.is_file() else 0
    request = urllib.request.Request(address, headers={"Range": f"bytes={there}-"} if there else {})  # noqa: S310
    with urllib.request.urlopen(request, timeout=WAIT_S) as answer:  # noqa: S310
        goes_on = there > 0 and answer.status == 206
        wanted = int(answer.headers.get("Content-Length") or 0)
        came = 0
        with part.open("ab" if goes_on else "wb") as file:
            while block := answer.read(BLOCK):
                file.write(block)
                came += len(block)
                advance(len(block))
    if came < wanted:
        raise ConnectionError(f"the connection ended after {came} of {wanted} bytes")


def checked(what: PublicSet, path: Path) -> Brought:
    """The checksums of an archive. Raises SourceError where they are not the stated ones."""
    sha256, md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
    try:
        with path.open("rb") as file:
            while block := file.read(BLOCK):
                sha256.update(block)
                md5.update(block)
    except OSError as error:
        raise SourceError(f"cannot read {path}: {error.strerror}. Name the archive with --from.") from error
    if what.md5 and md5.hexdigest() != what.md5:
        raise SourceError(
            f"{path} has the MD5 {md5.hexdigest()}, published is {what.md5}: it was changed or cut short. Delete it "
            "and run this again."
        )
    return Brought(path, sha256.hexdigest(), md5.hexdigest())


def unpack(archive: Path, folder: Path) -> None:
    """Unpack a zip or tar below `folder`, never beside it. Raises SourceError for what is neither, or too much."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as packed:
                _require_size(archive, sum(one.file_size for one in packed.infolist()))
                _require_below(archive, (one.filename for one in packed.infolist()))
                packed.extractall(folder)  # noqa: S202
        else:
            with tarfile.open(archive) as packed_tar:
                members = packed_tar.getmembers()
                _require_size(archive, sum(one.size for one in members))
                packed_tar.extractall(folder, members, filter="data")
    except (tarfile.TarError, zipfile.BadZipFile, EOFError) as error:
        raise SourceError(f"{archive} cannot be unpacked: {error}. Delete it and fetch it again.") from error
    except OSError as error:
        raise UsageError(f"cannot unpack into {folder}: {error.strerror}. Free some space, run it again.") from error


def _require_size(archive: Path, unpacked: int) -> None:
    if unpacked > UNPACKED_MAX:
        raise SourceError(f"{archive} would unpack to {unpacked >> 30} GB; it is not the published set.")


def _require_below(archive: Path, names: Iterator[str]) -> None:
    for name in names:
        if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
            raise SourceError(f"{archive} would write outside its folder ({name}); it is not the published set.")


def rows_of(what: PublicSet, folder: Path) -> list[Row]:
    """Rows of a manifest, paths below `folder`. Raises SourceError where the set's own list is not there."""
    try:
        return sorted(what.rows(folder), key=lambda row: row["path"])
    except (StopIteration, KeyError, OSError, UnicodeDecodeError, csv.Error) as error:
        raise SourceError(f"{folder} does not hold {what.title} as published ({error!r}). Unpack it again.") from error


def _table(folder: Path, pattern: str) -> tuple[Path, list[Row]]:
    path = next(iter(sorted(folder.rglob(pattern))), None)
    if path is None:
        raise OSError(f"there is no {pattern}")
    with path.open(newline="", encoding="utf-8") as file:
        return path.parent.parent, list(csv.DictReader(file))


def _row(path: Path, folder: Path, source: str, group: str, label: str, train_ok: str, licence: str) -> Row:
    return {
        "path": path.relative_to(folder).as_posix(), "source": source, "group": group, "label": label,
        "train_ok": train_ok, "onsets": "", "licence": licence,
    }  # fmt: skip


def _esc50(folder: Path) -> Iterator[Row]:
    """Category and original recording are columns; the ten classes of ESC-10 are under CC BY."""
    root, rows = _table(folder, "esc50.csv")
    for row in rows:
        free = row["esc10"] == "True"
        licence, use = ("CC BY 3.0", "yes") if free else ("CC BY-NC 3.0", "nc")
        path = root / "audio" / row["filename"]
        yield _row(
            path,
            folder,
            "esc10" if free else "esc50",
            row["src_file"],
            _ESC.get(row["category"], row["category"]),
            use,
            licence,
        )


def _urbansound8k(folder: Path) -> Iterator[Row]:
    root, rows = _table(folder, "UrbanSound8K.csv")
    for row in rows:
        path = root / "audio" / f"fold{row['fold']}" / row["slice_file_name"]
        label = _URBAN.get(row["class"], row["class"])
        yield _row(path, folder, "urbansound8k", row["fsID"], label, "nc", "CC BY-NC 3.0")


def _sesa(folder: Path) -> Iterator[Row]:
    """The class is the beginning of a file's name: gunshot, explosion, siren, casual."""
    found = sorted(folder.rglob("*.wav"))
    if not found:
        raise OSError("there is no .wav")
    for path in found:
        label = path.stem.partition("_")[0]
        yield _row(path, folder, "sesa", path.stem, "other" if label == "casual" else label, "yes", "CC BY 4.0")


def _pittsburgh(folder: Path) -> Iterator[Row]:
    """Nothing: `evaluate --pittsburgh` reads its folder as it is."""
    if not any(folder.rglob("FP*")):
        raise OSError("there is no folder FP1")
    yield from ()


_ESC: Mapping[str, str] = {"fireworks": "firework", "dog": "dog_bark", "door_wood_knock": "knock", "hand_clap": "clap"}
_URBAN: Mapping[str, str] = {"gun_shot": "gunshot", "engine_idling": "engine"}

SETS: Mapping[str, PublicSet] = {
    one.name: one
    for one in (
        PublicSet(
            name="pittsburgh",
            title="ShotSpotter Sample Live Fire Test Data",
            address="https://github.com/ShotSpotter/research.accuracy-of-gunshot-location/archive/HEAD.zip",
            licence="CC BY 4.0, ShotSpotter, Inc.",
            md5="",
            size="0.3 GB",
            seen_at="its README; doi:10.21227/a4vg-7e81; arXiv 2108.07377",
            rows=_pittsburgh,
        ),
        PublicSet(
            name="esc50",
            title="ESC-50 (K. J. Piczak)",
            address="https://github.com/karolpiczak/ESC-50/archive/master.zip",
            licence="CC BY-NC 3.0; the clips of ESC-10 CC BY 3.0",
            md5="",
            size="0.65 GB",
            seen_at="its README",
            rows=_esc50,
        ),
        PublicSet(
            name="urbansound8k",
            title="UrbanSound8K (J. Salamon, C. Jacoby, J. P. Bello)",
            address="https://zenodo.org/records/1203745/files/UrbanSound8K.tar.gz?download=1",
            licence="CC BY-NC 3.0",
            md5="9aa69802bbf37fb986f71ec1483a196e",
            size="6 GB",
            seen_at="its README; doi:10.5281/zenodo.1203745; the checksum as soundata states it",
            rows=_urbansound8k,
        ),
        PublicSet(
            name="sesa",
            title="Sound Events for Surveillance Applications (T. Spadini)",
            address="https://zenodo.org/api/records/3519845/files-archive",
            licence="CC BY 4.0",
            md5="",
            size="0.1 GB",
            seen_at="doi:10.5281/zenodo.3519845",
            rows=_sesa,
        ),
    )
}
"""Sizes are about; checksums are empty where the publisher packs the archive anew for every download."""


def unpack_inner(folder: Path) -> None:
    """Archives within an archive, as Zenodo packs a record's files."""
    for path in sorted(folder.glob("*.zip")):
        unpack(path, folder)
        path.unlink()


def free_bytes(folder: Path) -> int:
    """On the disk of a folder that may not be there yet."""
    return shutil.disk_usage(next(one for one in (folder, *folder.absolute().parents) if one.exists())).free
