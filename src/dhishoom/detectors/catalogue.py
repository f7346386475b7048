"""Every model there is here, by name: shipped, the operator's own, and `energy`."""

from __future__ import annotations

import difflib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from dhishoom.detectors.cards import read_card
from dhishoom.errors import ModelError
from dhishoom.nouns import ModelCard

if TYPE_CHECKING:
    from dhishoom.seams import Detector

SHIPPED = Path(__file__).parent / "models"
PREFERRED = ("dhishoom-small-1", "dhishoom-small-open-1", "energy")
"""Best first: whoever names no model gets the first of these that is shipped."""


_SECOND = "+"


def _is_shipped(name: str) -> bool:
    return name == "energy" or all((SHIPPED / f"{name}{suffix}").is_file() for suffix in (".onnx", ".json"))


DEFAULT = next(filter(_is_shipped, PREFERRED))


def user_folder() -> Path:
    """Where the operator's own models lie: `DHISHOOM_MODELS`, else the user's data folder."""
    data = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    return Path(os.environ.get("DHISHOOM_MODELS") or data / "dhishoom" / "models")


def model_files() -> dict[str, Path]:
    """Networks by name; the operator's own come before shipped ones of the same name."""
    found: dict[str, Path] = {}
    for folder in (SHIPPED, user_folder()):
        if folder.is_dir():
            found.update({path.stem: path for path in sorted(folder.glob("*.onnx"))})
    return found


def names() -> list[str]:
    """All names that `open_detector` takes, the default first."""
    return sorted({*model_files(), "energy"}, key=lambda name: (name != DEFAULT, name == "energy", name))


def card_of(name: str) -> ModelCard:
    """The card of a model, without loading its network; of a pair `FIRST+SECOND`, the card of both together."""
    if _SECOND in name and not Path(name).is_file():
        return open_detector(name).card
    if name == "energy":
        from dhishoom.detectors.energy import CARD

        return CARD
    return read_card(_path_of(name).with_suffix(".json"))


def open_detector(name: str = DEFAULT, *, threads: int = 1) -> Detector:
    """The detector of that name or `.onnx` file, or a pair `FIRST+SECOND`.

    Raises ModelError, with the nearest name for a misspelt one.
    """
    if name == "energy":
        from dhishoom.detectors.energy import EnergyDetector

        return EnergyDetector()
    if _SECOND in name and not Path(name).is_file():
        return _open_pair(*name.rsplit(_SECOND, 1), threads=threads)
    path = _path_of(name)
    if (card_of(name).card or {}).get("kind") == "fetched tagger":
        from dhishoom.detectors.fetched import open_fetched

        return open_fetched(path, threads=threads)
    from dhishoom.detectors.onnx import OnnxDetector

    return OnnxDetector(path, threads=threads)


def _open_pair(first: str, second: str, *, threads: int) -> Detector:
    """The first model with a second look by a fetched tagger."""
    from dhishoom.detectors.fetched import open_fetched
    from dhishoom.detectors.second_look import SecondLook

    if second not in model_files():
        raise ModelError(f"There is no {second!r} for a second look. Run: dhishoom models fetch {second}")
    return SecondLook(open_detector(first, threads=threads), open_fetched(model_files()[second], threads=threads))


def _path_of(name: str) -> Path:
    files = model_files()
    if name in files:
        return files[name]
    path = Path(name)
    if path.suffix == ".onnx" and path.is_file():
        return path
    near = difflib.get_close_matches(name, names(), n=1)
    hint = f"Did you mean {near[0]}?" if near else f"There are: {', '.join(names())}."
    raise ModelError(f"There is no model {name!r}. {hint} A file is named by its path, ending in .onnx.")
