"""Which recording comes next: evenly by class and by group, so that no pack of fifty drowns a single."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from dhishoom.train.labels import CLASS_OF_LABEL
from dhishoom.train.recordings import Recording

_HARD = frozenset({"firework", "thunder", "door", "hammer", "impact", "knock", "clap", "glass", "drum", "jackhammer"})


def class_of(recording: Recording) -> str:
    """The class that a recording's label teaches, `other` where it teaches none."""
    return CLASS_OF_LABEL.get(recording.label, "other")


def by(
    recordings: Sequence[Recording],
    name_of: Callable[[Recording], str],
    wanted: Callable[[Recording], bool],
) -> dict[str, list[Recording]]:
    """The wanted ones by name."""
    found: dict[str, list[Recording]] = defaultdict(list)
    for recording in recordings:
        if wanted(recording):
            found[name_of(recording)].append(recording)
    return dict(found)


def draw_other(rng: np.random.Generator, by_class: Mapping[str, Sequence[Recording]]) -> Recording:
    """A class by the square root of its size, the hard ones thrice as often, then a group, then one of it."""
    names = sorted(by_class)
    size = np.array([len(by_class[name]) ** 0.5 * (3.0 if name in _HARD else 1.0) for name in names])
    return even_by_group(rng, by_class[names[rng.choice(len(names), p=size / size.sum())]])


def even_by_group(rng: np.random.Generator, recordings: Sequence[Recording]) -> Recording:
    """A group first, by the square root of its size, then one of it: a pack of fifty must not drown a single."""
    groups: dict[str, list[Recording]] = defaultdict(list)
    for recording in recordings:
        groups[recording.group].append(recording)
    names = sorted(groups)
    size = np.sqrt([len(groups[name]) for name in names])
    members = groups[names[rng.choice(len(names), p=size / size.sum())]]
    return members[rng.integers(len(members))]
