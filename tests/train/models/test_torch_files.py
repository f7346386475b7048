"""Files that PyTorch itself wrote. Needs torch; skipped without."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dhishoom.train.models.checkpoints import read_checkpoint

torch = pytest.importorskip("torch", reason="torch is not installed (pip install 'dhishoom[train]')")


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("inside", ["", "state_dict"])
def test_both_forms_of_pytorch_s_files_are_read_without_it(tmp_path: Path, zipped: bool, inside: str) -> None:
    """A network's state dictionary, by itself or within a training checkpoint."""
    network = torch.nn.Sequential(torch.nn.Conv2d(1, 3, 3), torch.nn.BatchNorm2d(3), torch.nn.Linear(4, 2))
    state = network.state_dict()
    state["transposed"] = torch.arange(6.0).reshape(2, 3).T
    path = tmp_path / "x.pth"
    torch.save({inside: state, "step": 3} if inside else state, path, _use_new_zipfile_serialization=zipped)

    found = read_checkpoint(path)

    assert set(found) == set(state)
    for name, tensor in state.items():
        np.testing.assert_array_equal(found[name], tensor.numpy())
