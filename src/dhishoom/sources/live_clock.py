"""UTC for sound that arrives live: samples counted from an anchor, which moves only when the count is plainly wrong."""

from __future__ import annotations

from dhishoom.nouns import NS_PER_S

STEP_MAX_S = 0.25
"""Arrivals jitter by less; beyond it, samples were lost or the computer slept."""
SLEW_MAX = 1e-3
"""The most a block is stretched to follow the computer's clock; sound cards keep their rate within 1e-4."""


class LiveClock:
    """Gives each block of samples its start time, from when it arrived and how many came before.

    Blocks follow each other without gap or overlap while the count agrees with arrivals to `STEP_MAX_S`: a small
    disagreement (no sound card's rate is exact) is taken out a little at a time. Where arrivals lag by more, samples
    were lost, and the clock steps forward: the listening fold counts a gap. It never steps back: a server that sends
    what it had kept arrives too early, which says nothing of when it was recorded.
    """

    def __init__(self) -> None:
        self._next_ns: int | None = None

    def start_ns(self, arrived_ns: int, samples: int, sample_rate: int) -> int:
        """Start of a block of `samples` whose last sample arrived at `arrived_ns`."""
        duration_ns = samples * NS_PER_S // sample_rate
        start_ns = self._follow(arrived_ns - duration_ns, duration_ns)
        self._next_ns = start_ns + duration_ns
        return start_ns

    def _follow(self, measured_ns: int, duration_ns: int) -> int:
        if self._next_ns is None:
            return measured_ns
        late_ns = measured_ns - self._next_ns
        if late_ns > STEP_MAX_S * NS_PER_S:
            return measured_ns
        if late_ns < -STEP_MAX_S * NS_PER_S:
            return self._next_ns
        slew_max_ns = round(duration_ns * SLEW_MAX)
        return self._next_ns + max(-slew_max_ns, min(slew_max_ns, late_ns // 100))
