"""One task of the locator: what it asks, what was reached."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table.

    Attributes:
        figures: What `reached` is made of; plain numbers, whatever they were given as.
    """

    task: str
    reached: str
    must: str
    aim: str
    figures: dict[str, float]

    def __post_init__(self) -> None:
        """NumPy's numbers are no JSON."""
        object.__setattr__(self, "figures", {name: float(value) for name, value in self.figures.items()})


def share(value: float) -> str:
    """As percent."""
    return f"{100 * value:.1f} %"
