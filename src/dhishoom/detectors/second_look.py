"""A second look: a tagger is asked about the windows in which the first model hears something like gunfire.

A tagger knows the shots of videos and is deaf to the street, so its word alone must not veto. A judge that learnt from
both, on live fire and on clips, weighs what the first model says and what the tagger's gun classes say; and what the
tagger is sure of lifts the score whatever the judge says. It is asked only about what might be gunfire, so it costs
little.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from scipy.special import expit, logit

from dhishoom.core.decision import calibrated
from dhishoom.core.resampling import resampler
from dhishoom.errors import ModelError
from dhishoom.nouns import GUNSHOT, ModelCard

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dhishoom.seams import Detector

EDGE = 1e-4
MARGIN_S = 0.01
"""More sound on either side, for the filter that makes the first model's rate of the tagger's."""


class Judge(msgspec.Struct, frozen=True, kw_only=True):
    """Weights of a logistic regression on what both models say.

    Attributes:
        own: Of the first model's log-odds of gunfire.
        guns: Of the second's, the likeliest of its gun classes.
        offset: Added to their sum.
    """

    own: float
    guns: float
    offset: float

    def verdict(self, own: NDArray[np.floating[Any]], guns: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """Log-odds of gunfire, of scores of the first and gun scores of the second that go together."""
        return np.asarray(self.own * log_odds(own) + self.guns * log_odds(guns) + self.offset)

    def scaled(self, slope: float, offset: float) -> Judge:
        """The judge whose verdict is `slope` times this one's, plus `offset`; six digits, for a card."""
        scaled = (self.own * slope, self.guns * slope, self.offset * slope + offset)
        own, guns, rest = (round(one, 6) for one in scaled)
        return Judge(own=own, guns=guns, offset=rest)


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """How two models are put together; `second_look` in the rest of the first one's card.

    Attributes:
        ask: Raw gunshot score of the first from which the second is asked.
        judge: What both say, weighed.
        lift: Rising pairs (the second's gun score, least probability).
        alert, possible: Thresholds of the pair.
    """

    ask: float
    judge: Judge
    lift: tuple[tuple[float, float], ...]
    alert: float
    possible: float


class SecondLook:
    """Two models as one detector whose scores are probabilities."""

    def __init__(self, first: Detector, second: Detector, terms: Terms | None = None) -> None:
        self._first, self._second = first, second
        self._terms = terms or terms_of(first.card, second.card.name)
        self._card = _card_of(first.card, second.card, self._terms)
        self._gunshot = first.card.classes.index(GUNSHOT)
        self._guard = round(first.card.guard_s / first.card.hop_s)
        self._guns = [second.card.classes.index(name) for name in second.card.gunshot_classes]
        self._rate = second.card.sample_rate
        self._convert = resampler(self._rate, first.card.sample_rate)

    @property
    def card(self) -> ModelCard:
        """Of the pair: the first one's grid at the second one's rate, no further calibration."""
        return self._card

    def scores(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        """[batch, samples] to [batch, frames, classes]; gunshot is the pair's probability."""
        raw = self.first_scores(windows)
        told = raw.copy()
        told[:, :, self._gunshot] = calibrated(raw, self._first.card)
        for index, window in enumerate(windows):
            own = raw[index, :, self._gunshot]
            likeliest = self.likeliest(own)
            if own[likeliest] >= self._terms.ask:
                told[index, :, self._gunshot] = self._judged(own, likeliest, self.guns_about(window, likeliest))
        return told

    def likeliest(self, own: NDArray[np.float32]) -> int:
        """The likeliest frame of a window's middle; what lies in the guards is another window's."""
        return self._guard + int(own[self._guard : len(own) - self._guard].argmax())

    def _judged(self, own: NDArray[np.float32], likeliest: int, guns: float) -> NDArray[np.float32]:
        """Every frame [frames] weighed with what the second hears; the likeliest lifted."""
        told = expit(self._terms.judge.verdict(own, np.array(guns)))
        known, least = np.array(self._terms.lift, np.float64).T
        told[likeliest] = max(told[likeliest], np.interp(guns, known, least))
        return np.asarray(told, np.float32)

    def first_scores(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        """What the first model says alone, raw [batch, frames, classes]."""
        return self._first.scores(self._for_first(windows))

    def guns_about(self, window: NDArray[np.float32], frame: int) -> float:
        """The second's gun score about a frame of a window."""
        card = self._first.card
        centre_s = MARGIN_S + card.left_s - card.guard_s + (frame + 0.5) * card.hop_s
        return float(self._second.scores(self._about(window, centre_s)[None])[0][:, self._guns].max())

    def _for_first(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        length = round(self._first.card.window_s * self._first.card.sample_rate)
        skip = round(MARGIN_S * self._rate) - self._convert.margin
        return np.stack([self._convert.apply(window[skip:], length) for window in windows])

    def _about(self, window: NDArray[np.float32], centre_s: float) -> NDArray[np.float32]:
        """As much sound as the second model takes, its middle at an instant where the window allows."""
        length = round(self._second.card.window_s * self._rate)
        start = round(centre_s * self._rate) - length // 2
        start = min(max(0, start), len(window) - length)
        return window[start : start + length]


def log_odds(scores: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Of scores, none further out than one in ten thousand."""
    return np.asarray(logit(np.clip(scores.astype(np.float64), EDGE, 1 - EDGE)))


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
