"""Windows, and their grid on the sensor's clock, in exact integers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from dhishoom.core.resampling import Resampler, Samples, resampler
from dhishoom.nouns import NS_PER_S, ModelCard


def index_at(time_ns: int, sample_rate: int) -> int:
    """Absolute index of the sample nearest to a time: a whole number, for any time and rate."""
    return (2 * time_ns * sample_rate + NS_PER_S) // (2 * NS_PER_S)


def time_at(index: int, sample_rate: int) -> int:
    """Time of a sample in nanoseconds, rounded down."""
    return index * NS_PER_S // sample_rate


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """What the model and the picker get of one step.

    Attributes:
        middle_start_ns: Time at which the middle begins, on the grid.
        audio: [round(window_s * rate)] at the model's rate, holes filled.
        raw: The same stretch at the sensor's own rate, with the filter's margins.
        raw_start_index: Absolute index of `raw[0]` on the sensor's clock.
    """

    sensor_id: str
    middle_start_ns: int
    audio: Samples
    raw: Samples
    raw_rate: int
    raw_start_index: int
    clock_sigma_s: float


@dataclass(frozen=True, slots=True)
class Grid:
    """Where the windows of one model lie in the samples of one rate.

    Attributes:
        step_ns: From one window to the next.
        left, right: Samples before and after the middle's first one that a window holds, the filter's margin included.
        length: Samples a window gives the model.
    """

    sample_rate: int
    step_ns: int
    left: int
    right: int
    length: int
    resampler: Resampler

    def step_at(self, time_ns: int) -> int:
        """The step whose middle holds the time."""
        return time_ns // self.step_ns

    def middle_index(self, step: int) -> int:
        """Absolute index of the first sample of a step's middle."""
        return index_at(step * self.step_ns, self.sample_rate)

    def step_of_index(self, index: int) -> int:
        """The step whose middle holds the sample."""
        step = self.step_at(time_at(index, self.sample_rate))
        return step + 1 if self.middle_index(step + 1) <= index else step


def grid(card: ModelCard, sample_rate: int) -> Grid:
    """The grid of a model on sound of one rate."""
    return _grid(sample_rate, card.sample_rate, card.step_s, card.left_s, card.window_s)


@lru_cache(maxsize=256)
def _grid(sample_rate: int, model_rate: int, step_s: float, left_s: float, window_s: float) -> Grid:
    convert = resampler(sample_rate, model_rate)
    left, length = round(left_s * sample_rate), round(window_s * model_rate)
    right = -(-length * convert.down // convert.up) - left + convert.margin + 1
    return Grid(sample_rate, round(step_s * NS_PER_S), left + convert.margin, right, length, convert)


def memory_s(card: ModelCard, sample_rate: int) -> float:
    """How much sound before an instant must be re-read to go on as if one had always listened."""
    place = grid(card, sample_rate)
    return (place.left + place.right) / sample_rate
