"""What all figures share: paper, ink and the two colours."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from dhishoom.errors import UsageError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

RED, BLUE, INK, PALE = "#d1242f", "#2563c9", "#24292f", "#8c959f"


def blank_figure(width_in: float, height_in: float) -> Figure:
    """A white figure that belongs to no window; raises UsageError where matplotlib is not installed."""
    try:
        from matplotlib.figure import Figure as Made
    except ImportError as error:
        raise UsageError("figures need matplotlib: pip install 'dhishoom[plots]'.") from error
    return Made(figsize=(width_in, height_in), layout="constrained", facecolor="white")


def plain(axes: Axes) -> None:
    """Axes without a box."""
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.tick_params(colors=INK, labelsize=8)


def png(figure: Figure, *, dots_per_inch: int = 120) -> bytes:
    """A figure as the bytes of a picture."""
    image = io.BytesIO()
    figure.savefig(image, format="png", dpi=dots_per_inch)
    return image.getvalue()
