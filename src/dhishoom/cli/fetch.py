"""`dhishoom models fetch`: a published tagger, as a detector or a second look."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dhishoom.cli import output


def fetch(
    name: Annotated[str, typer.Argument(metavar="NAME", help="yamnet")],
    source: Annotated[
        Path | None, typer.Option("--from", help="Its .onnx file, where there is no network; nothing is downloaded.")
    ] = None,
    classes: Annotated[
        Path | None, typer.Option(help="Names of its classes; without it yamnet_class_map.csv beside --from.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Fetch a published tagger: its address, licence and checksum are shown, and it is tried before it is kept.

    Afterwards `--model yamnet` listens with it, and `--model dhishoom-small-1+yamnet` asks it for a second look.
    """
    from dhishoom.detectors.catalogue import user_folder
    from dhishoom.detectors.fetched import fetch as bring
    from dhishoom.detectors.fetched import published

    what = published(name)
    output.say(f"{what.name}: {what.origin}, {what.licence}")
    output.say(f"from {source or what.address}")
    kept = bring(what, user_folder(), file=source, classes=classes)
    stated = "as stated for the published file" if kept.expected else "not the published file's: yours to trust"
    if as_json:
        about = {"type": "fetched", "name": what.name, "path": str(kept.path), "bytes": kept.size}
        output.print_json(about | {"sha256": kept.sha256, "expected": kept.expected, "licence": what.licence})
        return
    output.say(f"sha256 {kept.sha256} ({stated})")
    output.print_result(str(kept.path))
