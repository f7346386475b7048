"""How long a clip waits: the models that docs/scale.md sizes a city with, and the simulations they are held against.

Workers: clips of many sensors come to a core at random and each takes the same time: M/D/1. Its mean wait is exact
(Pollaczek 1930, Khinchine 1932), its tail decays as Cramér and Lundberg have it (Asmussen, Applied Probability and
Queues, 2003, chapter XIII). Sensors that send every ten seconds wait less, for they never come all at once.

Spark: a batch begins every trigger, or once the one before is done, and takes a fixed time and some more for each clip.
A clip waits for the next batch, then for all of that batch.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Delay:
    """Seconds from sending a clip to its row."""

    mean_s: float
    p50_s: float
    p95_s: float
    p99_s: float


def worker_delay(clips_s: float, service_s: float) -> Delay:
    """One core that hears clips one after another; infinite where it cannot keep up.

    Args:
        clips_s: Clips that come in a second.
        service_s: What each takes.
    """
    load = clips_s * service_s
    if load >= 1:
        return Delay(mean_s=math.inf, p50_s=math.inf, p95_s=math.inf, p99_s=math.inf)
    decay = _decay(load)
    share = (1 - load) / (load * math.exp(decay) - 1)
    points = {part: service_s * (1 + max(0.0, math.log(share / (1 - part)) / decay)) for part in (0.5, 0.95, 0.99)}
    mean_s = service_s + load * service_s / (2 * (1 - load))
    return Delay(mean_s=mean_s, p50_s=points[0.5], p95_s=points[0.95], p99_s=points[0.99])


def _decay(load: float) -> float:
    """How fast the tail falls, per service time: the positive x of load (exp(x) - 1) = x."""
    low, high = 1e-9, 60.0
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if load * math.expm1(middle) < middle else (low, middle)
    return low


def batch_delay(clips_s: float, fixed_s: float, each_s: float, trigger_s: float) -> Delay:
    """Batches that take `fixed_s` and `each_s` for every clip; infinite where they cannot keep up.

    Where batches are shorter than the trigger, one begins each trigger; else each begins as the last ends, and holds
    what came meanwhile: it then lasts fixed / (1 - clips * each).
    """
    if clips_s * each_s >= 1:
        return Delay(mean_s=math.inf, p50_s=math.inf, p95_s=math.inf, p99_s=math.inf)
    cycle_s = max(trigger_s, fixed_s / (1 - clips_s * each_s))
    batch_s = fixed_s + each_s * clips_s * cycle_s
    points = {share: share * cycle_s + batch_s for share in (0.5, 0.95, 0.99)}
    return Delay(mean_s=points[0.5], p50_s=points[0.5], p95_s=points[0.95], p99_s=points[0.99])


def delay_of(waits_s: Floats) -> Delay:
    """What was seen."""
    p50_s, p95_s, p99_s = (float(np.quantile(waits_s, share)) for share in (0.5, 0.95, 0.99))
    return Delay(mean_s=float(waits_s.mean()), p50_s=p50_s, p95_s=p95_s, p99_s=p99_s)


def arrivals(sensors: int, every_s: float, seconds: float, *, random: bool, seed: int) -> Floats:
    """When clips come: sensors with phases of their own that send on time, or the same number at random times."""
    chance = np.random.default_rng(seed)
    if random:
        return np.sort(chance.uniform(0, seconds, chance.poisson(sensors * seconds / every_s)))
    turns = np.arange(int(seconds / every_s)) * every_s
    return np.sort((chance.uniform(0, every_s, sensors)[:, None] + turns).ravel())


def simulated_worker(come_s: Floats, service_s: float) -> Delay:
    """Clip after clip through one core."""
    free_s, waits = 0.0, np.empty(len(come_s))
    for at, when_s in enumerate(come_s):
        free_s = max(free_s, when_s) + service_s
        waits[at] = free_s - when_s
    return delay_of(waits[len(waits) // 10 :])


def simulated_batches(come_s: Floats, fixed_s: float, each_s: float, trigger_s: float) -> Delay:
    """Batch after batch: each takes all that has come when it begins; an empty one is not begun."""
    waits, done, begin_s = np.empty(len(come_s)), 0, 0.0
    while done < len(come_s):
        if come_s[done] > begin_s:
            begin_s += math.ceil((come_s[done] - begin_s) / trigger_s) * trigger_s
        upto = int(np.searchsorted(come_s, begin_s, side="right"))
        end_s = begin_s + fixed_s + each_s * (upto - done)
        waits[done:upto] = end_s - come_s[done:upto]
        done = upto
        begin_s = end_s if end_s - begin_s > trigger_s else begin_s + trigger_s
    return delay_of(waits[len(waits) // 10 :])
