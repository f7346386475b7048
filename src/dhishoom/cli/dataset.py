"""`dhishoom dataset`: recordings to learn from and to measure on, chosen and fetched with where they come from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dhishoom.cli import output
from dhishoom.errors import UsageError

if TYPE_CHECKING:
    from dhishoom.datasets.choice import Choice, Tally
    from dhishoom.datasets.fetching import Outcome
    from dhishoom.datasets.segments import Listing, Segment
    from dhishoom.datasets.strong import StrongLabels
    from dhishoom.messages import Json

AsJson = Annotated[bool, typer.Option("--json", help="One JSON object.")]
Archive = Annotated[Path | None, typer.Option("--from", help="The archive, already here; nothing is downloaded.")]
Out = Annotated[Path, typer.Option(help="Folder to write into.")]
ADDRESS = "https://www.youtube.com/watch?v={video}"
COUNTS = ("mid", "display_name")

dataset = typer.Typer(help="Recordings to learn from and to measure on.", no_args_is_help=True)


@dataset.command(
    "audioset",
    epilog="Example: dhishoom dataset audioset --segments eval_segments.csv --positives 500 --negatives 500 --out set",
)
def audioset(
    segments: Annotated[list[Path], typer.Option(help="A list of AudioSet's segments; may be given again.")],
    out: Out,
    ontology: Annotated[
        Path | None, typer.Option(help="AudioSet's ontology.json; without it, the one beside the first list.")
    ] = None,
    strong: Annotated[list[Path] | None, typer.Option(help="A TSV of AudioSet's strong labels.")] = None,
    positives: Annotated[int, typer.Option(min=0, help="Clips of gunfire.")] = 2000,
    negatives: Annotated[int, typer.Option(min=0, help="Clips of the street without gunfire.")] = 2000,
    seed: Annotated[int, typer.Option(help="Of the choice and the split.")] = 0,
    audio: Annotated[Path | None, typer.Option(help="Choose among the clips in this folder.")] = None,
    download: Annotated[bool, typer.Option("--download", help="Fetch what was chosen (yt-dlp and FFmpeg).")] = False,
    jobs: Annotated[int, typer.Option(min=1, max=32, help="Downloads at a time.")] = 4,
    per_minute: Annotated[float, typer.Option(min=0.1, help="Requests that may begin in a minute.")] = 30.0,
    again: Annotated[bool, typer.Option("--again", help="Ask even for what was gone the last time.")] = False,
    address: Annotated[str, typer.Option(help="Of a video, {video} where its id goes.")] = ADDRESS,
    as_json: AsJson = False,
) -> None:
    """Choose clips of gunfire and of the street from AudioSet's lists, evenly over the classes, split by video.

    Writes manifest.csv and class_counts.csv; --download brings the sound and writes gone.csv.
    """
    from dhishoom.datasets.choice import choose
    from dhishoom.datasets.classes import POSITIVE, read_ontology
    from dhishoom.datasets.manifest import COLUMNS, clip_path, clips_on_disk, rows_of, write_table
    from dhishoom.datasets.strong import read_strong

    if download and audio:
        raise UsageError("--audio takes clips that are here, --download brings them: give one of the two.")
    tree = read_ontology(ontology or segments[0].parent / "ontology.json")
    guns = tree.with_descendants(one.mid for one in POSITIVE)
    listings = _listings(segments)
    labels = read_strong(strong or [])
    _warn_broken(labels)
    pool = [one for listing in listings for one in listing.segments]
    here = clips_on_disk(audio, pool) if audio else {}
    if audio:
        pool = [one for one in pool if one.key in here]
    choice = choose(pool, guns=guns, positives=positives, negatives=negatives, seed=seed)
    rows = rows_of(choice, labels, guns=guns, path_of=lambda one: str(here.get(one.key, clip_path(one))))
    write_table(out / "manifest.csv", COLUMNS, rows)
    counts = _counts(listings, tree.name)
    write_table(out / "class_counts.csv", [*COUNTS, *(one.name for one in listings), "total"], counts)
    fetched = (
        _fetch([one.segment for one in choice.chosen], out, jobs, per_minute, address, again=again) if download else []
    )
    _show(choice, rows, out, fetched, as_json=as_json)


def _listings(paths: Sequence[Path]) -> list[Listing]:
    from dhishoom.datasets.segments import problems, read_listing

    listings = [read_listing(path) for path in paths]
    for listing in listings:
        for problem in problems(listing):
            output.warn(problem)
    return listings


def _warn_broken(labels: StrongLabels) -> None:
    if labels.broken:
        output.warn(f"{len(labels.broken)} lines of strong labels left out, such as {labels.broken[0]}")


def _counts(listings: Sequence[Listing], name_of: Callable[[str], str]) -> list[dict[str, object]]:
    """How many segments of each list hold each class, the commonest first."""
    from dhishoom.datasets.segments import label_counts

    by_list = {one.name: label_counts(one.segments) for one in listings}
    total = sum(by_list.values(), Counter[str]())
    return [
        {
            "mid": mid,
            "display_name": name_of(mid),
            **{name: found[mid] for name, found in by_list.items()},
            "total": count,
        }
        for mid, count in sorted(total.items(), key=lambda one: (-one[1], one[0]))
    ]


def _fetch(
    segments: Sequence[Segment], out: Path, jobs: int, per_minute: float, address: str, *, again: bool
) -> list[Outcome]:
    from dhishoom.datasets.fetching import Pacer, fetch_all
    from dhishoom.datasets.manifest import write_table
    from dhishoom.datasets.youtube import Videos

    unique = list({one.key: one for one in segments}.values())
    outcomes = fetch_all(unique, out, Videos(address), jobs=jobs, pacer=Pacer(60 / per_minute), again=again)
    done = list(output.progress(outcomes, "clips", len(unique)))
    missing = sorted((one for one in done if one.why is not None), key=lambda one: (str(one.why), one.segment.key))
    rows = [
        {"video": one.segment.video, "start_s": f"{one.segment.start_s:g}", "why": one.why, "detail": one.detail}
        for one in missing
    ]
    write_table(out / "gone.csv", ("video", "start_s", "why", "detail"), rows)
    return done


def _show(
    choice: Choice, rows: Sequence[dict[str, str]], out: Path, fetched: Sequence[Outcome], *, as_json: bool
) -> None:
    short = [one for one in choice.tallies if one.short]
    reasons = Counter("there" if one.why is None else one.why for one in fetched)
    sides = Counter(one.side for one in choice.chosen)
    if as_json:
        told: Json = {
            "type": "dataset", "manifest": str(out / "manifest.csv"), "rows": len(rows), "sides": dict(sides),
            "classes": [_entry(one) for one in choice.tallies], "with_onsets": sum(bool(one["onsets"]) for one in rows),
            "download": dict(reasons),
        }  # fmt: skip
        output.print_json(told)
        return
    cells = [
        [one.wanted.name, str(one.pool), str(one.fair), str(one.chosen), str(one.short or "")] for one in choice.tallies
    ]
    columns = ("class", "in the lists", "even share", "chosen", "short by")
    output.print_result(output.table("", columns, cells, right=columns[1:]))
    for one in short:
        output.warn(f"{one.wanted.name}: {one.chosen} chosen, an even share is {one.fair}; the lists hold {one.pool}.")
    if fetched:
        output.print_result(
            output.table("", ("download", "clips"), [[why, str(n)] for why, n in reasons.most_common()])
        )
    output.say(f"{len(rows)} rows in {out / 'manifest.csv'}: " + ", ".join(f"{n} {side}" for side, n in sides.items()))


def _entry(one: Tally) -> Json:
    return {"class": one.wanted.name, "mid": one.wanted.mid, "pool": one.pool, "fair": one.fair, "chosen": one.chosen}


def _public(name: str, out: Path, archive: Path | None, *, as_json: bool) -> None:
    from dhishoom.datasets.manifest import write_table
    from dhishoom.datasets.public import SETS, bring, checked, rows_of, unpack, unpack_inner

    what = SETS[name]
    output.say(f"{what.title}: {what.licence}")
    output.say(f"from {archive or what.address} (about {what.size}; {what.seen_at})")
    output.say(f"MD5 {what.md5}" if what.md5 else "no checksum is published; the one of what came follows")
    brought = checked(what, archive) if archive else bring(what, out)
    output.say(f"sha256 {brought.sha256}")
    unpack(brought.path, out)
    unpack_inner(out)
    rows = rows_of(what, out)
    if rows:
        write_table(out / "manifest.csv", list(rows[0]), rows)
    if as_json:
        about = {"type": "dataset", "name": name, "folder": str(out), "rows": len(rows), "sha256": brought.sha256}
        output.print_json(about | {"licence": what.licence, "address": what.address})
        return
    output.print_result(str(out / "manifest.csv" if rows else out))


@dataset.command("pittsburgh", epilog="Example: dhishoom dataset pittsburgh --out pittsburgh")
def pittsburgh(out: Out = Path("pittsburgh"), archive: Archive = None, as_json: AsJson = False) -> None:
    """Fetch live fire in Pittsburgh (CC BY 4.0): multi-sensor recordings with surveyed places."""
    _public("pittsburgh", out, archive, as_json=as_json)


@dataset.command("esc50", epilog="Example: dhishoom dataset esc50 --out esc50")
def esc50(out: Out = Path("esc50"), archive: Archive = None, as_json: AsJson = False) -> None:
    """Fetch ESC-50 (CC BY-NC 3.0, ESC-10 CC BY): 2000 clips of 50 kinds of sound, no gunfire."""
    _public("esc50", out, archive, as_json=as_json)


@dataset.command("urbansound8k", epilog="Example: dhishoom dataset urbansound8k --out urbansound8k")
def urbansound8k(out: Out = Path("urbansound8k"), archive: Archive = None, as_json: AsJson = False) -> None:
    """Fetch UrbanSound8K (CC BY-NC 3.0): 8732 clips of ten sounds of the street, gunfire among them."""
    _public("urbansound8k", out, archive, as_json=as_json)


@dataset.command("sesa", epilog="Example: dhishoom dataset sesa --from SESA.zip --out sesa")
def sesa(out: Out = Path("sesa"), archive: Archive = None, as_json: AsJson = False) -> None:
    """Fetch SESA (CC BY 4.0): gunshots, explosions, sirens and casual sounds at 16 kHz."""
    _public("sesa", out, archive, as_json=as_json)
