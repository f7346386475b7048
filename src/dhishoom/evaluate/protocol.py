"""How every figure was got, in words: part of each report."""

from __future__ import annotations

from dhishoom.evaluate.hearing import RAW_SCORE_MIN
from dhishoom.evaluate.intervals import RESAMPLES

MARKS = (
    "`†` the model learnt from some of these recordings; `?` its card does not say; `°` a network of the same recipe "
    "answered that had left them out. Unmarked: held out."
)

PROTOCOL = f"""\
- **The product's own ears.** Every model with a card runs through the listening fold and the decision that
  `dhishoom run` uses, on the same recordings. The score of a clip is the largest calibrated gunshot probability of
  any frame, as `dhishoom detect` prints it. Events are peaks with onsets by the product's picker, kept from a raw
  score of {RAW_SCORE_MIN:g}.
- **Peers.** YAMNet and EfficientAT mn04 run through the same fold: the largest of their gun classes. A tagger
  speaks of one or two seconds; for onsets its score is placed on the steepest rise of the level within its cell of
  0.48 s (YAMNet) or 1.2 s (mn04). `energy` is a rise of the level, no model. Their thresholds 0.5 and 0.3 are
  custom, not calibration; compare at one false clip an hour. They learnt from AudioSet, whose videos some clips
  here may come from.
- **Padding.** Stretches of exact zeros are filled with noise of the level and colour of the recording's own
  quietest fifth before anything listens; they count neither as sound nor as hours of live fire without shots.
- **Standing.** *Held out*: the model never learnt from that original recording or firing position. *Out of fold*:
  the same recipe, trained without it, answered. *Trained on*: it did learn from it; such a figure shows fit, not
  quality. *Unknown*: the card does not say. A row over several recordings bears the least flattering of them.
- **Pairs.** `A+B`: where A hears something like gunfire, a judge weighs what both say (docs/decisions/0012). Where a
  row is out of fold, that judge had not learnt from the recording either.
- **Clips.** Gunfire (`gunshot`, `machine_gun`) of one source against all other sound but `explosion`. Average
  precision is not interpolated; ties are one threshold. *≤ 1 false clip an hour*: the lowest threshold at which at
  most one clip for each hour of that other sound scores at or above it, chosen on that sound itself, and chosen
  anew in each resample.
- **Live fire.** An event within 100 ms of a listed arrival is a hit, each arrival and event once; other events
  within 1.5 s after a listed arrival are echoes, counted apart; the rest are false. Of pulses listed twice for a
  sensor the first counts; listed ids that do not exist are left out. A recording without a listed arrival may hold
  a shot that nobody listed: it is reported apart. *No false event*: the lowest threshold above every false event of
  that position.
- **Intervals** are 95 %: {RESAMPLES} resamples of original recordings (gunfire and other sound each by itself;
  tests within a firing position, positions where several are told together; where shots are placed, tests of all
  positions); Garwood's exact bounds for false alarms, Clopper and Pearson's for shares of clips. A source of one or
  two groups has intervals that say little.
- **Calibration.** Expected calibration error over ten equal bins of the clips' scores, explosions left out. The
  share of gunfire among these clips is not that of a street."""
