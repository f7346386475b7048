"""Batches by step: rows of the pool, at times with a second one mixed behind, as sums of power."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from dhishoom.train.config import Config
from dhishoom.train.front_end import LogMel, lost_above
from dhishoom.train.losses import Batch
from dhishoom.train.pool import Pool
from dhishoom.train.shapes import FrontEnd

_AT_ONCE = 128
_FAINT_DB = -20.0
_LOWER_DB = 8.0
_NEPER = 10 / np.log(10)
_NARROW_HZ = (1500.0, 4500.0)

Floats = NDArray[np.float32]


class Material(NamedTuple):
    """What a step draws from: the pool, its spectra, the rows that may be learnt from and how likely each is."""

    pool: Pool
    spectra: NDArray[np.float16]
    rows: NDArray[np.int64]
    chance: NDArray[np.float64]


def spectra_of(pool: Pool, shape: FrontEnd, file: Path) -> NDArray[np.float16]:
    """Spectra of the whole pool [n, bands, frames], computed once and mapped: a front end has nothing to learn."""
    if not file.is_file():
        log_mel = LogMel(shape).eval()
        parts = []
        with torch.no_grad():
            for at in range(0, len(pool), _AT_ONCE):
                sound = pool.sound(np.arange(at, min(len(pool), at + _AT_ONCE)), shape.sample_rate)
                parts.append(log_mel.spectrum(torch.as_tensor(sound)).squeeze(2).numpy().astype(np.float16))
        np.save(file, np.concatenate(parts))
    return np.asarray(np.load(file))


def batch_at(step: int, config: Config, material: Material) -> Batch:
    """The examples of one step: a pure function of the step, so a run can stop and go on anywhere."""
    rng = np.random.default_rng([config.seed, step])
    pool, rows = material.pool, material.rows
    drawn = np.sort(rows[rng.choice(len(rows), config.optimisation.batch_size, p=material.chance)])
    spectrum = material.spectra[drawn].astype(np.float32)
    heard = pool.heard[drawn].astype(np.float32)
    mixed = rng.random(len(drawn)) < config.optimisation.mix
    others = rows[~pool.gunfire[rows]]
    if mixed.any() and len(others):
        behind = others[rng.integers(len(others), size=int(mixed.sum()))]
        loudest_db = np.where(pool.gunfire[drawn[mixed]], -15.0, -3.0)  # a shot must stay to be heard
        level_db = rng.uniform(-40.0, loudest_db).astype(np.float32)
        spectrum[mixed] = _sum(spectrum[mixed], material.spectra[behind].astype(np.float32), level_db)
        audible = (level_db > _FAINT_DB)[:, None] * pool.heard[behind].astype(np.float32)
        heard[mixed] = np.maximum(heard[mixed], audible)
    columns = (pool.shot, pool.shot_weight)
    shot, shot_weight = (column[drawn].astype(np.float32) for column in columns)
    for index in np.flatnonzero(rng.random(len(drawn)) < config.optimisation.gap):
        spectrum[index] = with_gap(rng, spectrum[index], shot[index], config)
    for index in np.flatnonzero(rng.random(len(drawn)) < config.optimisation.narrow):
        spectrum[index] = narrowed(rng, spectrum[index], config.network.front_end)
    heard_weight, taught = (column[drawn].astype(np.float32) for column in (pool.heard_weight, pool.taught))
    return Batch(spectrum, shot, shot_weight, heard, heard_weight, taught)


def with_gap(rng: np.random.Generator, spectrum: Floats, shot: Floats, config: Config) -> Floats:
    """A stretch of the picture [bands, frames] replaced by frames of its quietest fifth, up to 8 dB lower.

    So the listening fold fills what was not recorded, and so a recording that grew quieter is filled at its beginning:
    half of all edges from such quiet into sound lie where the network must say that nothing was fired. A tenth of a
    second before a shot and four after it stay.
    """
    front, timing = config.network.front_end, config.timing
    hop_s, count = front.hop / front.sample_rate, spectrum.shape[1]
    begin, end = sorted(int(at) for at in rng.integers(0, count + 1, 2))
    begin = 0 if rng.random() < 0.5 else begin
    if rng.random() < 0.5:
        end = int(rng.uniform(timing.first_frame_s, timing.window_s - timing.right_s) / hop_s)
    shots_s = timing.first_frame_s + np.flatnonzero(shot) * timing.hop_s
    if len(shots_s):
        first, last = int((shots_s[0] - 0.1) / hop_s), int((shots_s[-1] + 0.4) / hop_s)
        begin, end = (begin, min(end, first)) if rng.random() < 0.7 else (max(begin, last), max(end, last))
    if end <= begin:
        return spectrum
    level = spectrum.mean(axis=0)
    quiet = np.flatnonzero(level <= np.quantile(level, 0.2))
    gapped = spectrum.copy()
    lower = np.float32(rng.uniform(0.0, _LOWER_DB) / _NEPER)
    gapped[:, begin:end] = spectrum[:, quiet[rng.integers(len(quiet), size=end - begin)]] - lower
    return gapped


def narrowed(rng: np.random.Generator, spectrum: Floats, front_end: FrontEnd) -> Floats:
    """The picture [bands, frames] through a low pass with its corner at 1.5 to 4.5 kHz, falling 12 to 66 dB an octave.

    Whatever is heard through one is duller than most sound that is not gunfire: alone, it says nothing of guns.
    """
    corner_hz = float(np.exp(rng.uniform(*np.log(_NARROW_HZ))))
    return lost_above(spectrum, front_end, corner_hz, int(rng.integers(2, 12)))


def _sum(front: Floats, behind: Floats, level_db: Floats) -> Floats:
    """Powers added, `behind` so many decibels below `front` at their loudest."""
    loudest = front.max(axis=(1, 2)) - behind.max(axis=(1, 2)) + level_db / _NEPER
    return np.asarray(np.logaddexp(front, behind + loudest[:, None, None]), np.float32)
