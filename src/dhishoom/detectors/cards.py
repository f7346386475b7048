"""Model cards as JSON beside the weights."""

from __future__ import annotations

import difflib
from dataclasses import fields
from pathlib import Path
from typing import Any

import msgspec

from dhishoom.errors import ModelError
from dhishoom.nouns import ModelCard

CARD_BYTES_MAX = 1 << 20
ALERT_PER_HOUR, POSSIBLE_PER_HOUR = 1.0, 10.0
"""What a card's thresholds mean: so many false clips an hour of other sound, fireworks and explosions apart."""
_REST = "card"
_FIELDS = {field.name for field in fields(ModelCard)} - {_REST}


def read_card(path: Path) -> ModelCard:
    """The card in a JSON file. Raises ModelError naming the field that is missing, misspelt or of the wrong type."""
    try:
        if path.stat().st_size > CARD_BYTES_MAX:
            raise ModelError(f"{path} is larger than {CARD_BYTES_MAX} bytes; that is no model card.")
        message = msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
    except OSError as error:
        raise ModelError(
            f"The model card {path} cannot be read: {error.strerror}. It belongs beside the .onnx."
        ) from error
    except msgspec.DecodeError as error:
        raise ModelError(f"The model card {path} is not JSON: {error}. Export the model again.") from error
    return card_from_json(message, where=str(path))


def card_from_json(message: dict[str, Any], *, where: str) -> ModelCard:
    """A card from its JSON object; what the program does not use stays under `card`."""
    unknown = sorted(message.keys() - _FIELDS - {_REST})
    if unknown:
        near = difflib.get_close_matches(unknown[0], sorted(_FIELDS), n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"put it under {_REST!r}."
        raise ModelError(f"{where}: unknown field {unknown[0]!r}; {hint}")
    try:
        card = msgspec.convert(message, ModelCard)
    except msgspec.ValidationError as error:
        raise ModelError(f"{where}: {error}. Correct the card or export the model again.") from error
    _check(card, where)
    return card


def write_card(card: ModelCard, path: Path) -> None:
    """Write a card as indented JSON, whole or not at all."""
    part = path.with_suffix(".part")
    part.write_bytes(msgspec.json.format(msgspec.json.encode(card), indent=2) + b"\n")
    part.replace(path)


def _check(card: ModelCard, where: str) -> None:
    def require(holds: bool, what: str) -> None:
        if not holds:
            raise ModelError(f"{where}: {what}. Correct the card or export the model again.")

    require(8_000 <= card.sample_rate <= 192_000, f"sample_rate {card.sample_rate} is outside 8 000 to 192 000 Hz")
    require(0 < card.hop_s <= card.step_s <= 10, f"hop_s {card.hop_s} and step_s {card.step_s} do not fit")
    require(card.left_s >= card.guard_s <= card.right_s, f"guard_s {card.guard_s} is larger than left_s or right_s")
    for name in ("step_s", "guard_s"):
        hops = getattr(card, name) / card.hop_s
        require(abs(hops - round(hops)) < 1e-6, f"{name} is no whole number of hops")
    require(len(set(card.classes)) == len(card.classes) > 0, "classes are empty or repeat")
    missing = [name for name in card.gunshot_classes if name not in card.classes]
    require(bool(card.gunshot_classes) and not missing, f"gunshot_classes {missing} are not among the classes")
    require(0 <= card.possible <= card.alert <= 1, "thresholds need 0 <= possible <= alert <= 1")
    heard = [raw for raw, _ in card.calibration]
    meant = [probability for _, probability in card.calibration]
    require(heard == sorted(heard) and meant == sorted(meant), "calibration does not rise")
