"""What one machine hears in the clips that bench_cluster sends: the rows that must be there, no more and no fewer."""

from __future__ import annotations

import io
from collections.abc import Iterable

import cluster_load
import numpy as np
from cluster_load import BANG_AT_S, POOL, RATE, Load

from dhishoom.detectors.catalogue import DEFAULT, open_detector
from dhishoom.nouns import NS_PER_S, Chunk, Site
from dhishoom.service.ears import Ears

NEAR_S = 0.2


def is_near(load: Load, sensor: int, turn: int, onset_ns: int) -> bool:
    """Whether that is the bang of a clip."""
    bang_ns = cluster_load.clip_start_ns(load, sensor, turn) + round(BANG_AT_S * NS_PER_S)
    return abs(onset_ns - bang_ns) < NEAR_S * NS_PER_S


def heard_alone(load: Load, keys: Iterable[str], model: str) -> dict[str, int]:
    """By clip, how often its bang is told; each is heard by itself, for it lies far from both ends."""
    ears = Ears(Site(), open_detector(model or DEFAULT, threads=1), "none", lambda _: None, strips=False)
    sounds = [np.load(io.BytesIO(value)).astype(np.float32) / 32768 for value in cluster_load.pool()]
    told: dict[str, int] = {}
    for key in keys:
        sensor, turn = map(int, key.split("/"))
        start_ns = cluster_load.clip_start_ns(load, sensor, turn)
        sound = sounds[(sensor + turn) % POOL]
        chunk = Chunk(sensor_id=f"s{sensor:05d}", start_ns=start_ns, sample_rate=RATE, samples=sound)
        found = [one for each in (*ears.take([chunk]), *ears.finish()) for one in each.detections]
        told[key] = sum(is_near(load, sensor, turn, one.onset_ns) for one in found)
    return told
