"""Clips are cut from the last seconds of a sensor, and nothing that was heard waits for sound that cannot come."""

from __future__ import annotations

import numpy as np

from dhishoom.core.listening import Window
from dhishoom.detectors.energy import CARD
from dhishoom.nouns import GUNSHOT, NS_PER_S, Chunk, Detection
from dhishoom.service.hearing import SensorHearing
from dhishoom.service.ring import Ring

RATE = 8000
BEGIN_NS = 1_000 * NS_PER_S


def chunk(at_s: float, length_s: float = 1.0) -> Chunk:
    """Sound whose samples are its seconds."""
    seconds = at_s + np.arange(round(length_s * RATE)) / RATE
    start_ns = BEGIN_NS + round(at_s * NS_PER_S)
    return Chunk(sensor_id="a", start_ns=start_ns, sample_rate=RATE, samples=(seconds / 100).astype(np.float32))


def ring_of(*starts_s: float) -> Ring:
    """A second of sound at each."""
    ring = Ring(60.0)
    for at_s in starts_s:
        ring.append(chunk(at_s))
    return ring


def cut(ring: Ring, at_s: float, *, final: bool = False) -> tuple[float, float] | None:
    """Begin and end, in seconds, of the clip a second about an instant."""
    at_ns = BEGIN_NS + round(at_s * NS_PER_S)
    found = ring.cut(at_ns, since_ns=at_ns - NS_PER_S, until_ns=at_ns + NS_PER_S, final=final)
    return None if found is None else ((found.start_ns - BEGIN_NS) / NS_PER_S, (found.end_ns - BEGIN_NS) / NS_PER_S)


def test_a_clip_waits_until_it_is_whole() -> None:
    """A second after the shot, unless the sound ends or breaks off before."""
    assert cut(ring_of(0, 1), 1.5) is None
    assert cut(ring_of(0, 1), 1.5, final=True) == (0.5, 2.0)
    assert cut(ring_of(0, 1, 2), 1.5) == (0.5, 2.5)
    assert cut(ring_of(0, 1, 7), 1.5) == (0.5, 2.0)


def test_a_shot_picked_before_its_stream_gets_the_beginning() -> None:
    """A pick may lie some milliseconds before the first sample, at the start as after a gap."""
    assert cut(ring_of(0, 1), -0.01) == (0.0, 0.99)
    assert cut(ring_of(0, 1, 7, 8), 6.99) == (7.0, 7.99)


def test_nothing_is_held_of_what_is_long_past() -> None:
    """No clip, rather than another sound."""
    assert cut(ring_of(7, 8), 2.0, final=True) is None
    assert cut(Ring(60.0), 2.0, final=True) is None


def test_a_detection_without_sound_does_not_keep_the_others_waiting() -> None:
    """One from before the stream, and one of a moment that nobody holds: both are told, in order."""
    hearing = SensorHearing("a", CARD, "all", clock_sigma_s=0.001)
    for at_s in range(8):
        hearing.take(chunk(float(at_s)))
    for onset_s in (-20.0, -0.01, 2.0):
        onset_ns = BEGIN_NS + round(onset_s * NS_PER_S)
        empty = np.zeros(1, np.float32)
        window = Window("a", onset_ns, empty, empty, RATE, 0, 0.001)
        detection = Detection(
            detection_id=f"d{onset_s}",
            sensor_id="a",
            onset_ns=onset_ns,
            sigma_s=0.001,
            score=0.9,
            label=GUNSHOT,
            classes={GUNSHOT: 0.9},
            snr_db=20.0,
            model="m",
        )
        hearing.decided(window, [detection])
    told = [one.detections[0].clip for one in hearing.release(lambda sound: f"{sound.duration_s:.2f}")]
    assert told == [None, "0.99", "2.00"]
