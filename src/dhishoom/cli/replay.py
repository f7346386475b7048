"""`dhishoom replay`: recordings of several sensors, with their clocks and places, become incidents."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dhishoom.cli import output
from dhishoom.cli.exports import write_whole
from dhishoom.cli.hearing import card_with_threshold
from dhishoom.cli.scene_hearing import WINDOWS_MAX, HeardScene, SceneHearing, hear_scene, sounds_within
from dhishoom.core.geometry import place_of
from dhishoom.core.timestamps import to_rfc3339
from dhishoom.detectors.catalogue import DEFAULT, open_detector
from dhishoom.errors import SourceError
from dhishoom.messages import incident_to_json
from dhishoom.sources.replay import Replay

if TYPE_CHECKING:
    from rich.table import Table

    from dhishoom.core.listening import Notice
    from dhishoom.nouns import Incident, ModelCard, Site
    from dhishoom.seams import Detector
    from dhishoom.sources.scenes import Scene

COLUMNS = ("folder", "time (UTC)", "place", "95 % (m)", "rounds", "sensors", "score")
NUMBERS = ("95 % (m)", "rounds", "sensors", "score")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """How to play and hear, and what to make of it: what the command line asked for."""

    detector: Detector
    card: ModelCard
    rate: float | None
    as_json: bool
    plot: Path | None


@dataclass(slots=True)
class Tally:
    """What was played so far."""

    rows: list[list[str]] = field(default_factory=list)
    folders: int = 0
    incidents: int = 0
    problems: int = 0
    interrupted: bool = False


def replay(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Recordings with sensors' clocks and places.")],
    as_json: Annotated[bool, typer.Option("--json", help="One incident a line, as JSON.")] = False,
    rate: Annotated[
        float | None, typer.Option(help="Play as fast as it was recorded (1), or that many times; else at full speed.")
    ] = None,
    plot: Annotated[Path | None, typer.Option(help="Draw each incident into this folder, as PNG.")] = None,
    model: Annotated[str, typer.Option(help="A model's name, or a path to an .onnx file.")] = DEFAULT,
    threshold: Annotated[
        float | None, typer.Option(help="Least gunshot probability of one sensor; else the model's.")
    ] = None,
) -> None:
    """Play multi-sensor recordings and tell what was fired where, folder by folder.

    DIR, or folders below it, hold one of three forms (docs/formats.md): recordings with a JSON file beside each, WAV
    files with an smj0 chunk, or any recordings with a sensors.csv. Each folder is a scene of its own.
    """
    detector = open_detector(model)
    card = card_with_threshold(detector.card, threshold)
    played = Replay(directory, rate)
    asked = Asked(detector=detector, card=card, rate=rate, as_json=as_json, plot=plot)
    tally = Tally(problems=len(played.problems))
    for problem in played.problems:
        output.fail(problem)
    for remark in played.remarks:
        output.warn(remark)
    try:
        _play_all(played, asked, tally)
    except KeyboardInterrupt:
        tally.interrupted = True
    if not as_json and tally.rows:
        output.print_result(_table(tally.rows))
    _end(tally, len(played.scenes))


def _play_all(played: Replay, asked: Asked, tally: Tally) -> None:
    for scene in output.progress(played.scenes, "playing", len(played.scenes)):
        hearing = _hearing(scene.site(), asked)
        heard, whole = hear_scene(played.play(scene), hearing)
        _tell(scene, heard, asked, tally)
        if not whole:
            raise KeyboardInterrupt
        tally.folders += 1


def _hearing(site: Site, asked: Asked) -> SceneHearing:
    """At full speed in large batches; at a rate at once, each change told as it comes."""
    if asked.rate is None:
        return SceneHearing(site, asked.detector, asked.card, batch=WINDOWS_MAX)
    return SceneHearing(site, asked.detector, asked.card, batch=1, tell=_Live(site))


class _Live:
    """Incidents on standard error while they unfold: when new, and when their status or rounds change."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._shown: dict[str, tuple[str, int]] = {}

    def __call__(self, incident: Incident) -> None:
        essence = incident.status, incident.rounds
        if self._shown.get(incident.incident_id) != essence:
            self._shown[incident.incident_id] = essence
            output.say("  ".join(cell for cell in _row("", incident, self._site) if cell))


def _tell(scene: Scene, heard: HeardScene, asked: Asked, tally: Tally) -> None:
    """Results of one scene, then what was wrong with it."""
    site = scene.site()
    for incident in heard.incidents:
        if asked.as_json:
            output.print_json(incident_to_json(incident, place_of(site), folder=scene.folder))
        else:
            tally.rows.append(_row(scene.folder, incident, site))
    tally.incidents += len(heard.incidents)
    tally.problems += len(scene.problems)
    for problem in scene.problems:
        output.fail(problem)
    for remark in (*scene.remarks, *_notices(scene, heard.notices)):
        output.warn(remark)
    if asked.plot is not None:
        _draw(scene, heard, asked.plot)


def _notices(scene: Scene, notices: Sequence[Notice]) -> Iterator[str]:
    """One sentence for each sensor and kind, however often it happened."""
    counts = Counter((notice.sensor_id, notice.kind) for notice in notices)
    for notice in notices:
        count = counts.pop((notice.sensor_id, notice.kind), 0)
        if count:
            times = f" ({count} times like this)" if count > 1 else ""
            yield f"{scene.folder}, sensor {notice.sensor_id}, {to_rfc3339(notice.time_ns)}: {notice.detail}{times}."


def _draw(scene: Scene, heard: HeardScene, folder: Path) -> None:
    """`FOLDER/TIME-ID.png` for each incident."""
    from dhishoom import plot

    site = scene.site()
    spans_ns = [plot.span_ns(incident, site) for incident in heard.incidents]
    for incident, sounds in zip(heard.incidents, sounds_within(scene, spans_ns), strict=True):
        figure = plot.arrivals(incident, site, heard.detections, sounds)
        clock = to_rfc3339(incident.time_ns)[:19].replace(":", "")
        write_whole(folder / scene.folder / f"{clock}Z-{incident.incident_id}.png", plot.png(figure))


def _end(tally: Tally, scenes: int) -> None:
    """Say what was played and leave with the exit code for it."""
    incidents = output.counted(tally.incidents, "incident")
    if tally.interrupted:
        output.say(f"Interrupted: {tally.folders} of {scenes} folders were played to the end, {incidents}.")
        raise typer.Exit(output.INTERRUPTED)
    output.say(f"{output.counted(tally.folders, 'folder')} played: {incidents}.")
    if tally.problems:
        raise typer.Exit(SourceError.exit_code)


def _table(rows: Sequence[Sequence[str]]) -> Table:
    return output.table("", COLUMNS, rows, right=NUMBERS)


def _row(folder: str, incident: Incident, site: Site) -> list[str]:
    ellipse = incident.ellipse
    return [
        folder,
        to_rfc3339(incident.time_ns).replace("T", " ")[:-5],
        _where(incident, site),
        f"{ellipse.semi_major_m:.1f} × {ellipse.semi_minor_m:.1f}" if ellipse else "",
        _rounds(incident),
        str(len(incident.sensor_ids)),
        f"{incident.score:.2f}",
    ]


def _where(incident: Incident, site: Site) -> str:
    """The place, or why there is none."""
    if incident.position is None:
        return f"{incident.status}: {incident.reason}" if incident.reason else incident.status
    digits = 6 if site.origin else 1
    where = place_of(site)(incident.position).items()
    place = ", ".join(f"{value:.{digits}f}" for name, value in where if name != "z" and value is not None)
    return place if incident.status == "located" else f"{place} ({incident.status})"


def _rounds(incident: Incident) -> str:
    interval = "" if incident.rounds_low == incident.rounds_high else f" ({incident.rounds_low}-{incident.rounds_high})"
    return f"{incident.rounds}{interval}" + (" automatic?" if incident.fire == "possibly_automatic" else "")
