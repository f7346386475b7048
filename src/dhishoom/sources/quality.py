"""What is wrong with a recording that can be read: found while it is decoded, told in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

FULL_SCALE = 0.999
CLIPPED_FRACTION_MAX = 0.01
OFFSET_MAX = 0.1


class Quality:
    """Counts over every sample of a recording.

    Attributes:
        samples: How many were read.
        not_finite: NaN and infinities, heard as silence.
        clipped: At or beyond full scale.
    """

    def __init__(self) -> None:
        self.samples = 0
        self.not_finite = 0
        self.clipped = 0
        self._sum = 0.0
        self._lowest = np.inf
        self._highest = -np.inf

    def mend(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Count, then return the samples finite and within [-1, 1]; [n] or [n, channels], copied only to be mended."""
        if not samples.size:
            return samples
        lowest, highest = float(samples.min()), float(samples.max())
        if not np.isfinite(highest - lowest):
            finite = np.isfinite(samples)
            self.not_finite += int(samples.size - finite.sum())
            samples = np.where(finite, samples, np.float32(0))
            lowest, highest = float(samples.min()), float(samples.max())
        self._measure(samples, lowest, highest)
        return samples if lowest >= -1 and highest <= 1 else np.clip(samples, -1, 1)

    def _measure(self, samples: NDArray[np.float32], lowest: float, highest: float) -> None:
        if max(-lowest, highest) >= FULL_SCALE:
            self.clipped += int((np.abs(samples) >= FULL_SCALE).sum())
        self.samples += samples.size
        self._sum += float(samples.sum())
        self._lowest = min(self._lowest, lowest)
        self._highest = max(self._highest, highest)

    def remarks(self) -> tuple[str, ...]:
        """What an operator should know: what, why it matters, how to mend it; nothing for a sound recording."""
        if not self.samples:
            return ()
        found = (self._not_finite_remark(), self._level_remark(), self._clipped_remark())
        return tuple(remark for remark in found if remark)

    def _not_finite_remark(self) -> str:
        if not self.not_finite:
            return ""
        return f"{self.not_finite} samples are not numbers (NaN or infinite) and were heard as silence; write it again."

    def _level_remark(self) -> str:
        offset = self._sum / self.samples
        if self._lowest == self._highest == 0:
            return "every sample is zero, so nothing can be heard; check that the microphone was connected."
        if self._lowest == self._highest:
            return f"every sample is {offset:.3g}, so nothing can be heard; check the microphone and its supply."
        if abs(offset) > OFFSET_MAX:
            return f"a constant offset of {offset:.2f} takes part of the range; check the recorder's input coupling."
        return ""

    def _clipped_remark(self) -> str:
        fraction = self.clipped / self.samples
        if fraction <= CLIPPED_FRACTION_MAX:
            return ""
        return f"{fraction:.0%} of the samples are at full scale, so shots lose their shape; lower the recorder's gain."
