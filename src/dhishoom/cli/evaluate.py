"""`dhishoom evaluate`: how good a model is, beside its peers, on the same recordings."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dhishoom.cli import output
from dhishoom.errors import UsageError

if TYPE_CHECKING:
    from dhishoom.evaluate.contestants import Contestant
    from dhishoom.evaluate.location import Row as LocationRow
    from dhishoom.evaluate.pittsburgh import LiveFireTest
    from dhishoom.evaluate.report import Asked, Heard, Report
    from dhishoom.seams import Detector

LOCATION_DRAWS = 5


def evaluate(
    manifest: Annotated[
        Path | None, typer.Argument(metavar="[MANIFEST.csv]", help="Clips: columns path, source, group, label.")
    ] = None,
    pittsburgh: Annotated[Path | None, typer.Option(help="Folder of the live-fire set.")] = None,
    model: Annotated[
        list[str] | None, typer.Option(help="A model's name or .onnx file; again for more. The first is ours.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for report.json, report.md, figures and DCASE tables.")] = Path(
        "evaluation"
    ),
    folds: Annotated[
        list[Path] | None, typer.Option(help="JSON: networks of a model's recipe by fold; again for more.")
    ] = None,
    weights: Annotated[Path | None, typer.Option(help="Folder of yamnet.onnx and mn04_as.onnx.")] = None,
    peers: Annotated[bool, typer.Option(help="Score YAMNet and mn04, if they are there, and energy too.")] = True,
    location: Annotated[bool, typer.Option(help="Score the locator on the live-fire set too.")] = True,
    plots: Annotated[bool, typer.Option(help="Draw the figures.")] = True,
    docs: Annotated[Path | None, typer.Option(help="Write the report here too, figures in images/ beside it.")] = None,
    cache: Annotated[
        Path | None, typer.Option(help="Keep what every model said here; a later run hears only what is new.")
    ] = None,
    pair: Annotated[
        str | None, typer.Option(help="Write on the first model's card how this tagger gives it a second look.")
    ] = None,
    thresholds: Annotated[
        bool, typer.Option(help="Write `alert` and `possible` on the first model's card, from other sound new to it.")
    ] = False,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many recordings of each set.")] = None,
    seed: Annotated[int, typer.Option(help="Of the resampling.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print report.json as one line.")] = False,
) -> None:
    """Score models on recordings whose truth is known, with intervals, beside public taggers."""
    from dhishoom.detectors.catalogue import DEFAULT
    from dhishoom.evaluate.contestants import enter
    from dhishoom.evaluate.kept import KeptAnswers
    from dhishoom.evaluate.report import hear_all, report_of

    asked, tests = _asked(manifest, pittsburgh, limit, seed)
    folder = weights or _published_weights()
    contestants = enter(model or [DEFAULT], _peers(folder) if peers else [], folder, folds or [])
    heard, unreadable = hear_all(contestants, asked, output.progress, KeptAnswers(cache))
    for why in unreadable:
        output.warn(why)
    cards = _cards_of((model or [DEFAULT])[0], folds or []) if thresholds or pair else []
    if thresholds:
        _set_thresholds(cards, heard[0])
    if pair is not None:
        _pair(cards, contestants, asked, pair)
    located = _located(tests, pittsburgh, contestants[0], seed) if location and pittsburgh and tests else ()
    report = report_of(heard, unreadable, located, asked)
    _write(report, heard, asked, out, docs, plots=plots)
    _show(report, out, as_json=as_json)


def _cards_of(name: str, folds: Sequence[Path]) -> list[Path]:
    """The card of a model, then those of the networks of its recipe."""
    from dhishoom.detectors.catalogue import model_files
    from dhishoom.evaluate.contestants import folds_of

    return [file.with_suffix(".json") for file in (model_files().get(name, Path(name)), *folds_of(name, folds))]


def _set_thresholds(cards: Sequence[Path], heard: Heard) -> None:
    from dhishoom.evaluate.card_thresholds import of_answers, write_thresholds

    alert, possible = of_answers(heard.clips)
    write_thresholds(cards, alert, possible)
    output.say(f"{heard.contestant.name}: alert {alert:.3f}, possible {possible:.3f}")


def _pair(cards: Sequence[Path], contestants: Sequence[Contestant], asked: Asked, second: str) -> None:
    from dhishoom.evaluate.doubts import gather
    from dhishoom.evaluate.pairing import terms_by_fold, write_terms

    first = contestants[0]
    tagger = next((one.detector for one in contestants if one.name == second), None)
    if tagger is None:
        raise UsageError(f"{second} was not heard, so it cannot be paired; name its folder with --weights, or --model.")
    together = (*asked.clips, *asked.live_fire)
    recordings = output.progress(together, f"asking {second}", len(together))
    doubts, lengths = gather(recordings, lambda one: first.listener(one)[0], tagger)
    clips = [one for one in lengths if not one.recording.is_live_fire]
    every = terms_by_fold(doubts, clips, [fold.left_out for fold in first.folds])
    write_terms(dict(zip(cards, every, strict=True)), second)
    terms = every[0]
    told = f"asked from {terms.ask:.3f}, alert {terms.alert:.3f}, possible {terms.possible:.3f}"
    output.say(f"{first.name}+{second}: {told}")


def _asked(
    manifest: Path | None, pittsburgh: Path | None, limit: int | None, seed: int
) -> tuple[Asked, Sequence[LiveFireTest]]:
    """What there is to score; what is listed but not there is counted and told."""
    from dhishoom.evaluate.pittsburgh import live_fire_tests
    from dhishoom.evaluate.recordings import Manifest, live_fire_recordings, read_manifest, thinned
    from dhishoom.evaluate.report import Asked

    if manifest is None and pittsburgh is None:
        raise UsageError("there is nothing to score: give a MANIFEST.csv of clips, or --pittsburgh DIR, or both.")
    clips = read_manifest(manifest) if manifest else Manifest((), ())
    tests = live_fire_tests(pittsburgh) if pittsburgh else []
    shots = live_fire_recordings(tests)
    missing = (*clips.missing, *shots.missing)
    if missing:
        output.warn(f"{len(missing)} listed recordings are not there, such as {missing[0]}; the rest is scored.")
    asked = Asked(
        manifest=manifest.name if manifest else "",
        pittsburgh=pittsburgh.name if pittsburgh else "",
        clips=thinned(clips.recordings, limit),
        live_fire=thinned(shots.recordings, limit),
        missing=missing,
        seed=seed,
    )
    return asked, tests


def _published_weights() -> Path | None:
    """Where the taggers lie if `DHISHOOM_SHARED` says so."""
    folder = Path(os.environ.get("DHISHOOM_SHARED", "../shared")) / "weights"
    return folder if folder.is_dir() else None


def _peers(weights: Path | None) -> list[str]:
    from dhishoom.evaluate.peers import peers_in

    return [*(peers_in(weights) if weights else []), "energy"]


def _located(tests: Sequence[LiveFireTest], root: Path, contestant: Contestant, seed: int) -> tuple[LocationRow, ...]:
    from dhishoom.evaluate.location import location_rows

    def listener(position: str) -> Detector:
        folds = contestant.folds.items()
        return next((its for fold, its in folds if position in fold.positions), contestant.detector)

    output.say("locating listed and raw arrivals, then from the sound alone ...")
    return tuple(location_rows(tests, root, listener, LOCATION_DRAWS, seed))


def _write(report: Report, heard: Sequence[Heard], asked: Asked, out: Path, docs: Path | None, *, plots: bool) -> None:
    from dhishoom.evaluate.dcase import write_estimated, write_reference
    from dhishoom.evaluate.figures import draw_all
    from dhishoom.evaluate.markdown import markdown
    from dhishoom.evaluate.report import write_json

    recordings = {one.key: one for one in (*asked.clips, *asked.live_fire)}
    try:
        out.mkdir(parents=True, exist_ok=True)
        write_json(report, out / "report.json")
        write_reference(recordings.values(), out / "dcase" / "reference.tsv")
        for one in heard:
            path = out / "dcase" / f"{one.contestant.name}.tsv"
            write_estimated((*one.clips, *one.live_fire), one.contestant.card.alert, path)
        command = _command()
        figures = draw_all(report, heard, recordings, out) if plots else {}
        (out / "report.md").write_text(markdown(report, figures, "", command), encoding="utf-8")
        if docs is not None:
            images = docs.parent / "images" / "evaluation"
            images.mkdir(parents=True, exist_ok=True)
            for name in figures.values():
                (images / name).write_bytes((out / name).read_bytes())
            docs.write_text(markdown(report, figures, "images/evaluation", command), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write {error.filename}: {error.strerror}. Name another folder with --out.") from error


def _command() -> str:
    """What was typed, folders told from here: a report must not name one machine's."""
    typed = (os.path.relpath(one) if os.path.isabs(one) else one for one in sys.argv[1:])
    return shlex.join(["dhishoom", *typed])


def _show(report: Report, out: Path, *, as_json: bool) -> None:
    if as_json:
        import msgspec

        output.print_json(msgspec.json.decode(msgspec.json.encode(report)))
        return
    from dhishoom.evaluate.goals import goal_rows

    rows = [[row.measure, *row.reached, row.must] for row in goal_rows(report)]
    columns = ("measure", *(model.name for model in report.models), "must")
    output.print_result(output.table("", columns, rows))
    output.say(f"{out / 'report.md'} tells it all.")
