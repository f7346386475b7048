"""A second look: a tagger is asked about the windows that the first model finds doubtful.

A route, not a veto. A tagger knows the shots of videos and is deaf to the street, so it can only lift a score, never
lower one; and it is asked only where the first model hears something that might be gunfire, so it costs little.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from dhishoom.core.decision import calibrated
from dhishoom.core.resampling import resampler
from dhishoom.errors import ModelError
from dhishoom.nouns import GUNSHOT, ModelCard

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dhishoom.seams import Detector

MARGIN_S = 0.01
"""More sound on either side, for the filter that makes the first model's rate of the tagger's."""


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """How two models are put together; `second_look` in the rest of the first one's card.

    Attributes:
        ask: Raw gunshot score of the first from which the second is asked.
        calibration: Rising pairs (the second's gun score, probability).
        alert, possible: Thresholds of the pair.
    """

    ask: float
    calibration: tuple[tuple[float, float], ...]
    alert: float
    possible: float


class SecondLook:
    """Two models as one detector whose scores are probabilities."""

    def __init__(self, first: Detector, second: Detector) -> None:
        self._first, self._second = first, second
        self._terms = terms_of(first.card, second.card.name)
        self._card = _card_of(first.card, second.card, self._terms)
        self._guns = [second.card.classes.index(name) for name in second.card.gunshot_classes]
        self._rate = second.card.sample_rate
        self._convert = resampler(self._rate, first.card.sample_rate)
        self.asked = 0

    @property
    def card(self) -> ModelCard:
        """Of the pair: the first one's grid at the second one's rate, no further calibration."""
        return self._card

    def scores(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        """[batch, samples] to [batch, frames, classes]; gunshot is calibrated, the larger of both models'."""
        raw = self._first.scores(self._for_first(windows))
        told = raw.copy()
        gunshot = self._first.card.classes.index(GUNSHOT)
        told[:, :, gunshot] = calibrated(raw, self._first.card)
        for index in np.flatnonzero(raw[:, :, gunshot].max(axis=1) >= self._terms.ask):
            self._lift(told[index, :, gunshot], raw[index, :, gunshot], windows[index])
        return told

    def _for_first(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        length = round(self._first.card.window_s * self._first.card.sample_rate)
        skip = round(MARGIN_S * self._rate) - self._convert.margin
        return np.stack([self._convert.apply(window[skip:], length) for window in windows])

    def _lift(self, told: NDArray[np.float32], raw: NDArray[np.float32], window: NDArray[np.float32]) -> None:
        """Raise the likeliest frame of the window to what the second model makes of the sound about it."""
        self.asked += 1
        card = self._first.card
        frame = int(raw.argmax())
        centre_s = MARGIN_S + card.left_s - card.guard_s + (frame + 0.5) * card.hop_s
        heard = self._second.scores(self._about(window, centre_s)[None])[0][:, self._guns].max()
        known, stated = np.array(self._terms.calibration, np.float64).T
        meant = np.interp(heard, known, stated)
        told[frame] = max(told[frame], np.float32(meant))

    def _about(self, window: NDArray[np.float32], centre_s: float) -> NDArray[np.float32]:
        """As much sound as the second model takes, its middle at an instant where the window allows."""
        length = round(self._second.card.window_s * self._rate)
        start = round(centre_s * self._rate) - length // 2
        start = min(max(0, start), len(window) - length)
        return window[start : start + length]


def terms_of(first: ModelCard, second: str) -> Terms:
    """What the first model's card says of a second look by that tagger; raises ModelError where it says nothing."""
    about: Any = (first.card or {}).get("second_look", {})
    if second not in about:
        raise ModelError(
            f"The card of {first.name} has no second look by {second}: nobody has measured the two together. "
            "Use one of them alone."
        )
    try:
        return msgspec.convert(about[second], Terms)
    except msgspec.ValidationError as error:
        raise ModelError(f"The card of {first.name}: second_look.{second}: {error}. Correct the card.") from error


def _card_of(first: ModelCard, second: ModelCard, terms: Terms) -> ModelCard:
    seconds: dict[str, object] = dict(second.card or {})
    about = dict(first.card or {}) | {
        "summary": f"{first.name}, and {second.name} for a second look at what is doubtful",
        "first": first.name,
        "second": {"name": second.name, "sha256": seconds.get("sha256", "")},
    }
    return replace(
        first,
        name=f"{first.name}+{second.name}",
        sample_rate=second.sample_rate,
        left_s=first.left_s + MARGIN_S,
        right_s=first.right_s + MARGIN_S,
        alert=terms.alert,
        possible=terms.possible,
        calibration=(),
        card=about,
    )
