"""Shots from sound alone: detect, pick, associate, locate; on the live-fire set and on a real street."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dhishoom.core.association import AssociationLimits, associate_all
from dhishoom.core.decision import candidates, decide
from dhishoom.core.listening import Hearing, begin, finish, push
from dhishoom.core.propagation import air_of
from dhishoom.evaluate.hearing import prepare
from dhishoom.evaluate.onsets import errors, onsets_of
from dhishoom.evaluate.raw_pulses import Associated, associated_row, judged
from dhishoom.evaluate.recordings import live_fire_recordings
from dhishoom.evaluate.row import Row
from dhishoom.sources.replay import Replay

if TYPE_CHECKING:
    from dhishoom.evaluate.pittsburgh import LiveFireTest
    from dhishoom.nouns import Detection, Incident, Site
    from dhishoom.seams import Detector
    from dhishoom.sources.scenes import Scene

STREET_ROUNDS = 7
Listener = Callable[[str], "Detector"]
"""Who hears the recordings of a firing position: a network that never saw it, where there is one."""


def heard(scene: Scene, detector: Detector) -> list[Detection]:
    """Every detection and candidate of every sensor of a scene; the listening fold fills silence itself."""
    sensors = scene.site().sensors
    found: list[Detection] = []
    states = {name: begin(name, detector.card, clock_sigma_s=one.clock_sigma_s) for name, one in sensors.items()}
    for chunk in scene.chunks():
        hearing = push(states[chunk.sensor_id], chunk)
        states[chunk.sensor_id] = hearing.state
        found += _decided(hearing, detector)
    for state in states.values():
        found += _decided(finish(state), detector)
    return found


def _decided(hearing: Hearing, detector: Detector) -> list[Detection]:
    if not hearing.windows:
        return []
    scores = detector.scores(np.stack([window.audio for window in hearing.windows]))
    judged_windows = zip(hearing.windows, scores, strict=True)
    return [
        one
        for window, its_own in judged_windows
        for one in (*decide(window, its_own, detector.card), *candidates(window, its_own, detector.card))
    ]


def told_of(scene: Scene, detector: Detector) -> tuple[Incident, ...]:
    """What the service would tell of a scene."""
    limits = AssociationLimits(alone_min=detector.card.possible)
    return associate_all(scene.site(), heard(scene, detector), limits)


@dataclass(frozen=True, slots=True)
class StreetShot:
    """One told round: how many sensors, and the root mean square of their range residuals; None without a place."""

    sensors: int
    rms_m: float | None


def sound_rows(tests: Sequence[LiveFireTest], root: Path, street: Path | None, listener: Listener) -> list[Row]:
    """Every row that begins with sound."""
    rows = [_audio_row(tests, root, listener), _onset_row(tests, listener)]
    return rows if street is None else [*rows, street_row(street, listener(""))]


def _audio_row(tests: Sequence[LiveFireTest], root: Path, listener: Listener) -> Row:
    scenes = {scene.folder: scene for scene in Replay(root).scenes}
    total = Associated()
    for test in tests:
        scene = scenes.get(test.name)
        incidents = told_of(scene, listener(test.position)) if scene else ()
        total = total.plus(judged(test, incidents))
    must = "≥ 85 %, ≤ 2 spurious, rounds ≥ 85 %"
    return associated_row("from the sound alone", total, must, "92 %, 0, 95 %")


def _onset_row(tests: Sequence[LiveFireTest], listener: Listener) -> Row:
    rng, recordings = np.random.default_rng(0), live_fire_recordings(tests).recordings
    found = [one for each in recordings for one in onsets_of(prepare(each), listener(each.group), rng)]
    told = errors("heard", [one.heard_s for one in found if one.heard_s is not None])
    reached = f"bias {told.bias_ms:.2f}, median {told.median_ms:.2f}, p95 {told.p95_ms:.1f} ms of {told.count} heard"
    figures = {"bias_ms": told.bias_ms, "median_ms": told.median_ms, "p95_ms": told.p95_ms, "heard": float(told.count)}
    return Row("onset against listed arrivals", reached, "bias ≤ 0.5, median ≤ 2, p95 ≤ 8 ms", "0.5, 4 ms", figures)


def street_row(street: Path, detector: Detector) -> Row:
    """The incident of the scene with the most sensors."""
    scene = max(Replay(street).scenes, key=lambda one: len(one.site().sensors))
    incidents = told_of(scene, detector)
    shots = street_shots(incidents, scene.site())
    placed = [one.rms_m for one in shots if one.rms_m is not None]
    worst = max(placed, default=float("inf"))
    reached = f"{len(shots)} rounds in {len(incidents)} incident, {len(placed)} located, worst rms {worst:.2f} m"
    figures = {"rounds": float(len(shots)), "located": float(len(placed)), "worst_rms_m": worst}
    must = f"{STREET_ROUNDS} rounds, each located, ≤ 3.6 m"
    return Row("the street incident, from its WAVs", reached, must, "≤ 2.8 m", figures)


def street_shots(incidents: Sequence[Incident], site: Site) -> list[StreetShot]:
    """Every told round."""
    speed = air_of(site.weather).speed_m_s
    return [
        StreetShot(len(shot.sensor_ids), shot.residual_ms / 1000 * speed if shot.position else None)
        for incident in incidents
        for shot in incident.shots
    ]
