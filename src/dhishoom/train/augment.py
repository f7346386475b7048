"""What the way from a gun, a firework or a door to the file does to a sound: the same for positives and negatives.

Air and distance act on the event alone; the recorder (microphone, filter, gain, clipping, quantisation, gaps) acts on
everything, whatever it is called: a network must not learn the recorder.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from dhishoom.train.codec import CODECS, recoded
from dhishoom.train.library import Samples

Spectrum = NDArray[np.complex64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """How often each thing happens, 0 to 1, and how far it goes.

    Attributes:
        distance: An event is moved away: absorption of air, a reverberant tail, echoes; a blast by `distance_max_m`
            at most, what nobody hears from so far by `near_max_m`.
        live_fire_moved: How many shots of the live fire may be moved at all: they come from afar already.
        again: It happens once or twice more, 0.2 to 1.1 s apart: rounds of one gun, blows of one hammer.
        colour: The microphone's response is not flat; low_pass: its band ends between 2.2 and 7.5 kHz.
        mix: Other sound lies behind it. clip, quantise, wind: As they say.
        limit: A phone turns itself down after a loud sound and up again.
        codec: Encoded and decoded as cameras and phones do.
        level_db: Peak level after gain, drawn from here to 0 dB below full scale.
    """

    distance: float = 0.5
    live_fire_moved: float = 0.7
    distance_max_m: float = 900.0
    near_max_m: float = 60.0
    again: float = 0.25
    colour: float = 0.7
    low_pass: float = 0.5
    clip: float = 0.15
    quantise: float = 0.2
    limit: float = 0.2
    codec: float = 0.02
    mix: float = 0.5
    wind: float = 0.2
    level_db: float = -45.0


def far_away(rng: np.random.Generator, event: Samples, sample_rate: int, farthest_m: float) -> Samples:
    """The event as heard from a drawn distance: absorbed, followed by a tail and echoes; its peak is kept."""
    size = fft.next_fast_len(2 * len(event), real=True)
    spectrum = fft.rfft(event, size)
    frequencies = fft.rfftfreq(size, 1 / sample_rate)
    distance_m = float(np.exp(rng.uniform(np.log(5.0), np.log(farthest_m))))
    spectrum = spectrum * _air(frequencies, distance_m)
    spectrum = spectrum * fft.rfft(_impulse_response(rng, len(event), sample_rate, distance_m), size)
    moved = fft.irfft(spectrum, size)[: len(event)]
    return _with_peak(moved, float(np.abs(event).max()))


def again(rng: np.random.Generator, sound: Samples, sample_rate: int) -> tuple[Samples, tuple[float, ...]]:
    """The sound with itself once or twice more, before or after, and by how many seconds each: nearly evenly spaced.

    What was fired before a shot hides half of its onset in its tail; what repeats is not therefore a gun.
    """
    gap_s = float(np.exp(rng.uniform(np.log(0.2), np.log(1.1)))) * (-1 if rng.random() < 0.7 else 1)
    late_s = tuple(gap_s * (1 + k) * float(rng.uniform(0.95, 1.05)) for k in range(rng.integers(1, 3)))
    heard = sound.copy()
    for one_s in late_s:
        gain = np.float32(10 ** (rng.normal(0.0, 1.5) / 20))
        heard += gain * _moved(sound, round(one_s * sample_rate), sample_rate // 20)
    return heard, late_s


def _moved(sound: Samples, by: int, fade: int) -> Samples:
    """Later by so many samples, or earlier if negative; what begins or ends within the window is faded."""
    ramp = np.linspace(0.0, 1.0, fade, dtype=np.float32)
    moved = np.zeros_like(sound)
    if abs(by) + fade >= len(sound):
        return moved
    if by > 0:
        moved[by:] = sound[:-by]
        moved[by : by + fade] *= ramp
    else:
        moved[:by] = sound[-by:]
        moved[by - fade : by] *= ramp[::-1]
    return moved


def _air(frequencies: NDArray[np.float64], distance_m: float) -> NDArray[np.float32]:
    """Absorption near the middle of ISO 9613-1 table 1 (10-20 °C, 50-70 %): about 5 dB/km at 1 kHz, 25 at 4 kHz."""
    db_per_km = 5.0 * (frequencies / 1000.0) ** 1.2
    return np.power(10.0, -db_per_km * distance_m / 20000.0).astype(np.float32)


def _impulse_response(rng: np.random.Generator, length: int, sample_rate: int, distance_m: float) -> Samples:
    """Direct sound, a ground reflection, up to five echoes, and noise that decays in 0.2 to 2.5 s.

    Echoes are denser early on, and one may be louder than the direct sound: a wall can stand in its way.
    """
    time = np.arange(length) / sample_rate
    decay_s = float(np.exp(rng.uniform(np.log(0.2), np.log(2.5))))
    tail = rng.standard_normal(length).astype(np.float32) * np.exp(-6.9 * time / decay_s).astype(np.float32)
    tail_db = rng.uniform(-30.0, -8.0) + 6.0 * np.log10(1 + distance_m / 50.0)
    response = tail * np.float32(10 ** (tail_db / 20) / np.sqrt(np.square(tail).sum() + 1e-9))
    response[: int(0.002 * sample_rate)] = 0.0
    response[0] = 1.0
    response[1 + int(rng.exponential(0.002) * sample_rate)] += rng.uniform(-0.3, 0.7)
    loudest = rng.uniform(0.2, 1.2)
    for _ in range(rng.integers(0, 6)):
        at_s = float(np.exp(rng.uniform(np.log(0.01), np.log(0.5))))
        response[min(length - 1, int(at_s * sample_rate))] += rng.uniform(-loudest, loudest)
    return np.asarray(response, dtype=np.float32)


def wind(rng: np.random.Generator, length: int, sample_rate: int) -> Samples:
    """Noise falling 12 dB an octave above 30-120 Hz, in gusts; its root mean square is one."""
    frequencies = fft.rfftfreq(length, 1 / sample_rate)
    corner_hz = rng.uniform(30.0, 120.0)
    shape = (1.0 / (1.0 + (frequencies / corner_hz) ** 2)).astype(np.float32)
    noise = fft.irfft(fft.rfft(rng.standard_normal(length).astype(np.float32)) * shape, length)
    gusts = np.interp(np.arange(length), np.linspace(0, length, 8), rng.uniform(0.2, 1.0, 8))
    noise = noise * gusts
    return np.asarray(noise / (noise.std() + 1e-9), dtype=np.float32)


def record(rng: np.random.Generator, sound: Samples, sample_rate: int, chain: Chain) -> Samples:
    """What a recorder makes of the sound: colour, band, noise, gain, clipping, quantisation, a codec.

    Gaps and padding are not its business: the listening fold fills them before a network hears anything.
    """
    heard = sound
    if rng.random() < chain.wind:
        heard = heard + wind(rng, len(heard), sample_rate) * np.float32(_rms(heard) * 10 ** rng.uniform(-1.0, 0.4))
    heard = _respond(rng, heard, sample_rate, chain)
    if rng.random() < chain.limit:
        heard = _limited(rng, heard, sample_rate)
    heard = _with_peak(heard, float(10 ** (rng.uniform(chain.level_db, 0.0) / 20)))
    if rng.random() < chain.clip:
        heard = _clip(rng, heard)
    peak = np.float32(np.abs(heard).max())
    heard = heard + rng.standard_normal(len(heard)).astype(np.float32) * peak * np.float32(
        10 ** rng.uniform(-4.5, -1.7)
    )
    if rng.random() < chain.quantise:
        step = peak * np.float32(2.0 ** -int(rng.integers(5, 12))) + np.float32(1e-9)
        heard = np.round(heard / step) * step
    if rng.random() < chain.codec:
        codec, bits = sorted(CODECS)[rng.integers(len(CODECS))], int(rng.integers(16, 65)) * 1000
        heard = recoded(heard, sample_rate, codec, bits)
    return np.clip(heard, -1.0, 1.0).astype(np.float32)


def _respond(rng: np.random.Generator, sound: Samples, sample_rate: int, chain: Chain) -> Samples:
    if rng.random() >= max(chain.colour, chain.low_pass):
        return sound
    size = fft.next_fast_len(len(sound), real=True)
    frequencies = fft.rfftfreq(size, 1 / sample_rate)
    gain_db = np.zeros(len(frequencies))
    if rng.random() < chain.colour:
        corners_hz = np.array([0.0, 120.0, 300.0, 700.0, 1500.0, 3000.0, sample_rate / 2])
        gain_db += np.interp(frequencies, corners_hz, rng.normal(0.0, 3.0, len(corners_hz)))
        gain_db -= 10 * np.log10(1 + (rng.uniform(10.0, 180.0) / (frequencies + 1.0)) ** 4)
    if rng.random() < chain.low_pass:
        gain_db -= 10 * np.log10(1 + (frequencies / rng.uniform(2200.0, 7500.0)) ** (2 * rng.integers(2, 24)))
    return np.asarray(fft.irfft(fft.rfft(sound, size) * (10 ** (gain_db / 20)).astype(np.float32), size)[: len(sound)])


def _clip(rng: np.random.Generator, sound: Samples) -> Samples:
    """Hard or soft, at 1 to 12 dB below the peak; the peak is kept."""
    peak = float(np.abs(sound).max()) + 1e-9
    limit = peak * 10 ** (-rng.uniform(1.0, 12.0) / 20)
    clipped = np.clip(sound, -limit, limit) if rng.random() < 0.6 else limit * np.tanh(sound / limit)
    return np.asarray(clipped * (peak / limit), dtype=np.float32)


def _limited(rng: np.random.Generator, sound: Samples, sample_rate: int) -> Samples:
    """Automatic gain: at once down to a drawn level below the peak, up again within 30 to 500 ms."""
    block = sample_rate // 250
    count = len(sound) // block
    peaks = np.abs(sound[: count * block]).reshape(count, block).max(axis=1)
    release = float(np.exp(-block / sample_rate / np.exp(rng.uniform(np.log(0.03), np.log(0.5)))))
    follower, held = [], 0.0
    for peak in peaks.tolist():
        held = max(peak, held * release)
        follower.append(held)
    limit = float(peaks.max()) * 10 ** (-rng.uniform(3.0, 25.0) / 20) + 1e-9
    gain = np.minimum(1.0, limit / np.maximum(follower, 1e-9))
    smooth = np.interp(np.arange(len(sound)), np.arange(count) * block, gain)
    return np.asarray(sound * smooth, np.float32)


def _with_peak(sound: Samples, peak: float) -> Samples:
    return np.asarray(sound * np.float32(peak / (np.abs(sound).max() + 1e-9)), dtype=np.float32)


def _rms(sound: Samples) -> float:
    return float(np.sqrt(np.square(sound).mean() + 1e-12))
