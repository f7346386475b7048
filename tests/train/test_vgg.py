"""VGG configuration A: shapes, parameters, and what it is taught. Needs torch; skipped without."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed (pip install 'dhishoom[train]')")

from dhishoom.train.config import Config  # noqa: E402
from dhishoom.train.export import AGREEMENT, export_onnx  # noqa: E402
from dhishoom.train.labels import CLASSES  # noqa: E402
from dhishoom.train.network import network_of  # noqa: E402
from dhishoom.train.shapes import FrontEnd, NetworkShape  # noqa: E402
from dhishoom.train.vgg import Vgg, pooled  # noqa: E402


def test_it_has_eleven_layers_and_an_embedding_of_128() -> None:
    """Eight convolutions and three dense layers before the scores, as configuration A has."""
    network = Vgg(NetworkShape(kind="vgg", width=0.125, classes=31), 54)
    learnt = [part for part in network.modules() if isinstance(part, torch.nn.Conv2d | torch.nn.Linear)]
    own = [part for part in learnt if part.weight.requires_grad and part not in (network.head, network.opinion)]

    assert len(own) == 11
    assert own[-1].out_features == 128


@pytest.mark.parametrize("front_end", [FrontEnd(sample_rate=16000, frame=400, hop=160, bands=64, high_hz=7500.0)])
def test_a_window_has_one_score(front_end: FrontEnd) -> None:
    """The same for every frame: it knows that a shot was heard, not when."""
    network = Vgg(NetworkShape(kind="vgg", width=0.125, classes=31, front_end=front_end), 54).eval()

    with torch.no_grad():
        told = network(torch.randn(2, round(1.98 * 16000)) * 0.1)

    assert told.shape == (2, 31, 54)
    assert torch.equal(told[:, :, 0], told[:, :, -1])


def test_a_window_with_a_shot_teaches_a_shot_and_an_unsure_one_nothing() -> None:
    """Frame targets become one a window."""
    shot = torch.tensor([[0.0, 1.0], [0.0, 0.0], [0.0, 0.0]])
    weight = torch.tensor([[0.0, 1.0], [1.0, 1.0], [1.0, 0.1]])

    target, sure = pooled(shot, weight)

    assert target[:, 0].tolist() == [1.0, 0.0, 0.0]
    assert sure[:, 0].tolist() == [1.0, 1.0, 0.0]


@pytest.mark.parametrize("bands", [40, 64])
def test_it_is_exported_as_it_is(bands: int, tmp_path: Path) -> None:
    """Both pictures: ONNX gives what torch gives."""
    shape = NetworkShape(kind="vgg", width=0.0625, classes=len(CLASSES), front_end=FrontEnd(bands=bands))
    config = Config(name="t", licence="CC0", network=shape)

    assert export_onnx(network_of(config), config, tmp_path / "t.onnx") <= AGREEMENT
