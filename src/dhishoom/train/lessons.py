"""Examples by number: `Lessons.batch(step)` is a pure function of the step, so a run can stop and go on anywhere."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dhishoom.train import teachers
from dhishoom.train.augment import Chain, far_away, record
from dhishoom.train.labels import CLASS_OF_LABEL, CLASSES
from dhishoom.train.library import Library, Samples
from dhishoom.train.recordings import LIVE_FIRE, Recording
from dhishoom.train.shapes import Timing

_HARD = frozenset({"firework", "thunder", "door", "hammer", "impact", "knock", "clap", "glass", "drum", "jackhammer"})
_ECHO_S = 1.5
_ECHO_WEIGHT = 0.15


class Batch(NamedTuple):
    """audio [batch, window]; shot, shot_weight [batch, frames]; heard, heard_weight [batch, classes]; all float32."""

    audio: NDArray[np.float32]
    shot: NDArray[np.float32]
    shot_weight: NDArray[np.float32]
    heard: NDArray[np.float32]
    heard_weight: NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """How a batch is made up; what remains to one is other sound, even by class, the hard ones twice."""

    live_fire: float = 0.25
    live_fire_rest: float = 0.1
    other_gunfire: float = 0.2


@dataclass(frozen=True, kw_only=True)
class Known:
    """What is known of the recordings beyond their rows; all by key.

    Attributes:
        onsets_s: Where sudden sounds begin: shots in gunfire, where to look in the rest.
        soft: Teachers' labels, rows every `teachers.HOP_S`.
        hardness: How much like gunfire the last round found it, 0 to 1; harder ones come more often.
    """

    onsets_s: Mapping[str, tuple[float, ...]]
    soft: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    hardness: Mapping[str, float] = field(default_factory=dict)


class _Piece(NamedTuple):
    """A window cut from one recording: its sound, its onsets in seconds of the window, what is heard in it."""

    sound: Samples
    recording: Recording
    onsets_s: tuple[float, ...]
    unsure_s: tuple[tuple[float, float], ...]
    heard: NDArray[np.float32]
    heard_weight: NDArray[np.float32]


class Lessons:
    """Draws windows from recordings, mixes them, sends them through the chain of the augmentation."""

    def __init__(
        self,
        recordings: Sequence[Recording],
        library: Library,
        known: Known,
        *,
        timing: Timing,
        chain: Chain,
        shares: Shares,
        batch_size: int,
        seed: int,
    ) -> None:
        self._library, self._known, self._timing, self._chain = library, known, timing, chain
        self._shares, self._batch_size, self._seed = shares, batch_size, seed
        self._window = round(timing.window_s * library.sample_rate)
        self._live_fire = [one for one in recordings if one.source == LIVE_FIRE]
        self._gunfire = _by_source(one for one in recordings if one.is_gunfire and one.source != LIVE_FIRE)
        self._other = _by_class(one for one in recordings if not one.is_gunfire)

    def batch(self, step: int) -> Batch:
        """The examples of one step; the same step always gives the same."""
        rng = np.random.default_rng([self._seed, step])
        examples = [self._example(rng) for _ in range(self._batch_size)]
        return Batch(*(np.stack(parts).astype(np.float32) for parts in zip(*examples, strict=True)))

    def _example(self, rng: np.random.Generator) -> tuple[NDArray[np.float32], ...]:
        piece = self._draw(rng)
        sound, heard, heard_weight = piece.sound, piece.heard, piece.heard_weight
        may_move = piece.recording.source != LIVE_FIRE or rng.random() < 0.4
        if may_move and rng.random() < self._chain.distance:
            sound = far_away(rng, sound, self._library.sample_rate, self._chain)
        sound, heard, heard_weight = self._mix(rng, piece, sound, heard, heard_weight)
        keep = self._keep(piece.onsets_s)
        audio = record(rng, sound, self._library.sample_rate, self._chain, keep)
        shot, shot_weight = self._frames(piece)
        return audio, shot, shot_weight, heard, heard_weight

    def _draw(self, rng: np.random.Generator) -> _Piece:
        kind = rng.random()
        shares = self._shares
        if self._live_fire and kind < shares.live_fire + shares.live_fire_rest:
            recording = self._live_fire[rng.integers(len(self._live_fire))]
            return self._cut(rng, recording, at_onset=kind < shares.live_fire)
        if self._gunfire and kind < shares.live_fire + shares.live_fire_rest + shares.other_gunfire:
            sources = sorted(self._gunfire)
            of_source = self._gunfire[sources[rng.integers(len(sources))]]
            return self._cut(rng, _even_by_group(rng, of_source), at_onset=True)
        return self._cut(rng, self._draw_other(rng), at_onset=rng.random() < 0.6)

    def _draw_other(self, rng: np.random.Generator) -> Recording:
        names = sorted(self._other)
        size = np.array([len(self._other[name]) ** 0.5 * (2.0 if name in _HARD else 1.0) for name in names])
        members = self._other[names[rng.choice(len(names), p=size / size.sum())]]
        weight = np.array([0.1 + self._known.hardness.get(one.key, 0.2) for one in members])
        return members[rng.choice(len(members), p=weight / weight.sum())]

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
        sound = self._stretch(recording.key, start_s, rate)
        heard, heard_weight = self._heard(recording, start_s, rate)
        shots = tuple((at - start_s) / rate for at in onsets_s) if recording.is_gunfire else ()
        unsure = tuple(((begin - start_s) / rate, (end - start_s) / rate) for begin, end in recording.unsure_s)
        return _Piece(sound, recording, shots, unsure, heard, heard_weight)

    def _stretch(self, key: str, start_s: float, rate: float) -> Samples:
        """Samples from `start_s` on at `rate` times the speed; silence beyond the recording's ends."""
        start = start_s * self._library.sample_rate
        first = max(0, int(np.floor(start)))
        stop = int(np.ceil(start + self._window * rate)) + 2
        samples = self._library.samples(key, first, max(first, stop))
        if len(samples) == 0:
            return np.zeros(self._window, np.float32)
        wanted = start - first + np.arange(self._window) * rate
        stretched = np.interp(wanted, np.arange(len(samples)), samples, left=0.0, right=0.0)
        return np.asarray(stretched, dtype=np.float32)

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
        loud = np.percentile(np.abs(whole), 98) if len(whole) else 0.0
        return float(len(part) > 0 and np.percentile(np.abs(part), 98) > 0.15 * loud)

    def _mix(
        self,
        rng: np.random.Generator,
        piece: _Piece,
        sound: Samples,
        heard: NDArray[np.float32],
        heard_weight: NDArray[np.float32],
    ) -> tuple[NDArray[np.float32], ...]:
        """Add other sound behind it, its level stated against the peak; nearly always where a clip ends early."""
        ends = bool(np.any(sound == 0.0))
        if rng.random() >= (0.9 if ends else 0.45):
            return sound, heard, heard_weight
        behind = self._cut(rng, self._draw_other(rng), at_onset=False)
        level_db = rng.uniform(-45.0, -8.0) if piece.onsets_s else rng.uniform(-40.0, 0.0)
        peak = float(np.abs(sound).max()) + 1e-9
        gain = peak * 10 ** (level_db / 20) / (float(np.abs(behind.sound).max()) + 1e-9)
        mixed = sound + behind.sound * np.float32(gain)
        audible = behind.heard * behind.heard_weight > 0.1
        weight = np.where(audible & (level_db < -20.0), 0.0, heard_weight).astype(np.float32)
        return mixed, np.maximum(heard, behind.heard) if level_db >= -20.0 else heard, weight

    def _keep(self, onsets_s: Sequence[float]) -> tuple[int, int]:
        """Samples that no gap may take: around the shots."""
        inside = [at for at in onsets_s if 0.0 <= at <= self._timing.window_s]
        if not inside:
            return (0, 0)
        rate = self._library.sample_rate
        return int((min(inside) - 0.1) * rate), int((max(inside) + 0.4) * rate)

    def _frames(self, piece: _Piece) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Frame targets of gunfire and their weights: one at an onset, nothing asked around it, little of echoes."""
        timing = self._timing
        centres = timing.first_frame_s + (np.arange(timing.frames) + 0.5) * timing.hop_s
        shot = np.zeros(timing.frames, np.float32)
        weight = np.ones(timing.frames, np.float32)
        if piece.recording.label == "explosion":
            weight[:] = 0.0
        sure = piece.recording.source == LIVE_FIRE
        for onset_s in piece.onsets_s:
            after = centres - onset_s
            weight[(after > 0) & (after < _ECHO_S)] = np.minimum(
                weight[(after > 0) & (after < _ECHO_S)], _ECHO_WEIGHT if sure else 0.0
            )
            weight[np.abs(after) < (0.07 if sure else 0.2)] = 0.0
        for begin, end in piece.unsure_s:
            weight[(centres > begin) & (centres < end)] = 0.0
        for onset_s in piece.onsets_s:
            near = np.abs(centres - onset_s) < 1.1 * timing.hop_s
            shot[near], weight[near] = 1.0, 1.0
        return shot, weight


def _by_source(recordings: Iterable[Recording]) -> dict[str, list[Recording]]:
    found: dict[str, list[Recording]] = defaultdict(list)
    for recording in recordings:
        found[recording.source].append(recording)
    return dict(found)


def _by_class(recordings: Iterable[Recording]) -> dict[str, list[Recording]]:
    found: dict[str, list[Recording]] = defaultdict(list)
    for recording in recordings:
        found[CLASS_OF_LABEL.get(recording.label, "other")].append(recording)
    return dict(found)


def _even_by_group(rng: np.random.Generator, recordings: Sequence[Recording]) -> Recording:
    """A group first, by the square root of its size, then one of it: a pack of fifty must not drown a single."""
    groups: dict[str, list[Recording]] = defaultdict(list)
    for recording in recordings:
        groups[recording.group].append(recording)
    names = sorted(groups)
    size = np.sqrt([len(groups[name]) for name in names])
    members = groups[names[rng.choice(len(names), p=size / size.sum())]]
    return members[rng.integers(len(members))]
