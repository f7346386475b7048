"""Blasts with onsets known to a fraction of a sample, in noise of known colour and level: the same for the same seed.

A blast is a Friedlander pulse with its ground reflection, softened by air, with echoes that come later and may be
louder, and a reverberant tail. It is made at eight times the rate and then limited in band.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.signal import butter, lfilter, sosfilt

FINE = 8
RUMBLE_HZ = 200.0


@dataclass(frozen=True)
class Case:
    """One recording of 0.9 s.

    Attributes:
        onset: Samples from its beginning, with a fraction.
        snr_db: Peak over the noise's root mean square, both above 200 Hz.
    """

    samples: np.ndarray
    rate: int
    onset: float
    snr_db: float


def friedlander(time_s, length_s, decay):
    """A sudden rise to 1, back through 0 after `length_s`."""
    after = np.clip(time_s, 0, None) / length_s
    return np.where(time_s >= 0, (1 - after) * np.exp(-decay * after), 0.0)


def blast(count, onset, rate, rng, *, echoes=True):
    """Pressure [count] with a peak near 1."""
    time_s = (np.arange(count * FINE) - onset * FINE) / (rate * FINE)
    length_s, decay = rng.uniform(0.0008, 0.003), rng.uniform(0.5, 1.5)
    sound = friedlander(time_s, length_s, decay)
    sound += rng.uniform(0.2, 0.9) * friedlander(time_s - rng.uniform(0.0005, 0.008), length_s, decay)
    for _ in range(rng.integers(0, 4) if echoes else 0):
        sign = rng.choice([1, 1, -1])
        sound += sign * rng.uniform(0.2, 1.5) * friedlander(time_s - rng.uniform(0.006, 0.25), length_s, decay)
    fading = np.where(time_s > 0.002, np.exp(-np.clip(time_s, 0, None) / rng.uniform(0.02, 0.12)), 0.0)
    tail = lfilter(*butter(2, [300, 2500], "bandpass", fs=rate * FINE), rng.standard_normal(count * FINE) * fading)
    sound += rng.uniform(0.04, 0.4) * tail / (tail.std() + 1e-9) * sound.std()
    corner_hz = np.exp(rng.uniform(np.log(250), np.log(3000)))
    for corner in (corner_hz, 2 * corner_hz):
        sound = sosfilt(butter(1, corner, fs=rate * FINE, output="sos"), sound)
    return limited(sound, rate)[::FINE]


def limited(sound, rate):
    """Nothing above the half of `rate`, with a soft edge: what a recorder's own filter leaves."""
    spectrum = np.fft.rfft(sound)
    hz = np.fft.rfftfreq(len(sound), 1 / (rate * FINE))
    share = np.clip((0.5 * rate - hz) / (0.08 * rate), 0, 1)
    return np.fft.irfft(spectrum * np.sin(np.pi / 2 * share) ** 2, len(sound))


def noise(count, slope, rng):
    """Noise [count] of standard deviation 1 whose power falls with frequency to the power of `slope`."""
    hz = np.fft.rfftfreq(count)
    hz[0] = hz[1]
    sound = np.fft.irfft(np.fft.rfft(rng.standard_normal(count)) * hz ** (-slope / 2), count)
    return sound / sound.std()


def case(rng, rate=12_000, snr_db=25.0, *, echoes=True):
    """A blast near the middle, in white, pink or brown noise."""
    count = round(0.9 * rate)
    onset = 0.5 * rate + rng.uniform(-0.04, 0.04) * rate
    heard = blast(count, onset, rate, rng, echoes=echoes)
    hiss = noise(count, rng.choice([0, 1, 1, 2]), rng)
    above = butter(2, RUMBLE_HZ, "highpass", fs=rate, output="sos")
    peak = np.abs(sosfilt(above, heard)[int(onset) : int(onset + 0.02 * rate)]).max()
    sound = heard / peak * 10 ** (snr_db / 20) * sosfilt(above, hiss)[100:].std() + hiss
    sound *= rng.uniform(0.05, 0.9) / np.abs(sound).max()
    return Case(sound.astype(np.float32), rate, onset, snr_db)


def street(seconds, rate, onsets_s, seed=0, level=0.01):
    """Quiet pink noise with a blast at each onset, without late echoes, float32."""
    rng = np.random.default_rng(seed)
    sound = level * noise(round(seconds * rate), 1, rng)
    for onset_s in onsets_s:
        first = max(0, round((onset_s - 0.1) * rate))
        heard = blast(round(0.6 * rate), onset_s * rate - first, rate, rng, echoes=False)[: len(sound) - first]
        sound[first : first + len(heard)] += 0.5 * heard / np.abs(heard).max()
    return np.clip(sound, -1, 1).astype(np.float32)
