"""Published taggers that are not shipped: fetched from where they are published, or taken from a file."""

from __future__ import annotations

import csv
import hashlib
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dhishoom.detectors.cards import read_card, write_card
from dhishoom.errors import ModelError

if TYPE_CHECKING:
    from dhishoom.detectors.tagger import TaggerShape
    from dhishoom.seams import Detector

BYTES_MAX = 64 << 20
WAIT_S = 60.0
KIND = "fetched tagger"
CLASS_FILE = "yamnet_class_map.csv"


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """Where a tagger is published and under what terms.

    Attributes:
        address: Of its ONNX form; sha256: of that file, as its users state it.
        classes_address: Of the names of its classes.
        origin: Where the weights come from.
    """

    name: str
    address: str
    sha256: str
    classes_address: str
    licence: str
    origin: str
    summary: str


YAMNET = Published(
    name="yamnet",
    address="https://huggingface.co/audiomagic/yamnet-onnx/resolve/main/yamnet.onnx",
    sha256="cdf24d193e196d9e95912a2667051ae203e92a2ba09449218ccb40ef787c6df2",
    classes_address="https://raw.githubusercontent.com/tensorflow/models/master/research/audioset/yamnet/"
    "yamnet_class_map.csv",
    licence="Apache-2.0",
    origin="Google, https://tfhub.dev/google/yamnet/1",
    summary="Google YAMNet, 521 AudioSet classes; the gunshot score is the largest of its gun classes.",
)
PUBLISHED = {YAMNET.name: YAMNET}


def published(name: str) -> Published:
    """What can be fetched under a name; raises ModelError with the names there are."""
    if name not in PUBLISHED:
        raise ModelError(f"{name!r} is not published where dhishoom knows it. It can fetch: {', '.join(PUBLISHED)}.")
    return PUBLISHED[name]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """What was put where.

    Attributes:
        expected: Whether the checksum is the one stated for the published file.
    """

    path: Path
    size: int
    sha256: str
    expected: bool


def fetch(what: Published, folder: Path, *, file: Path | None = None, classes: Path | None = None) -> Fetched:
    """Put a tagger and its card into `folder`: downloaded, or from `file` with the names of its classes beside it.

    A download whose checksum is not the stated one is refused; a file of one's own is told by its checksum and tried.
    """
    content = _read(file) if file else _download(what.address)
    digest = hashlib.sha256(content).hexdigest()
    if file is None and digest != what.sha256:
        raise ModelError(
            f"{what.address} has another checksum than stated ({digest} instead of {what.sha256}): it was changed or "
            "cut short, and nothing was kept. Look at it, then use --from FILE."
        )
    names = _names(_read(classes or file.parent / CLASS_FILE) if file else _download(what.classes_address))
    path = folder / f"{what.name}.onnx"
    _keep(what, path, content, names, digest)
    return Fetched(path=path, size=len(content), sha256=digest, expected=digest == what.sha256)


def _keep(what: Published, path: Path, content: bytes, names: tuple[str, ...], digest: str) -> None:
    """Written under another name, tried, then named: what does not work never replaces what does."""
    from dhishoom.detectors.tagger import YAMNET as SHAPE
    from dhishoom.detectors.tagger import Tagger, tagger_card

    about: dict[str, object] = {
        "summary": what.summary,
        "kind": KIND,
        "origin": what.origin,
        "address": what.address,
        "sha256": digest,
        "trained_on": {"train_ok": []},
        "limits": ["Deaf to most gunfire at street distance: it calls it fireworks.", "Its scores are not calibrated."],
    }
    card = tagger_card(what.name, SHAPE, names, what.licence, about)
    part = path.with_suffix(".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(content)
        Tagger(part, SHAPE, card)
        part.replace(path)
        write_card(card, path.with_suffix(".json"))
    except OSError as error:
        raise ModelError(
            f"{path} cannot be written: {error.strerror}. Set DHISHOOM_MODELS to another folder."
        ) from error
    finally:
        part.unlink(missing_ok=True)


def open_fetched(path: Path, *, threads: int = 1) -> Detector:
    """A tagger that `fetch` has put there."""
    from dhishoom.detectors.tagger import Tagger

    return Tagger(path, shape_of(path), read_card(path.with_suffix(".json")), threads=threads)


def shape_of(path: Path) -> TaggerShape:
    """How the tagger of that name is asked."""
    from dhishoom.detectors.tagger import YAMNET as SHAPE

    published(path.stem)
    return SHAPE


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > BYTES_MAX:
            raise ModelError(f"{path} is larger than {BYTES_MAX >> 20} MB; that is no tagger. Name its .onnx file.")
        return path.read_bytes()
    except OSError as error:
        raise ModelError(
            f"{path} cannot be read: {error.strerror}. --from FILE takes the .onnx, with {CLASS_FILE} beside it or "
            "named by --classes."
        ) from error


def _download(address: str) -> bytes:
    try:
        with urllib.request.urlopen(address, timeout=WAIT_S) as answer:  # noqa: S310
            content: bytes = answer.read(BYTES_MAX + 1)
    except OSError as error:
        raise ModelError(
            f"{address} cannot be fetched: {error}. Bring the file by other means and use --from FILE."
        ) from error
    if len(content) > BYTES_MAX:
        raise ModelError(f"{address} is larger than {BYTES_MAX >> 20} MB; nothing was kept. Use --from FILE.")
    return content


def _names(content: bytes) -> tuple[str, ...]:
    try:
        return tuple(row["display_name"] for row in csv.DictReader(content.decode("utf-8").splitlines()))
    except (UnicodeDecodeError, KeyError, csv.Error) as error:
        raise ModelError(
            f"The class names cannot be read ({error}); {CLASS_FILE} has a column display_name. Fetch it again."
        ) from error
