"""Export: ONNX says what torch says, or nothing is kept. Needs torch; skipped without."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed (pip install 'dhishoom[train]')")

from dhishoom.errors import ModelError  # noqa: E402
from dhishoom.train import export  # noqa: E402
from dhishoom.train.config import Config  # noqa: E402
from dhishoom.train.labels import CLASSES  # noqa: E402
from dhishoom.train.network import Network  # noqa: E402

CONFIG = Config(name="t", licence="CC0")


@pytest.fixture(scope="module")
def network() -> Network:
    """Untrained, of the shipped shape."""
    torch.manual_seed(0)
    return Network(CONFIG.network).eval()


def test_onnx_and_torch_agree(network: Network, tmp_path: Path) -> None:
    """To 1e-4 on noise, clicks, a tone, silence and clipping."""
    assert export.export_onnx(network, CONFIG, tmp_path / "t.onnx") <= export.AGREEMENT
    assert (tmp_path / "t.onnx").is_file()


def test_a_graph_that_disagrees_is_not_kept(network: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that scores otherwise than what was trained must not be shipped by anyone."""
    monkeypatch.setattr(export, "disagreement", lambda *_: 0.5)

    with pytest.raises(ModelError, match="differ"):
        export.export_onnx(network, CONFIG, tmp_path / "t.onnx")
    assert not (tmp_path / "t.onnx").exists()


def test_a_card_is_plain_json(tmp_path: Path) -> None:
    """A figure that could not be told is null, since JSON knows no nan."""
    card = export.model_card(
        CONFIG, CLASSES, alert=0.9, possible=0.5, calibration=((0.0, 0.0), (1.0, 1.0)), about={"recall": float("nan")}
    )

    export.write_card(card, tmp_path / "t.json")

    read = json.loads((tmp_path / "t.json").read_text())
    assert read["card"] == {"recall": None}
    assert read["classes"][0] == "gunshot"
