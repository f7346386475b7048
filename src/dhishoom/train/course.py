"""From a config to what it learns from: recordings read, decoded once, split into folds, asked of the teachers."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from dhishoom.train.batches import spectra_of
from dhishoom.train.config import Config
from dhishoom.train.lessons import EDITION, Known, Lessons
from dhishoom.train.library import Library, build_library
from dhishoom.train.loop import Course
from dhishoom.train.onsets import energy_onsets_s
from dhishoom.train.pool import Pool, build_pool
from dhishoom.train.recordings import LIVE_FIRE, Recording, read_live_fire, read_manifest
from dhishoom.train.teachers import HOP_S, SPAN_S, Embedder, Teachers, soft_labels

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
        may_stay = config.data.position_only and one.source != LIVE_FIRE
        in_fold = not may_stay and fold_of(one, positions, config.data.folds) == config.data.fold
        (learnt if allowed and not in_fold else held_out).append(one)
    return learnt, held_out


def library_of(config: Config, recordings: Sequence[Recording], cache: Path, advance: Advance) -> Library:
    """All recordings decoded at the pool's rate."""
    rate = config.data.sample_rate
    return build_library(recordings, cache / f"sound-{rate}", rate, advance)


def prepare(config: Config, cache: Path, advance: Advance = lambda: None) -> tuple[Course, list[Recording], Library]:
    """What a run learns from, what it is measured on, and the sound; everything that is made is kept in `cache`."""
    recordings = all_recordings(config)
    library = library_of(config, recordings, cache, advance)
    pool = _pool(config, recordings, library, cache, advance)
    data = config.data
    rows = pool.rows(leave_out=data.fold, free_only=data.use == ("yes",), position_only=data.position_only)
    shape = config.network.front_end
    name = hashlib.blake2b(msgspec.json.encode(shape), digest_size=5).hexdigest()
    spectra = spectra_of(pool, shape, cache / f"pool-{_name_of(config)}" / f"spectra-{name}.npy")
    _, held_out = split(config, recordings)
    return Course(config=config, pool=pool, rows=rows, spectra=spectra), held_out, library


def _pool(config: Config, recordings: Sequence[Recording], library: Library, cache: Path, advance: Advance) -> Pool:
    """One pool for every fold and licence: of all that may teach at all."""
    folder = cache / f"pool-{_name_of(config)}"
    if (folder / "targets.npz").is_file():
        return Pool(folder)
    may_teach = tuple(one for one in recordings if one.use != "validate")
    lessons = Lessons(
        may_teach,
        library,
        _known(config, may_teach, library, cache, advance),
        timing=config.timing,
        chain=config.chain,
        shares=config.shares,
        seed=config.seed,
    )
    teacher = partial(Embedder, config.data.path() / "weights") if config.data.teachers else None
    workers = config.optimisation.workers
    return build_pool(
        lessons, config.data.pool, config.data.sample_rate, folder, teacher=teacher, workers=workers, advance=advance
    )


def _name_of(config: Config) -> str:
    """Of everything that the examples depend on."""
    data = (config.data.pool, config.data.sample_rate, config.data.folds, config.data.teachers, config.seed)
    parts = (data, config.timing, config.chain, config.shares, EDITION)
    return hashlib.blake2b(msgspec.json.encode(parts), digest_size=5).hexdigest()


def _known(config: Config, recordings: tuple[Recording, ...], library: Library, cache: Path, advance: Advance) -> Known:
    positions = sorted({one.group for one in recordings if one.source == LIVE_FIRE})
    folds = {one.key: fold_of(one, positions, config.data.folds) for one in recordings}
    if not config.data.teachers:
        return Known(onsets_s=first_onsets(recordings, library, None), folds=folds)
    folder = config.data.path()
    soft = soft_labels(
        recordings, cache / "teachers.npz", lambda: Teachers(folder / "weights", folder / "audioset"), advance
    )
    return Known(onsets_s=first_onsets(recordings, library, Embedder(folder / "weights")), soft=soft, folds=folds)


def first_onsets(
    recordings: tuple[Recording, ...], library: Library, teacher: Embedder | None
) -> dict[str, tuple[float, ...]]:
    """By energy, for everything whose onsets nobody stated; in gunfire only where a teacher, if any, hears it most."""
    found: dict[str, tuple[float, ...]] = {}
    for one in recordings:
        if one.onsets_s:
            continue
        samples = library.samples(one.key)
        onsets_s = energy_onsets_s(samples, library.sample_rate)
        if one.is_gunfire and teacher is not None and library.sample_rate == 16000:
            onsets_s = _where_heard(onsets_s, teacher.gun_rows(samples))
        found[one.key] = onsets_s
    return found


def _where_heard(onsets_s: tuple[float, ...], rows: NDArray[np.float32]) -> tuple[float, ...]:
    """The onsets within rows that score at least half the best; all of them if that leaves none."""
    begin = np.arange(len(rows)) * HOP_S
    heard = [
        at for at in onsets_s
        if rows[(begin <= at + 0.05) & (at < begin + SPAN_S)].max(initial=0.0) >= 0.5 * rows.max()
    ]  # fmt: skip
    return tuple(heard) or onsets_s
