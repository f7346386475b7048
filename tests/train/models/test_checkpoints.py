"""Files of weights that others published: read by name, never executed, and refused in words where they are damaged."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhishoom.errors import ModelError
from dhishoom.train.models.checkpoints import read_checkpoint
from tests.train.models.files import write_keras, write_torch

ARRAYS = {
    "a/weights": np.arange(24, dtype=np.float32).reshape(2, 3, 4),
    "a/biases": np.array([1.5, -2], np.float32),
}
DATA = Path(__file__).parent / "data"


def _write_npz(path: Path, arrays: dict[str, np.ndarray]) -> Path:
    with path.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]
    return path


WRITERS: dict[str, Callable[[Path, dict[str, np.ndarray]], Path]] = {
    "torch": write_torch, "keras": write_keras, "npz": _write_npz,
}  # fmt: skip


@pytest.mark.parametrize("form", WRITERS)
def test_arrays_come_back_by_name(tmp_path: Path, form: str) -> None:
    """Whatever the file is called; Keras keeps them within a group of the layer's name."""
    found = read_checkpoint(WRITERS[form](tmp_path / "weights.bin", ARRAYS))

    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(found[f"a/{name}" if form == "keras" else name], array)


class _Bomb:
    """Writes a file when it is unpickled."""

    def __init__(self, target: Path) -> None:
        self._target = str(target)

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return open, (self._target, "w")


@pytest.mark.parametrize("protocol", [0, 1, 2, 4, 5])
def test_a_file_that_would_execute_code_on_load_is_refused_and_nothing_runs(tmp_path: Path, protocol: int) -> None:
    """Pickled in every protocol, as the old form of PyTorch's files."""
    path, sign = tmp_path / "vggish.pth", tmp_path / "ran"
    path.write_bytes(b"\x80\x02" + pickle.dumps(_Bomb(sign), protocol).lstrip(b"\x80")[1 if protocol >= 2 else 0 :])

    with pytest.raises(ModelError, match="Nothing in it was executed"):
        read_checkpoint(path)
    assert not sign.exists()


@pytest.mark.parametrize(
    "before",
    [
        b"cos\nsystem\nX\x04\x00\x00\x00true\x85R0",
        b"c__builtin__\neval\nX\x01\x00\x00\x001\x85R0",
        b"cbuiltins\ngetattr\n0",
        b"ctorch.serialization\nload\n0",
        b"X\x02\x00\x00\x00osX\x06\x00\x00\x00system\x930",
        b"(X\x04\x00\x00\x00trueios\nsystem\n0",
    ],
)
def test_a_zip_of_pytorch_that_names_anything_but_tensors_is_refused(tmp_path: Path, before: bytes) -> None:
    """By any of the ways in which a pickle calls something; the tensors after it do not excuse it."""
    path = write_torch(tmp_path / "vggish.pth", ARRAYS, before=before)

    with pytest.raises(ModelError, match="execute code on load"):
        read_checkpoint(path)


def test_an_array_of_objects_in_a_npz_is_refused(tmp_path: Path) -> None:
    """NumPy would unpickle it."""
    with pytest.raises(ModelError, match="execute code on load"):
        read_checkpoint(_write_npz(tmp_path / "x.npz", {"a": np.array([{}], object)}))


def test_a_keras_file_that_points_to_another_file_is_refused(tmp_path: Path) -> None:
    """Numbers in a file beside it might be anybody's."""
    (tmp_path / "secret").write_bytes(b"\0" * 64)
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("a", (4,), "f4", external=[(str(tmp_path / "secret"), 0, 16)])

    with pytest.raises(ModelError, match="lies in another file"):
        read_checkpoint(path)


@pytest.mark.parametrize("form", WRITERS)
@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.9, 0.995])
def test_a_file_that_was_cut_short_is_refused(tmp_path: Path, form: str, share: float) -> None:
    """At whatever place."""
    path = WRITERS[form](tmp_path / "x", ARRAYS)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])

    with pytest.raises(ModelError):
        read_checkpoint(path)


@given(st.data())
def test_a_damaged_table_of_names_ends_in_words(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """One byte of PyTorch's zip changed: either arrays, or an error of ours."""
    path = write_torch(tmp_path_factory.mktemp("damaged") / "x.pt", ARRAYS)
    content = bytearray(path.read_bytes())
    at = data.draw(st.integers(0, len(content) - 1))
    content[at] = data.draw(st.integers(0, 255))
    path.write_bytes(bytes(content))

    try:
        found = read_checkpoint(path)
    except ModelError:
        return
    assert all(isinstance(one, np.ndarray) for one in found.values())


@pytest.mark.parametrize(
    "content", [b"", b"PK", b"text", b"<html>not found</html>", b"\x80\x02.", b"\x89HDF\r\n\x1a\n"]
)
def test_what_is_no_file_of_weights_is_refused(tmp_path: Path, content: bytes) -> None:
    """With what can be read."""
    path = tmp_path / "x"
    path.write_bytes(content)

    with pytest.raises(ModelError):
        read_checkpoint(path)


def test_what_is_not_there_is_told(tmp_path: Path) -> None:
    """By its path."""
    with pytest.raises(ModelError, match="cannot be read"):
        read_checkpoint(tmp_path / "nothing.ckpt")


@pytest.mark.parametrize("name", ["tensorflow_1.ckpt", "tensorflow_2.ckpt", "tensorflow_2.ckpt.index"])
def test_both_forms_of_tensorflow_s_checkpoints_are_read_without_it(name: str) -> None:
    """Files that TensorFlow 2.21 wrote: one variable of four axes, one of two, a bias; a counter is left out."""
    found = read_checkpoint(DATA / name)

    assert set(found) == {"vggish/conv1/weights", "vggish/conv1/biases", "vggish/fc2/weights"}
    np.testing.assert_array_equal(found["vggish/conv1/weights"], np.arange(36, dtype=np.float32).reshape(3, 3, 1, 4))
    np.testing.assert_array_equal(found["vggish/conv1/biases"], np.array([1.5, -2, 0, 7], np.float32))
    np.testing.assert_array_equal(found["vggish/fc2/weights"].ravel(), np.linspace(-1, 1, 4096, dtype=np.float32))


@pytest.mark.parametrize("form", [1, 2])
@given(data=st.data())
def test_a_damaged_checkpoint_of_tensorflow_ends_in_words(
    tmp_path_factory: pytest.TempPathFactory, form: int, data: st.DataObject
) -> None:
    """One byte of its table changed, or its end missing."""
    folder = tmp_path_factory.mktemp("damaged")
    for path in DATA.glob(f"tensorflow_{form}*"):
        (folder / path.name).write_bytes(path.read_bytes())
    table = folder / ("tensorflow_1.ckpt" if form == 1 else "tensorflow_2.ckpt.index")
    content = bytearray(table.read_bytes())
    at = data.draw(st.integers(0, len(content) - 1))
    content[at] = data.draw(st.integers(0, 255))
    table.write_bytes(bytes(content[: data.draw(st.integers(at, len(content)))]))

    try:
        found = read_checkpoint(table)
    except ModelError:
        return
    assert all(isinstance(one, np.ndarray) for one in found.values())


def test_a_checkpoint_whose_numbers_are_cut_short_is_refused(tmp_path: Path) -> None:
    """The data file beside the table ends too early, or is not there."""
    for path in DATA.glob("tensorflow_2*"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    numbers = next(tmp_path.glob("*.data-*"))
    numbers.write_bytes(numbers.read_bytes()[:100])
    with pytest.raises(ModelError, match="cut short"):
        read_checkpoint(tmp_path / "tensorflow_2.ckpt")

    numbers.unlink()
    with pytest.raises(ModelError, match="not beside it"):
        read_checkpoint(tmp_path / "tensorflow_2.ckpt")
