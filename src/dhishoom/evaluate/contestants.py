"""Who is scored, and which recordings each had learnt from, so that no figure poses as held out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from dhishoom.detectors.catalogue import model_files, open_detector
from dhishoom.errors import ModelError, UsageError
from dhishoom.evaluate.kept import identity
from dhishoom.evaluate.peers import NAMES, open_peer, peer_file

if TYPE_CHECKING:
    from dhishoom.evaluate.hearing import Standing
    from dhishoom.evaluate.recordings import Recording
    from dhishoom.nouns import ModelCard
    from dhishoom.seams import Detector


class TrainedOn(msgspec.Struct, frozen=True, kw_only=True):
    """What a model's card says it learnt from; `trained_on` in the rest of the card.

    Attributes:
        train_ok: Rows whose licence column says so: `yes`, `nc`.
        sources: Whole sources.
        groups: Original recordings, as `group` or `source/group`.
        positions: Firing positions of the live-fire set; None: all, if `yes` rows were learnt from.
        left_out: Groups and positions that were kept out of the above.
    """

    train_ok: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    positions: tuple[str, ...] | None = None
    left_out: tuple[str, ...] = ()

    def holds(self, recording: Recording) -> bool:
        """Whether the model learnt from this recording, or from another of the same group."""
        if _named(recording, self.left_out):
            return False
        if recording.is_live_fire and self.positions is not None:
            return recording.group in self.positions
        by_name = recording.source in self.sources or _named(recording, self.groups)
        return by_name or recording.train_ok in self.train_ok


def _named(recording: Recording, names: Sequence[str]) -> bool:
    return recording.group in names or recording.block in names


class Fold(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One network of a cross-validation: its file, and what it left out: positions, and `group` or `source/group`."""

    model: str
    positions: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()

    def left_out(self, recording: Recording) -> bool:
        """Whether this network never saw the recording's group."""
        names = self.positions if recording.is_live_fire else self.groups
        return _named(recording, names)


class Folds(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`--folds FILE.json`: networks of the same recipe as a model, each with what it left out.

    Attributes:
        of: The model's name; empty: the first that is scored. Paths of networks are relative to the file.
    """

    folds: tuple[Fold, ...]
    of: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contestant:
    """One model as it is scored.

    Attributes:
        trained_on: None where its card does not say.
        folds: Networks of its recipe that left recordings out, opened.
        size_bytes: Of its file; 0 where it has none.
        peer: A published tagger or a baseline, beside ours.
        identities: Of every detector that answers, its own first: names what it says between runs.
    """

    name: str
    detector: Detector
    trained_on: TrainedOn | None
    folds: Mapping[Fold, Detector] = field(default_factory=dict)
    size_bytes: int = 0
    peer: bool = False
    identities: tuple[str, ...] = ("",)

    @property
    def card(self) -> ModelCard:
        """Of the model itself."""
        return self.detector.card

    def identity_of(self, detector: Detector) -> str:
        """Of the detector of this contestant that answers."""
        every = (self.detector, *self.folds.values())
        return self.identities[next(index for index, one in enumerate(every) if one is detector)]

    def listener(self, recording: Recording) -> tuple[Detector, Standing]:
        """Who answers for this recording, and whether the answer is held out."""
        if self.trained_on is None:
            return self.detector, "unknown"
        if not self.trained_on.holds(recording):
            return self.detector, "held out"
        for fold, detector in self.folds.items():
            if fold.left_out(recording):
                return detector, "out of fold"
        return self.detector, "trained on"


def enter(names: Sequence[str], peers: Sequence[str], weights: Path | None, folds: Sequence[Path]) -> list[Contestant]:
    """Open every model: `names` first, then the peers beside them. Raises ModelError for one that is not there.

    Args:
        names: Names or paths of models; `yamnet` and `mn04` are looked for in `weights`.
        peers: Taggers in `weights`, and `energy`.
        folds: Files of cross-validations of any of `names`.
    """
    entered = [_model(name, weights, peer=False) for name in names]
    entered += [_model(name, weights, peer=True) for name in peers if name not in names]
    for file in folds:
        table = _read_folds(file)
        first = table.of or names[0]
        for index, name in enumerate(names):
            if name == first or name.startswith(f"{first}+"):
                entered[index] = _with_folds(entered[index], file, second=name.removeprefix(first))
    return entered


def _model(name: str, weights: Path | None, *, peer: bool) -> Contestant:
    if name in NAMES and name not in model_files():
        if weights is None:
            raise ModelError(f"{name} is a published tagger that is not shipped; name its folder with --weights.")
        detector = open_peer(name, weights)
    else:
        detector = open_detector(name)
    file = _file_of(name, weights)
    return Contestant(
        name=detector.card.name,
        detector=detector,
        trained_on=trained_on(detector.card),
        size_bytes=file.stat().st_size if file.is_file() else 0,
        peer=peer,
        identities=(identity(detector.card, file),),
    )


def _file_of(name: str, weights: Path | None) -> Path:
    files = model_files()
    if name in NAMES and name not in files and weights is not None:
        return peer_file(name, weights)
    return files.get(name, Path(name))


def trained_on(card: ModelCard) -> TrainedOn | None:
    """What the card says of its training; None where it says nothing that can be used."""
    about: Mapping[str, Any] = card.card or {}
    if about.get("data") == "none":
        return TrainedOn()
    if "trained_on" not in about:
        return _by_licence(card) if "trained_with" in about else None
    try:
        return msgspec.convert(about["trained_on"], TrainedOn)
    except msgspec.ValidationError as error:
        raise ModelError(f"The card of {card.name}: trained_on: {error}. Correct the card.") from error


def _by_licence(card: ModelCard) -> TrainedOn:
    """A network of the training room that does not list its recordings learnt from all that its licence allows."""
    return TrainedOn(train_ok=("yes", "nc") if "NC" in card.licence else ("yes",))


def folds_of(name: str, paths: Sequence[Path]) -> tuple[Path, ...]:
    """The networks of a model that files of folds name. Raises UsageError where one cannot be read."""
    tables = [(path, _read_folds(path)) for path in paths]
    return tuple(path.parent / fold.model for path, table in tables if table.of in ("", name) for fold in table.folds)


def _with_folds(contestant: Contestant, path: Path, *, second: str) -> Contestant:
    """With the networks of other folds beside it, each with the same second look, if any."""
    table = _read_folds(path)
    opened = {fold: open_detector(f"{path.parent / fold.model}{second}") for fold in table.folds}
    identities = [identity(one.card, path.parent / fold.model) for fold, one in opened.items()]
    return replace(contestant, folds=opened, identities=(*contestant.identities, *identities))


def _read_folds(path: Path) -> Folds:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Folds)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}. Name the JSON file of the folds.") from error
    except msgspec.MsgspecError as error:
        form = '{"folds": [{"model": "fold1.onnx", "positions": ["FP1"], "groups": ["source/group"]}]}'
        raise UsageError(f"{path}: {error}. It has to look like {form}") from error
