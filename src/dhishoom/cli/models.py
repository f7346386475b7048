"""`dhishoom models`: which models are here, and what their cards say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer
from rich.markup import escape

from dhishoom.cli import output
from dhishoom.cli.fetch import fetch
from dhishoom.cli.import_model import import_model
from dhishoom.detectors.catalogue import DEFAULT, card_of, model_files, names, user_folder
from dhishoom.errors import ModelError
from dhishoom.nouns import ModelCard
from dhishoom.train.models.embedders import embedder_files, read_embedder_card

if TYPE_CHECKING:
    from dhishoom.messages import Json

AsJson = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]
models = typer.Typer(help="Models that are here, and their cards.", no_args_is_help=True)
models.command("fetch", epilog="Example: dhishoom models fetch yamnet --from yamnet.onnx")(fetch)
models.command("import", epilog="Example: dhishoom models import vggish vggish-10086976.pth")(import_model)

COLUMNS = ("name", "licence", "alert", "possible", "rate (Hz)", "window (s)", "size (kB)", "")
ENTRIES_MAX = 8
"""Of a list of plain values on one line; the rest is counted."""


@models.command("list", epilog="Example: dhishoom models list --json")
def list_models(as_json: AsJson = False) -> None:
    """Every model that --model and model.name take, the default first."""
    rows = []
    for name in names():
        try:
            card = card_of(name)
        except ModelError as error:
            output.warn(str(error))
            continue
        if as_json:
            output.print_json(_entry(name, card))
        else:
            rows.append(_row(name, card))
    for embedder, path in embedder_files(user_folder()).items():
        if as_json:
            output.print_json(_embedder_entry(path))
        else:
            rows.append([embedder, "", "", "", "", "", f"{path.stat().st_size / 1000:.0f}", "an embedder"])
    if as_json:
        return
    output.print_result(output.table("", COLUMNS, rows, right=COLUMNS[2:-1]))
    output.say(f"`dhishoom models show NAME` shows a card. Your own .onnx with its .json belongs in {user_folder()}.")


@models.command("show", epilog="Example: dhishoom models show dhishoom-small-open-1")
def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="One of the list, or a path to an .onnx file.")],
    as_json: AsJson = False,
) -> None:
    """A model's card: licence, data, what was measured with its intervals, thresholds and limits."""
    embedders = embedder_files(user_folder())
    if name in embedders and name not in names():
        output.print_json(_embedder_entry(embedders[name]))
        return
    card = card_of(name)
    if as_json:
        output.print_json(_whole(card))
        return
    for line in _lines(card):
        output.print_result(escape(line))


def _entry(name: str, card: ModelCard) -> Json:
    return {
        "type": "model",
        "name": name,
        "default": name == DEFAULT,
        "licence": card.licence,
        "alert": card.alert,
        "possible": card.possible,
        "sample_rate": card.sample_rate,
        "window_s": round(card.window_s, 6),
        "bytes": _bytes_of(name),
        "summary": _summary(card),
    }


def _embedder_entry(path: Path) -> Json:
    """An embedder's card; it embeds sound for a frame-level model and is no detector by itself."""
    card = msgspec.to_builtins(read_embedder_card(path.with_suffix(".json")))
    return {"type": "embedder", "bytes": path.stat().st_size, **card}


def _bytes_of(name: str) -> int:
    path = model_files().get(name)
    return path.stat().st_size if path else 0


def _row(name: str, card: ModelCard) -> list[str]:
    size = _bytes_of(name)
    return [
        name,
        card.licence,
        f"{card.alert:.3f}",
        f"{card.possible:.3f}",
        str(card.sample_rate),
        f"{card.window_s:g}",
        f"{size / 1000:.0f}" if size else "",
        "the default" if name == DEFAULT else "",
    ]


def _summary(card: ModelCard) -> str:
    return str((card.card or {}).get("summary", ""))


def _whole(card: ModelCard) -> Json:
    told = {field.name: getattr(card, field.name) for field in fields(card)}
    return {"type": "model_card", **told}


def _lines(card: ModelCard) -> Iterator[str]:
    """The card for people: first what everyone must know, then the rest as its maker wrote it."""
    rest = dict(card.card or {})
    yield f"{card.name}  ({card.licence or 'no licence stated: ask before you use it'})"
    if summary := rest.pop("summary", ""):
        yield str(summary)
    yield from _told("limits", rest.pop("limits", []), 0)
    yield f"thresholds: alert {card.alert:.3f}, possible {card.possible:.3f}, rejected as another class {card.reject:g}"
    yield f"hears: windows of {card.window_s:g} s at {card.sample_rate} Hz, a score every {card.hop_s * 1000:g} ms"
    yield f"classes: {', '.join(card.classes)}"
    for key, value in rest.items():
        yield from _told(key, value, 0)


def _told(key: str, value: Any, depth: int) -> Iterator[str]:
    """A value under its name; figures with their interval and number on one line."""
    margin, name = "  " * depth, key.replace("_", " ")
    figure = _figure(value)
    if figure is not None:
        yield f"{margin}{name}: {figure}"
    elif isinstance(value, Mapping):
        yield f"{margin}{name}:"
        for inner_key, inner in value.items():
            yield from _told(str(inner_key), inner, depth + 1)
    else:
        yield f"{margin}{name}:"
        for inner in value:
            yield f"{margin}  - {_plain(inner)}"


def _figure(value: Any) -> str | None:
    """A value that fits on its name's line; None where it needs lines of its own."""
    if isinstance(value, Mapping):
        return _measured(value)
    if isinstance(value, str) or not isinstance(value, Sequence):
        return _plain(value)
    if any(isinstance(one, (str, Mapping, list, tuple)) for one in value):
        return None
    shown = ", ".join(_plain(one) for one in value[:ENTRIES_MAX])
    return shown + (f", ... ({len(value)} in all)" if len(value) > ENTRIES_MAX else "")


def _measured(value: Mapping[str, Any]) -> str | None:
    """`0.40 (0.31 to 0.48; recordings 78)`, or plain pairs on one line; None for anything deeper."""
    if any(isinstance(inner, (Mapping, list, tuple)) for name, inner in value.items() if name != "interval"):
        return None
    counts = [
        f"{name.replace('_', ' ')} {_plain(inner)}"
        for name, inner in value.items()
        if name not in ("value", "interval")
    ]
    interval = value.get("interval")
    within = [f"{_plain(interval[0])} to {_plain(interval[1])}"] if interval else []
    if "value" not in value:
        return ", ".join(counts + [f"interval {text}" for text in within])
    aside = "; ".join(within + counts)
    return f"{_plain(value['value'])} ({aside})" if aside else _plain(value["value"])


def _plain(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "not measured"}[value]
    return f"{value:.4g}" if isinstance(value, float) else str(value)
