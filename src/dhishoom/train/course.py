"""From a config to what it learns from: recordings read, decoded once, split into folds, asked of the teachers."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

from dhishoom.train.config import Config
from dhishoom.train.lessons import Known
from dhishoom.train.library import Library, build_library
from dhishoom.train.loop import Course, first_onsets
from dhishoom.train.recordings import LIVE_FIRE, Recording, read_live_fire, read_manifest
from dhishoom.train.teachers import Teachers, soft_labels

Advance = Callable[[], None]


def all_recordings(config: Config) -> list[Recording]:
    """Everything there is, to learn from or to measure on."""
    data = config.data.path() / "data"
    return read_manifest(data / "clips" / "manifest.csv") + read_live_fire(data / "pittsburgh")


def fold_of(recording: Recording, positions: Sequence[str], folds: int) -> int:
    """1 to `folds`: the place of a live-fire position among all, a hash of any other group."""
    if recording.source == LIVE_FIRE:
        return positions.index(recording.group) % folds + 1
    digest = hashlib.blake2b(f"{recording.source}/{recording.group}".encode(), digest_size=4).digest()
    return int.from_bytes(digest, "big") % folds + 1


def split(config: Config, recordings: Sequence[Recording]) -> tuple[list[Recording], list[Recording]]:
    """(to learn from, held out): held out is the fold of the config and all that its licence keeps from learning."""
    positions = sorted({one.group for one in recordings if one.source == LIVE_FIRE})
    learnt: list[Recording] = []
    held_out: list[Recording] = []
    for one in recordings:
        allowed = one.use in config.data.use
        in_fold = fold_of(one, positions, config.data.folds) == config.data.fold
        (learnt if allowed and not in_fold else held_out).append(one)
    return learnt, held_out


def library_of(config: Config, recordings: Sequence[Recording], cache: Path, advance: Advance) -> Library:
    """All recordings decoded at the network's rate."""
    rate = config.network.front_end.sample_rate
    return build_library(recordings, cache / f"sound-{rate}", rate, advance)


def prepare(config: Config, cache: Path, advance: Advance = lambda: None) -> tuple[Course, list[Recording]]:
    """What a run learns from, and what it is measured on; decoded sound and soft labels are kept in `cache`."""
    recordings = all_recordings(config)
    library = library_of(config, recordings, cache, advance)
    soft = {}
    if config.data.teachers:
        folder = config.data.path()
        soft = dict(
            soft_labels(
                recordings, cache / "teachers.npz", lambda: Teachers(folder / "weights", folder / "audioset"), advance
            )
        )
    learnt, held_out = split(config, recordings)
    known = Known(onsets_s=first_onsets(tuple(learnt), library), soft=soft)
    return Course(config=config, recordings=tuple(learnt), library=library, known=known), held_out
