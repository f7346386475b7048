"""`dhishoom models import`: weights that others published, read without executing anything in them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dhishoom.cli import output
from dhishoom.errors import UsageError


def import_model(
    kind: Annotated[str, typer.Argument(metavar="KIND", help="vggish")],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Of weights: TF-slim, PyTorch, Keras or NumPy.")],
    name: Annotated[str, typer.Option(help="Name to keep it under.")] = "vggish",
    last_relu: Annotated[
        bool | None, typer.Option("--last-relu/--no-last-relu", help="Whether a ReLU follows; else the test decides.")
    ] = None,
    pca: Annotated[Path | None, typer.Option(help="vggish_pca_params.npz, for the whole of the smoke test.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Import VGGish's published weights as ONNX with a card; shapes are checked, nothing in the file is executed."""
    from dhishoom.detectors.catalogue import user_folder

    if kind != "vggish":
        raise UsageError(f"{kind!r} cannot be imported; vggish can. YouTube-8M's models are trained here.")
    _need_onnx()
    from dhishoom.train.models.importing import import_vggish

    kept = import_vggish(file, user_folder(), name=name, last_relu=last_relu, pca=pca)
    if not kept.as_published:
        output.warn("the published smoke test does not hold for these weights: they are not the published ones.")
    if as_json:
        about = {"type": "imported", "name": name, "path": str(kept.path), "form": kept.form}
        output.print_json(about | {"sha256": kept.card.sha256, **kept.card.checks, "last_relu": kept.card.last_relu})
        return
    output.say(f"{kept.card.origin}, sha256 {kept.card.sha256}, last ReLU {'yes' if kept.card.last_relu else 'no'}")
    output.print_result(str(kept.path))


def _need_onnx() -> None:
    try:
        import onnx  # noqa: F401
    except ImportError as error:
        raise UsageError("Importing needs onnx, which is not here. Run: pip install 'dhishoom[import]'") from error
