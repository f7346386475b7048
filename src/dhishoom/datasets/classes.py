"""The classes of AudioSet that a gunshot detector is taught with: gunfire, and the street that is none."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dhishoom.errors import SourceError


@dataclass(frozen=True, slots=True)
class AudioSetClass:
    """One class of AudioSet's ontology.

    Attributes:
        mid: Its machine id in the lists.
        name: Its display name.
        label: What this project calls it in a manifest.
    """

    mid: str
    name: str
    label: str


POSITIVE = (
    AudioSetClass("/m/032s66", "Gunshot, gunfire", "gunshot"),
    AudioSetClass("/m/04zjc", "Machine gun", "machine_gun"),
    AudioSetClass("/m/073cg4", "Cap gun", "gunshot"),
)
NEGATIVE = (
    AudioSetClass("/m/0k4j", "Car", "car"),
    AudioSetClass("/m/0912c9", "Vehicle horn, car horn, honking", "car_horn"),
    AudioSetClass("/m/02mfyn", "Car alarm", "car_alarm"),
    AudioSetClass("/m/05x_td", "Air horn, truck horn", "air_horn"),
    AudioSetClass("/m/02rhddq", "Reversing beeps", "reversing_beeps"),
    AudioSetClass("/m/04qvtq", "Police car (siren)", "police_siren"),
    AudioSetClass("/m/012n7d", "Ambulance (siren)", "siren"),
    AudioSetClass("/m/012ndj", "Fire engine, fire truck (siren)", "fire_engine_siren"),
    AudioSetClass("/m/04_sv", "Motorcycle", "motorcycle"),
    AudioSetClass("/m/0btp2", "Traffic noise, roadway noise", "traffic"),
    AudioSetClass("/m/09x0r", "Speech", "speech"),
)
"""Machine ids and names: AudioSet ontology (Google, CC BY-SA 4.0), https://research.google.com/audioset/ontology."""


class Ontology:
    """AudioSet's tree of classes, as `ontology.json` gives it."""

    def __init__(self, nodes: Mapping[str, Mapping[str, Any]]) -> None:
        self._nodes = nodes

    def name(self, mid: str) -> str:
        """Display name; the id itself where the tree does not hold it."""
        return str(self._nodes[mid]["name"]) if mid in self._nodes else mid

    def with_descendants(self, mids: Iterable[str]) -> frozenset[str]:
        """These classes and everything below them."""
        found: set[str] = set()
        waiting = list(mids)
        while waiting:
            mid = waiting.pop()
            if mid not in found:
                found.add(mid)
                waiting += self._nodes.get(mid, {}).get("child_ids", ())
        return frozenset(found)

    def require(self, classes: Iterable[AudioSetClass]) -> None:
        """Raise SourceError where a class is missing or goes by another name: then it is another ontology."""
        for one in classes:
            if self.name(one.mid) != one.name:
                raise SourceError(
                    f"the ontology calls {one.mid} {self.name(one.mid)!r}, not {one.name!r}: it is not AudioSet's. "
                    "Fetch ontology.json from https://github.com/audioset/ontology."
                )


def read_ontology(path: Path) -> Ontology:
    """AudioSet's ontology.json. Raises SourceError where it cannot be read or is something else."""
    try:
        nodes = {str(node["id"]): node for node in json.loads(path.read_bytes())}
        for node in nodes.values():
            node["name"], node["child_ids"]
    except OSError as error:
        raise SourceError(
            f"cannot read {path}: {error.strerror}. Name AudioSet's ontology.json with --ontology."
        ) from error
    except (ValueError, TypeError, KeyError) as error:
        raise SourceError(f"{path} is not AudioSet's ontology.json ({error}). Fetch it again.") from error
    ontology = Ontology(nodes)
    ontology.require((*POSITIVE, *NEGATIVE))
    return ontology
