"""Examples drawn once and kept: every fold, every network and every restart of a run learns from the same pool.

Drawing an example (decoding, distance, mixing, a recorder's chain, a teacher's opinion) costs ten times what learning
from it does, and six folds would pay it six times.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
from numpy.lib.format import open_memmap
from numpy.typing import NDArray

from dhishoom.core.resampling import resampler
from dhishoom.train.lessons import Example, Lessons

COMPONENTS = 64
"""Of a teacher's embedding that are kept, the largest first (principal components)."""
_PIECE = 64
_FIT = 8192

Floats = NDArray[np.float32]


class Teacher(Protocol):
    """Tells what it makes of the clean middle of an example: [features]."""

    def opinion(self, clean: Floats, sample_rate: int) -> Floats:
        """Any fixed number of features."""


class Pool:
    """Columns by name, rows by number of the example.

    Attributes:
        audio: [n, window] float16 at `sample_rate`, mapped.
        shot, shot_weight: [n, frames]; heard, heard_weight: [n, classes]; taught: [n, components], zero mean.
        fold, free, gunfire, live_fire: [n] as in `Example`.
    """

    def __init__(self, folder: Path) -> None:
        self.audio: NDArray[np.float16] = np.load(folder / "audio.npy", mmap_mode="r")
        with np.load(folder / "targets.npz") as kept:
            self.shot: NDArray[np.bool_] = kept["shot"]
            self.shot_weight: NDArray[np.float16] = kept["shot_weight"]
            self.heard: NDArray[np.float16] = kept["heard"]
            self.heard_weight: NDArray[np.float16] = kept["heard_weight"]
            self.taught: NDArray[np.float16] = kept["taught"]
            self.fold: NDArray[np.uint8] = kept["fold"]
            self.free: NDArray[np.bool_] = kept["free"]
            self.gunfire: NDArray[np.bool_] = kept["gunfire"]
            self.live_fire: NDArray[np.bool_] = kept["live_fire"]
            self.sample_rate = int(kept["sample_rate"])

    def __len__(self) -> int:
        return len(self.audio)

    def rows(self, *, leave_out: int, free_only: bool, position_only: bool = False) -> NDArray[np.int64]:
        """Examples without the recordings of a fold (0: all), and those anyone may use if so wished.

        Position only: the fold's clips stay, its live fire goes.
        """
        wanted = (self.fold != leave_out) | (leave_out == 0) | (position_only & ~self.live_fire)
        return np.flatnonzero(wanted & (self.free | (not free_only)))

    def sound(self, rows: NDArray[np.int64], sample_rate: int) -> Floats:
        """Windows [rows, samples] at a network's rate, resampled as the listening fold does."""
        audio = np.asarray(self.audio[rows], np.float32)
        if sample_rate == self.sample_rate:
            return audio
        convert = resampler(self.sample_rate, sample_rate)
        length = audio.shape[1] * convert.up // convert.down
        padded = np.pad(audio, ((0, 0), (convert.margin, convert.margin)), mode="edge")
        return np.stack([convert.apply(one, length) for one in padded])


class _Drawn(NamedTuple):
    example: Example
    opinion: Floats


def build_pool(
    lessons: Lessons,
    count: int,
    sample_rate: int,
    folder: Path,
    *,
    teacher: Callable[[], Teacher] | None = None,
    workers: int = 1,
    advance: Callable[[], None] = lambda: None,
) -> Pool:
    """Draw `count` examples into `folder`, unless they are there already."""
    if not (folder / "targets.npz").is_file():
        folder.mkdir(parents=True, exist_ok=True)
        pieces = [range(at, min(count, at + _PIECE)) for at in range(0, count, _PIECE)]
        _write(_drawn(lessons, sample_rate, teacher, pieces, workers), count, sample_rate, folder, advance)
    return Pool(folder)


def _drawn(
    lessons: Lessons,
    sample_rate: int,
    teacher: Callable[[], Teacher] | None,
    pieces: Sequence[range],
    workers: int,
) -> Iterator[list[_Drawn]]:
    if workers <= 1:
        _begin(lessons, sample_rate, teacher)
        yield from map(_draw, pieces)
        return
    with ProcessPoolExecutor(workers, initializer=_begin, initargs=(lessons, sample_rate, teacher)) as executor:
        yield from executor.map(_draw, pieces)


class _Desk(NamedTuple):
    """What one process draws with; it opens its teacher once."""

    lessons: Lessons
    sample_rate: int
    teacher: Teacher | None


_desk: list[_Desk] = []


def _begin(lessons: Lessons, sample_rate: int, make: Callable[[], Teacher] | None) -> None:
    _desk[:] = [_Desk(lessons, sample_rate, make() if make else None)]


def _draw(numbers: Sequence[int]) -> list[_Drawn]:
    lessons, sample_rate, teacher = _desk[0]
    examples = [lessons.example(number) for number in numbers]
    silent = np.zeros(1, np.float32)
    return [_Drawn(one, teacher.opinion(one.clean, sample_rate) if teacher else silent) for one in examples]


def _write(
    drawn: Iterator[list[_Drawn]], count: int, sample_rate: int, folder: Path, advance: Callable[[], None]
) -> None:
    audio: NDArray[np.float16] | None = None
    columns: dict[str, list[NDArray[np.generic]]] = {}
    done = 0
    for piece in drawn:
        for one in piece:
            if audio is None:
                audio = open_memmap(folder / "audio.npy", "w+", np.float16, (count, len(one.example.audio)))
            audio[done] = one.example.audio
            for name, value in _columns(one).items():
                columns.setdefault(name, []).append(value)
            done += 1
        advance()
    targets = {name: np.stack(values) for name, values in columns.items()}
    targets["taught"] = _principal(targets["taught"].astype(np.float32))
    np.savez(folder / "targets.part.npz", sample_rate=np.array(sample_rate), **targets)  # type: ignore[arg-type]
    (folder / "targets.part.npz").replace(folder / "targets.npz")


def _columns(drawn: _Drawn) -> dict[str, NDArray[np.generic]]:
    one = drawn.example
    half = {name: getattr(one, name).astype(np.float16) for name in ("shot_weight", "heard", "heard_weight")}
    return half | {
        "shot": one.shot.astype(np.bool_),
        "taught": drawn.opinion.astype(np.float16),
        "fold": np.array(one.fold, np.uint8),
        "free": np.array(one.free),
        "gunfire": np.array(one.gunfire),
        "live_fire": np.array(one.live_fire),
    }


def _principal(features: Floats) -> NDArray[np.float16]:
    """The largest principal components, each divided by the root of its deviation: the strong ones still lead."""
    if features.shape[1] <= COMPONENTS:
        return features.astype(np.float16)
    centred = features - features.mean(axis=0)
    _, scale, axes = np.linalg.svd(centred[:_FIT], full_matrices=False)
    deviation = scale[:COMPONENTS] / np.sqrt(min(_FIT, len(centred))) + 1e-6
    components = centred @ axes[:COMPONENTS].T / np.sqrt(deviation * deviation[0])
    return np.asarray(components, np.float16)
