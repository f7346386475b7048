"""`dhishoom detect`: what is heard in recordings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dhishoom.cli import output
from dhishoom.cli.exports import HeardFile, write_labels, write_whole
from dhishoom.cli.file_hearing import TRACE_S_MAX, FileHearing
from dhishoom.detectors.catalogue import DEFAULT, open_detector
from dhishoom.errors import DhishoomError, SourceError
from dhishoom.nouns import GUNSHOT
from dhishoom.sources.files import audio_files, standard_input

if TYPE_CHECKING:
    from rich.table import Table

    from dhishoom.messages import Json
    from dhishoom.seams import Detector

TIMES_SHOWN = 8
STANDARD_INPUT = Path("-")


class LabelForm(StrEnum):
    """Programs whose labels are written."""

    audacity = "audacity"
    raven = "raven"
    csv = "csv"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """One file to hear.

    Attributes:
        shown: What it is called in results: the path as it was found, `-` for standard input.
        name: Where its labels and its figure go, below their folder.
    """

    path: Path
    shown: str
    name: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """How to hear, and what to make of it: what the command line asked for."""

    detector: Detector
    threshold: float | None
    channel: int | None
    rejected: bool
    plot: Path | None
    labels: LabelForm | None
    out: Path
    as_json: bool


def detect(
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH...", help="Recordings, folders of them, or - for standard input.")
    ],
    as_json: Annotated[bool, typer.Option("--json", help="JSON lines: each file, then its events.")] = False,
    plot: Annotated[Path | None, typer.Option(help="Draw each file into this folder, as PNG.")] = None,
    labels: Annotated[LabelForm | None, typer.Option(help="Write labels for this program into --out.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for the labels.")] = Path("labels"),
    model: Annotated[str, typer.Option(help="A model's name, or a path to an .onnx file.")] = DEFAULT,
    threshold: Annotated[float | None, typer.Option(help="Least gunshot probability; else the model's own.")] = None,
    channel: Annotated[int | None, typer.Option(help="Hear this channel alone (from 1), not the mean of all.")] = None,
    rejected: Annotated[bool, typer.Option("--rejected", help="Tell also what was taken for something else.")] = False,
) -> None:
    """Find gunshots in recordings of any format and length."""
    asked = Asked(
        detector=open_detector(model),
        threshold=threshold,
        channel=channel,
        rejected=rejected,
        plot=plot,
        labels=labels,
        out=out,
        as_json=as_json,
    )
    failures: list[DhishoomError] = []
    heard: list[HeardFile] = []
    interrupted = False
    with ExitStack() as stack:
        recordings = find_recordings(paths, failures, stack)
        try:
            hear_all(recordings, asked, heard, failures)
        except KeyboardInterrupt:
            interrupted = True
    if not as_json and heard:
        output.print_result(_table(heard))
    _end(failures, len(heard), len(recordings), interrupted=interrupted)


def _end(failures: list[DhishoomError], heard: int, recordings: int, *, interrupted: bool) -> None:
    """Say what failed and leave with the exit code for it."""
    if interrupted:
        output.say(f"Interrupted: {heard} of {recordings} files were heard; what was written is whole.")
        raise typer.Exit(output.INTERRUPTED)
    if failures:
        output.say(f"{heard} files were heard; {len(failures)} could not be read, or not to the end.")
        raise typer.Exit(failures[0].exit_code)


def find_recordings(paths: Iterable[Path], failures: list[DhishoomError], stack: ExitStack) -> list[Recording]:
    """Every recording that the paths name, in their order; a path that names none is told and kept in `failures`."""
    found: list[Recording] = []
    for path in paths:
        try:
            if path == STANDARD_INPUT:
                found.append(Recording(path=stack.enter_context(standard_input()), shown="-", name=Path("stdin")))
            else:
                files = audio_files(path)
                found += [Recording(path=file, shown=str(file), name=file.relative_to(path.parent)) for file in files]
        except SourceError as error:
            output.fail(str(error))
            failures.append(error)
    return _with_names_of_their_own(found)


def _with_names_of_their_own(recordings: list[Recording]) -> list[Recording]:
    """Two recordings of one name from different places must not write over each other's results."""
    taken: dict[Path, int] = {}
    renamed = []
    for recording in recordings:
        count = taken[recording.name] = taken.get(recording.name, 0) + 1
        name = recording.name if count == 1 else recording.name.with_name(f"{count}-{recording.name.name}")
        renamed.append(replace(recording, name=name))
    return renamed


def hear_all(recordings: list[Recording], asked: Asked, heard: list[HeardFile], failures: list[DhishoomError]) -> None:
    """Hear one recording after another into `heard`; tell, label and draw each as asked before the next."""
    for recording in output.progress(recordings, "hearing", len(recordings)):
        hearing = FileHearing(asked.detector, asked.threshold, traced=asked.plot is not None)
        file = hearing.hear(recording.path, recording.shown, asked.channel)
        if hearing.failure is not None:
            output.fail(str(hearing.failure))
            failures.append(hearing.failure)
        if file is not None:
            file = file if asked.rejected else _gunshots_alone(file)
            for remark in hearing.quality.remarks():
                output.warn(f"{recording.shown}: {remark}")
            _deliver(file, recording, hearing, asked)
            heard.append(file)


def _gunshots_alone(file: HeardFile) -> HeardFile:
    return replace(file, events=tuple(event for event in file.events if event.label == GUNSHOT))


def _deliver(file: HeardFile, recording: Recording, hearing: FileHearing, asked: Asked) -> None:
    if asked.labels is not None:
        write_labels(file, asked.labels, asked.out, recording.name)
    if asked.plot is not None:
        path = asked.plot / recording.name.parent / f"{recording.name.name}.png"
        write_whole(path, _figure(file, hearing))
    if asked.as_json:
        for line in json_lines(file):
            output.print_json(line)


def json_lines(file: HeardFile) -> Iterator[Json]:
    """One `file` line and one `event` line for each event, as docs/formats.md has them."""
    yield {
        "type": "file",
        "path": file.path,
        "duration_s": round(file.duration_s, 4),
        "sample_rate": file.sample_rate,
        "score": round(file.score, 4),
        "classes": _rounded(file.classes),
    }
    for event in file.events:
        yield {
            "type": "event",
            "path": event.path,
            "onset_s": round(event.onset_s, 5),
            "offset_s": round(event.offset_s, 5),
            "score": round(event.score, 4),
            "label": event.label,
            "classes": _rounded(event.classes),
        }


def _rounded(classes: dict[str, float]) -> dict[str, float]:
    return {name: round(score, 4) for name, score in classes.items()}


def _table(heard: list[HeardFile]) -> Table:
    rows = [
        [file.path, f"{file.duration_s:.1f}", f"{file.score:.2f}", str(len(file.events)), _times(file)]
        for file in heard
    ]
    columns = ("file", "seconds", "score", "events", "at (s)")
    return output.table("", columns, rows, right=("seconds", "score", "events"))


def _times(file: HeardFile) -> str:
    shown = [_time(event.onset_s, event.label) for event in file.events[:TIMES_SHOWN]]
    return ", ".join(shown) + (", ..." if len(file.events) > TIMES_SHOWN else "")


def _time(onset_s: float, label: str) -> str:
    return f"{onset_s:.2f}" if label == GUNSHOT else f"{onset_s:.2f} {label}"


def _figure(file: HeardFile, hearing: FileHearing) -> bytes:
    """The recording's first minutes as PNG."""
    from dhishoom import plot

    assert hearing.trace is not None
    chunk = hearing.trace.chunk()
    marks = [plot.Mark(onset_s=one.onset_s, offset_s=one.offset_s, label=one.label) for one in file.events]
    title = f"{file.path}   score {file.score:.2f}"
    if file.duration_s > TRACE_S_MAX:
        title += f"   (the first {TRACE_S_MAX / 60:.0f} of {file.duration_s / 60:.0f} minutes)"
    times_s, values = hearing.trace.frames(hearing.card)
    figure = plot.timeline(chunk, times_s, values, marks=marks, thresholds=(hearing.card.possible,), title=title)
    return plot.png(figure)
