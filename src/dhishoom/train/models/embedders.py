"""Embedders that are here: their cards, beside their networks in `embedders/` of the operator's folder of models.

An embedder is no detector: it says nothing of gunfire. A frame-level model on top of it does.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from dhishoom.errors import ModelError

if TYPE_CHECKING:
    import numpy as np
    import onnxruntime
    from numpy.typing import NDArray

FOLDER = "embedders"
CARD_BYTES_MAX = 1 << 20


class EmbedderCard(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an embedder is and needs; `NAME.json` beside `NAME.onnx`.

    Attributes:
        front_end: By name, inside the network.
        width: Numbers that it makes of one picture.
        parameters: Learnt numbers.
        sha256: Of the file that its weights come from.
        checks: What was measured on import or after training.
    """

    name: str
    front_end: str
    width: int
    parameters: int
    licence: str
    summary: str
    sha256: str = ""
    origin: str = ""
    last_relu: bool = False
    postprocessed: bool = False
    checks: dict[str, object] = {}


class Embedder:
    """An embedder's network, run by onnxruntime."""

    def __init__(self, path: Path, *, threads: int = 1) -> None:
        self.card = read_embedder_card(path.with_suffix(".json"))
        self._run = session(path, threads)

    def embed(self, audio: NDArray[np.float32]) -> NDArray[np.float32]:
        """[batch, samples] at the front end's rate to [batch, pictures, width]."""
        embeddings: NDArray[np.float32] = self._run.run(["embedding"], {"audio": audio})[0]
        return embeddings


def session(path: Path, threads: int = 1) -> onnxruntime.InferenceSession:
    """A network opened. Raises ModelError where onnxruntime cannot."""
    from dhishoom.detectors.networks import open_network  # onnxruntime comes with it

    return open_network(path, threads=threads, mend="Import or train it again.")


def write_embedder_card(card: EmbedderCard, path: Path) -> None:
    """As indented JSON, whole or not at all."""
    part = path.with_suffix(".part")
    part.write_bytes(msgspec.json.format(msgspec.json.encode(card), indent=2) + b"\n")
    part.replace(path)


def read_embedder_card(path: Path) -> EmbedderCard:
    """Raises ModelError with what is missing, misspelt or of the wrong type."""
    try:
        if path.stat().st_size > CARD_BYTES_MAX:
            raise ModelError(f"{path} is larger than {CARD_BYTES_MAX} bytes; that is no card.")
        return msgspec.json.decode(path.read_bytes(), type=EmbedderCard)
    except OSError as error:
        raise ModelError(f"The card {path} cannot be read: {error.strerror}. It belongs beside the .onnx.") from error
    except msgspec.MsgspecError as error:
        raise ModelError(f"{path} is no embedder's card: {error}. Import or train the embedder again.") from error


def embedder_files(folder: Path) -> dict[str, Path]:
    """Embedders by name, below a folder of models."""
    return {path.stem: path for path in sorted((folder / FOLDER).glob("*.onnx"))}
