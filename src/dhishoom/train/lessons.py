"""Examples by number: `Lessons.example(index)` is a pure function of the index, so anyone can make any of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dhishoom.core.silence import fill
from dhishoom.train import teachers
from dhishoom.train.augment import Chain, again, far_away, record
from dhishoom.train.draws import by, class_of, draw_other, even_by_group
from dhishoom.train.gunfire import blast
from dhishoom.train.labels import CLASS_OF_LABEL, CLASSES
from dhishoom.train.library import Library, Samples
from dhishoom.train.recordings import LIVE_FIRE, Recording
from dhishoom.train.shapes import Timing
from dhishoom.train.simulated import GUNFIRE, OTHER, confusable
from dhishoom.train.targets import frame_targets

EDITION = 2
"""Raised whenever the same number draws another example: pools kept from before are not these."""
_LOUD = [CLASSES.index(name) for name in ("firework", "explosion", "thunder")]


class Example(NamedTuple):
    """One window and what it teaches.

    Attributes:
        audio: [window] as recorded; clean: [window] before the recorder, for a teacher to hear.
        shot, shot_weight: [frames] whether a shot begins there, and how sure that is.
        heard, heard_weight: [classes] what else is heard in its middle.
        fold: Of every recording in it; free: whether all of them are `yes`.
        gunfire: Whether it was drawn as gunfire; live_fire: from the live-fire set.
    """

    audio: NDArray[np.float32]
    clean: NDArray[np.float32]
    shot: NDArray[np.float32]
    shot_weight: NDArray[np.float32]
    heard: NDArray[np.float32]
    heard_weight: NDArray[np.float32]
    fold: int
    free: bool
    gunfire: bool
    live_fire: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """How often an example is what; what remains to one is other sound, even by class, the hard ones more often.

    Attributes:
        live_fire: A listed arrival; live_fire_rest: any stretch of those recordings, shot or not.
        gunfire: Clips by source, as often as the number says against the others; `simulated` is a blast by formula.
            Shots alone are not fired again as bursts: a network that learnt from such took every breaker for a machine
            gun. `Chain.again` repeats whatever there is.
        simulated_other: Fireworks, backfires, doors, thunder and machines as `dhishoom.simulate` makes them; what has a
            class is known to be nothing else.
    """

    live_fire: float = 0.2
    live_fire_rest: float = 0.08
    other_gunfire: float = 0.24
    gunfire: Mapping[str, float] = field(
        default_factory=lambda: {"urbansound8k": 3.0, "sesa": 3.0, "elp_ecoguns": 2.0, "simulated": 2.0}
    )
    simulated_other: float = 0.08


@dataclass(frozen=True, kw_only=True)
class Known:
    """What is known of the recordings beyond their rows; all by key.

    Attributes:
        onsets_s: Where sudden sounds begin: shots in gunfire, where to look in the rest.
        soft: Teachers' labels, rows every `teachers.HOP_S`.
        folds: The fold in which a recording is left out.
    """

    onsets_s: Mapping[str, tuple[float, ...]]
    soft: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    folds: Mapping[str, int] = field(default_factory=dict)


class _Piece(NamedTuple):
    """A window cut from one recording: its sound, its onsets in seconds of the window, what is heard in it."""

    sound: Samples
    recording: Recording
    fold: int
    onsets_s: tuple[float, ...]
    unsure_s: tuple[tuple[float, float], ...]
    heard: NDArray[np.float32]
    heard_weight: NDArray[np.float32]


def _each_later(piece: _Piece, late_s: Sequence[float]) -> tuple[tuple[float, ...], tuple[tuple[float, float], ...]]:
    """Onsets and unsure stretches of the sound and of each of its repetitions."""
    onsets_s = tuple(sorted(at + late for at in piece.onsets_s for late in late_s))
    unsure_s = tuple((begin + late, end + late) for begin, end in piece.unsure_s for late in late_s)
    return onsets_s, unsure_s


class Lessons:
    """Draws windows from recordings, mixes them, sends them through the chain of the augmentation.

    What is mixed comes from the same fold, and behind what anyone may use lies nothing else: so a pool of examples can
    be thinned to those that leave a fold out, or that are free, without losing many.
    """

    def __init__(
        self,
        recordings: Sequence[Recording],
        library: Library,
        known: Known,
        *,
        timing: Timing,
        chain: Chain,
        shares: Shares,
        seed: int,
    ) -> None:
        self._library, self._known, self._timing, self._chain = library, known, timing, chain
        self._shares, self._seed = shares, seed
        self._window = round(timing.window_s * library.sample_rate)
        self._live_fire = [one for one in recordings if one.source == LIVE_FIRE]
        self._gunfire = by(recordings, lambda one: one.source, lambda one: one.is_gunfire and one.source != LIVE_FIRE)
        other = [one for one in recordings if not one.is_gunfire]
        self._other = by(other, class_of, lambda one: not one.is_gunfire)
        self._of_fold = {fold: by(other, class_of, self._in_fold(fold)) for fold in self._folds(other)}
        self._free_of_fold = {
            fold: by([one for one in other if one.use == "yes"], class_of, self._in_fold(fold))
            for fold in self._folds(other)
        }

    def _folds(self, recordings: Sequence[Recording]) -> list[int]:
        return sorted({self._fold(one) for one in recordings})

    def _fold(self, recording: Recording) -> int:
        return self._known.folds.get(recording.key, 0)

    def _in_fold(self, fold: int) -> Callable[[Recording], bool]:
        return lambda one: self._fold(one) == fold

    def example(self, index: int) -> Example:
        """The example of that number; always the same."""
        rng = np.random.default_rng([self._seed, index])
        piece = self._draw(rng)
        sound, heard, heard_weight = piece.sound, piece.heard, piece.heard_weight
        may_move = piece.recording.source != LIVE_FIRE or rng.random() < self._chain.live_fire_moved
        if may_move and rng.random() < self._chain.distance:
            sound = far_away(rng, sound, self._library.sample_rate, self._farthest_m(piece))
        late_s: tuple[float, ...] = (0.0,)
        if rng.random() < self._chain.again:
            sound, more_s = again(rng, sound, self._library.sample_rate)
            late_s += more_s
        sound, heard, heard_weight = self._mix(rng, piece, sound, heard, heard_weight)
        audio = record(rng, sound, self._library.sample_rate, self._chain)
        shot, shot_weight = frame_targets(piece.recording, *_each_later(piece, late_s), self._timing)
        clean = sound / np.float32(np.abs(sound).max() + 1e-9)
        one = piece.recording
        from_where = (piece.fold, one.use == "yes", one.is_gunfire, one.source == LIVE_FIRE)
        return Example(audio, clean, shot, shot_weight, heard, heard_weight, *from_where)

    def _farthest_m(self, piece: _Piece) -> float:
        """A mouse that clicks 900 m away would be a rifle to anyone; only what is as loud as a blast goes so far."""
        loud = piece.recording.is_gunfire or bool((piece.heard[_LOUD] >= 0.5).any())
        return self._chain.distance_max_m if loud else self._chain.near_max_m

    def _draw(self, rng: np.random.Generator) -> _Piece:
        kind = rng.random()
        shares = self._shares
        if self._live_fire and kind < shares.live_fire + shares.live_fire_rest:
            recording = self._live_fire[rng.integers(len(self._live_fire))]
            return self._cut(rng, recording, at_onset=kind < shares.live_fire)
        if kind < shares.live_fire + shares.live_fire_rest + shares.other_gunfire:
            piece = self._draw_gunfire(rng)
            if piece is not None:
                return piece
        if kind > 1.0 - shares.simulated_other and self._free_of_fold:
            return self._simulated_other(rng)
        return self._cut(rng, draw_other(rng, self._other), at_onset=rng.random() < 0.6)

    def _draw_gunfire(self, rng: np.random.Generator) -> _Piece | None:
        weights = {one: weight for one, weight in self._shares.gunfire.items() if one in self._gunfire}
        weights |= {one: 1.0 for one in self._gunfire if one not in self._shares.gunfire}
        weights["simulated"] = self._shares.gunfire.get("simulated", 0.0)
        if sum(weights.values()) == 0:
            return None
        sources = sorted(weights)
        size = np.array([weights[one] for one in sources])
        source = sources[rng.choice(len(sources), p=size / size.sum())]
        if source == "simulated":
            return self._simulated(rng)
        return self._cut(rng, even_by_group(rng, self._gunfire[source]), at_onset=True)

    def _simulated(self, rng: np.random.Generator) -> _Piece:
        at_s = float(rng.uniform(self._timing.first_frame_s, self._timing.window_s - self._timing.right_s))
        sound = blast(rng, self._window, self._library.sample_rate, at_s)
        unknown = np.zeros(len(CLASSES), np.float32)
        fold = int(rng.choice(sorted(self._free_of_fold)))
        return _Piece(sound, GUNFIRE, fold, (at_s,), (), unknown, unknown)

    def _simulated_other(self, rng: np.random.Generator) -> _Piece:
        end_s = self._timing.window_s - self._timing.right_s
        sound, heard = confusable(rng, self._window, self._library.sample_rate, end_s)
        fold = int(rng.choice(sorted(self._free_of_fold)))
        known = np.full(len(CLASSES), float(heard.any()), np.float32)
        return _Piece(sound, OTHER, fold, (), (), heard, known)

    def _cut(self, rng: np.random.Generator, recording: Recording, *, at_onset: bool) -> _Piece:
        """A window whose middle holds a drawn onset, or any window; its speed changed a little at times."""
        rate, library_rate = 1.0, self._library.sample_rate
        if rng.random() < 0.3:
            rate = float(rng.uniform(0.88, 1.14))
        onsets_s = recording.onsets_s or self._known.onsets_s.get(recording.key, (0.0,))
        length_s = self._library.length(recording.key) / library_rate
        if at_onset:
            place_s = rng.uniform(self._timing.first_frame_s, self._timing.window_s - self._timing.right_s)
            start_s = onsets_s[rng.integers(len(onsets_s))] - place_s * rate
        else:
            start_s = rng.uniform(-0.5, max(0.0, length_s - self._timing.window_s + 0.5))
        sound = self._stretch(rng, recording.key, start_s, rate)
        heard, heard_weight = self._heard(recording, start_s, rate)
        shots = tuple((at - start_s) / rate for at in onsets_s) if recording.is_gunfire else ()
        unsure = tuple(((begin - start_s) / rate, (end - start_s) / rate) for begin, end in recording.unsure_s)
        return _Piece(sound, recording, self._fold(recording), shots, unsure, heard, heard_weight)

    def _stretch(self, rng: np.random.Generator, key: str, start_s: float, rate: float) -> Samples:
        """Samples from `start_s` on at `rate` times the speed; beyond the ends what the listening fold puts there."""
        start = start_s * self._library.sample_rate
        first = max(0, int(np.floor(start)))
        stop = int(np.ceil(start + self._window * rate)) + 2
        samples = self._library.samples(key, first, max(first, stop))
        if len(samples) == 0:
            return np.zeros(self._window, np.float32)
        wanted = start - first + np.arange(self._window) * rate
        stretched = np.interp(wanted, np.arange(len(samples)), samples).astype(np.float32)
        beyond = (wanted < 0) | (wanted > len(samples) - 1)
        return fill(stretched, beyond, int(rng.integers(1 << 20)), self._library.sample_rate)

    def _heard(self, recording: Recording, start_s: float, rate: float) -> tuple[NDArray[np.float32], ...]:
        """What the window's middle holds by label and teachers, and how sure that is, for every class."""
        begin = start_s + self._timing.first_frame_s * rate
        end = start_s + (self._timing.window_s - self._timing.right_s) * rate
        heard = np.zeros(len(CLASSES), np.float32)
        weight = np.full(len(CLASSES), 0.5, np.float32)
        if recording.key in self._known.soft:
            heard = teachers.between(self._known.soft[recording.key], begin, end)
        own = CLASS_OF_LABEL.get(recording.label)
        if own is not None and own != "gunshot":
            index = CLASSES.index(own)
            heard[index] = 1.0
            weight[index] = self._presence(recording.key, begin, end)
        return heard, weight

    def _presence(self, key: str, begin_s: float, end_s: float) -> float:
        """Whether the stretch is nearly as loud as the recording's loudest: one, or zero (unknown)."""
        rate = self._library.sample_rate
        whole = self._library.samples(key)
        part = whole[max(0, int(begin_s * rate)) : max(0, int(end_s * rate))]
        loud = np.abs(whole).max() if len(whole) else 0.0
        return float(len(part) > 0 and np.abs(part).max() > 0.2 * loud)

    def _mix(
        self,
        rng: np.random.Generator,
        piece: _Piece,
        sound: Samples,
        heard: NDArray[np.float32],
        heard_weight: NDArray[np.float32],
    ) -> tuple[NDArray[np.float32], ...]:
        """Add other sound behind it, its level stated against the peak."""
        if rng.random() >= self._chain.mix:
            return sound, heard, heard_weight
        pools = self._free_of_fold if piece.recording.use == "yes" else self._of_fold
        if not pools.get(piece.fold):
            return sound, heard, heard_weight
        behind = self._cut(rng, draw_other(rng, pools[piece.fold]), at_onset=False)
        level_db = rng.uniform(-45.0, -14.0) if piece.onsets_s else rng.uniform(-40.0, 0.0)
        peak = float(np.abs(sound).max()) + 1e-9
        gain = peak * 10 ** (level_db / 20) / (float(np.abs(behind.sound).max()) + 1e-9)
        mixed = sound + behind.sound * np.float32(gain)
        audible = behind.heard * behind.heard_weight > 0.1
        weight = np.where(audible & (level_db < -20.0), 0.0, heard_weight).astype(np.float32)
        return mixed, np.maximum(heard, behind.heard) if level_db >= -20.0 else heard, weight
