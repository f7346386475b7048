"""What a street sensor makes of pressure: its band, its gain, its largest number and its smallest."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dhishoom.simulate.blast import peak_pa

Floats = NDArray[np.float64]
Samples = NDArray[np.float32]

RUMBLE_HZ = 25.0
SLOPE_HZ = 500.0
DULL_HZ = 1400.0
BAND_FLOOR = 1e-4
FULL_SCALE_DB = 104.0
"""Peak level at the top of the band for which its numbers end; set for what is far, so near shots clip."""
STEPS = np.float32(2**15)


def response(frequencies_hz: Floats, sample_rate: int) -> Floats:
    """Gain of a weatherproof street microphone, one at its best.

    Wind is kept out below 25 Hz, the gain rises 6 dB an octave to 500 Hz and falls 18 above 1.4 kHz, and the converter
    takes nothing at half its rate. That is the shape of noise, blasts and tails alike in the published live-fire
    recordings (docs/simulation.md shows it beside ours).
    """
    frequencies = np.maximum(frequencies_hz, 1e-3)
    rumble = 1 / (1 + (RUMBLE_HZ / frequencies) ** 2)
    slope = 1 / np.sqrt(1 + (SLOPE_HZ / frequencies) ** 2)
    dull = 1 / np.sqrt(1 + (frequencies / DULL_HZ) ** 6)
    share = np.clip((frequencies / sample_rate - 0.42) / 0.08, 0.0, 1.0)
    gain: Floats = rumble * slope * dull * np.cos(0.5 * np.pi * share) ** 2
    return np.maximum(gain / 0.845, BAND_FLOOR)


def digits(pressure: Samples, gain_db: float) -> Samples:
    """Pascal to samples in [-1, 1]: sixteen bits, and clipped where it is too loud."""
    gain = np.float32(10 ** (gain_db / 20) / peak_pa(FULL_SCALE_DB))
    return np.asarray(np.clip(np.round(pressure * gain * STEPS), -STEPS, STEPS - 1) / STEPS, np.float32)
