"""What executors are told once: what listens, where sound is kept, how to read back what they have not heard."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from dhishoom.nouns import Site
from dhishoom.service.hearing import Keep
from dhishoom.settings import ModelSettings, Settings
from dhishoom.stores.places import Place, open_place
from dhishoom.wiring import open_detector

if TYPE_CHECKING:
    from dhishoom.buses.kafka_link import KafkaLink
    from dhishoom.seams import Detector

MEMORY_FOLDER = Path("/dev/shm")  # noqa: S108 - the memory file system of Linux; our folder in it is ours alone


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Travels to every task.

    Attributes:
        model: Which one listens, with which thresholds.
        keep: Which sound becomes clips; `all` keeps every message whole.
        clips: Address of their folder.
        places: Options of `open_place`.
        link: How to reach Kafka from an executor; None: nothing is read back.
        tails: Folder of the sensors' last seconds, on a memory file system where there is one.
        look_back_s: So far back a sensor's last message is looked for when its tail is missing.
    """

    site: Site = field(default_factory=Site)
    model: ModelSettings = field(default_factory=ModelSettings)
    keep: Keep = "shots"
    clips: str = "dhishoom-data/clips"
    places: Mapping[str, str] = field(default_factory=dict)
    link: KafkaLink | None = None
    tails: str = ""
    look_back_s: float = 60.0

    def place(self) -> Place:
        """Where clips go."""
        return open_place(self.clips, self.places)

    def detector(self) -> Detector:
        """The model, loaded once in every process."""
        return _detector(msgspec.json.encode(self.model))


@lru_cache(maxsize=4)
def _detector(model: bytes) -> Detector:
    return open_detector(Settings(model=msgspec.json.decode(model, type=ModelSettings)))


def memory_folder(name: str) -> str:
    """A folder on the machine's memory file system, or where temporary files go."""
    base = MEMORY_FOLDER if MEMORY_FOLDER.is_dir() else Path(tempfile.gettempdir())
    return str(base / f"dhishoom-{name}")
