"""`CONFIG.toml` of a training run, as typed structures; a misspelt key is an error that names it."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Literal

import msgspec

from dhishoom.errors import SettingsError
from dhishoom.train.augment import Chain
from dhishoom.train.labels import CLASSES
from dhishoom.train.lessons import Shares
from dhishoom.train.shapes import NetworkShape, Timing


class Data(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where the recordings lie and which of them teach.

    Attributes:
        use: `yes` alone, or `yes` and `nc` (then the weights are CC BY-NC).
        folder: Holds `data/clips/manifest.csv`, `data/pittsburgh` and, for teachers, `weights` and `audioset`;
            empty: the environment's DHISHOOM_SHARED, else `../shared`.
        pool: How many examples are drawn, once for all folds.
        sample_rate: Hz of the pool; a network's own rate is made from it.
        fold, folds: Leave out the fold-th live-fire position and that share of all other groups; fold 0: nothing.
        position_only: Leave out the position and learn from every group.
        teachers: Whether to ask YAMNet and mn04 for soft labels of all that is no gun.
    """

    use: tuple[Literal["yes", "nc"], ...] = ("yes",)
    folder: str = ""
    pool: int = 32000
    sample_rate: int = 16000
    fold: int = 0
    folds: int = 6
    position_only: bool = False
    teachers: bool = True

    def path(self) -> Path:
        """The folder in use."""
        return Path(self.folder or os.environ.get("DHISHOOM_SHARED", "../shared"))


class Optimisation(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How long and how fast to learn.

    Attributes:
        rounds: The steps in that many parts; after each, other sound that is taken for gunfire is drawn more often.
        mix: How many examples get another, without gunfire, behind them.
        gap: How many have a stretch that was not recorded, filled as the listening fold fills it.
        narrow: How many lose what lies above 1.5 to 4.5 kHz, as through a telephone or a wall.
        other_classes: Weight of naming what else is heard.
        taught: Weight of guessing the teacher's opinion.
        hard: Weight of a window's worst frame: presses on the single false alarm.
        half: Whether to multiply in bfloat16; weights stay float32.
        average: Share of the past kept in the averaged weights at each step; those are shipped.
    """

    steps: int = 3000
    rounds: int = 3
    batch_size: int = 64
    learning_rate: float = 3e-3
    weight_decay: float = 1e-3
    hard: float = 0.5
    other_classes: float = 3.0
    mix: float = 0.25
    gap: float = 0.4
    narrow: float = 0.25
    taught: float = 0.3
    average: float = 0.997
    half: bool = True
    workers: int = 2
    threads: int = 1


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Everything a run depends on, its seed included."""

    name: str
    licence: str
    seed: int = 1
    data: Data = Data()
    network: NetworkShape = NetworkShape(classes=len(CLASSES))
    timing: Timing = Timing()
    chain: Chain = Chain()
    shares: Shares = Shares()
    optimisation: Optimisation = Optimisation()


def read_config(path: Path) -> Config:
    """A run's settings; raises SettingsError with the key that is wrong."""
    try:
        config = msgspec.toml.decode(path.read_bytes(), type=Config)
    except OSError as error:
        raise SettingsError(
            f"Cannot read {path}: {error.strerror}. Give the path of a training CONFIG.toml."
        ) from error
    except msgspec.MsgspecError as error:
        raise SettingsError(
            f"{path}: {error}. Correct that key; src/dhishoom/train/config.py names them all."
        ) from error
    return msgspec.structs.replace(config, network=replace(config.network, classes=len(CLASSES)))


def with_fold(config: Config, fold: int, *, position_only: bool = False) -> Config:
    """The same run with another fold left out, or of that fold the firing position only."""
    if not 0 <= fold <= config.data.folds:
        raise SettingsError(f"Fold {fold} of {config.data.folds} does not exist; give 0 to {config.data.folds}.")
    data = msgspec.structs.replace(config.data, fold=fold, position_only=position_only)
    return msgspec.structs.replace(config, data=data)
