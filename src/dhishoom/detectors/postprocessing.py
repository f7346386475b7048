"""Embeddings as YouTube-8M and AudioSet publish them: whitened, clipped, in eight bits."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dhishoom.errors import ModelError

Floats = NDArray[np.float64]
WIDTH = 128
LEAST, MOST = -2.0, 2.0
LEVELS = 255
BYTES_MAX = 1 << 20
VECTORS, MEANS = "pca_eigen_vectors", "pca_means"


@dataclass(frozen=True, slots=True, eq=False)
class Postprocessor:
    """Principal components (whitening), then a clip to [-2, 2], then eight bits.

    Attributes:
        vectors: [128, 128], a component a row.
        means: [128].
    """

    vectors: Floats
    means: Floats

    def whiten(self, embeddings: NDArray[Any]) -> Floats:
        """[..., 128] within [-2, 2]."""
        whitened = (np.asarray(embeddings, np.float64) - self.means) @ self.vectors.T
        return np.clip(whitened, LEAST, MOST)

    def quantise(self, embeddings: NDArray[Any]) -> NDArray[np.uint8]:
        """[..., 128] in eight bits; the fraction is cut off, as published."""
        return ((self.whiten(embeddings) - LEAST) * (LEVELS / (MOST - LEAST))).astype(np.uint8)


def dequantise(quantised: NDArray[np.uint8]) -> NDArray[np.float32]:
    """What YouTube-8M's readers make of eight bits: q * 4/255 + 4/512 - 2, the middle of what was cut off."""
    span = MOST - LEAST
    return (quantised.astype(np.float64) * (span / LEVELS) + span / 512 + LEAST).astype(np.float32)


def read_postprocessor(path: Path) -> Postprocessor:
    """Published parameters (`vggish_pca_params.npz`). Raises ModelError for another file; nothing in it is executed."""
    try:
        if path.stat().st_size > BYTES_MAX:
            raise ModelError(f"{path} is larger than {BYTES_MAX} bytes; those are no parameters of a postprocessor.")
        with np.load(path, allow_pickle=False) as kept:
            vectors, means = np.asarray(kept[VECTORS], np.float64), np.asarray(kept[MEANS], np.float64).reshape(-1)
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror or error}. Name vggish_pca_params.npz.") from error
    except (ValueError, KeyError, TypeError, AttributeError, EOFError, zipfile.BadZipFile) as error:
        raise ModelError(f"{path} holds no {VECTORS} and {MEANS} ({error}). Fetch vggish_pca_params.npz.") from error
    if vectors.shape != (WIDTH, WIDTH) or means.shape != (WIDTH,):
        raise ModelError(f"{path}: {VECTORS} {vectors.shape} and {MEANS} {means.shape} are not VGGish's 128 by 128.")
    if not (np.isfinite(vectors).all() and np.isfinite(means).all()):
        raise ModelError(f"{path} holds numbers that are not finite. Fetch it again.")
    return Postprocessor(vectors, means)
