"""VGGish: its published layout, its graph against NumPy, and what importing makes of weights."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper
from typer.testing import CliRunner

from dhishoom.cli import application
from dhishoom.detectors.front_ends import VGGISH, examples
from dhishoom.detectors.postprocessing import Postprocessor, dequantise, read_postprocessor
from dhishoom.errors import ModelError
from dhishoom.train.models.embedders import Embedder
from dhishoom.train.models.graphs import OPSET, Graph, pictures, vggish_graph
from dhishoom.train.models.importing import PUBLISHED, Smoke, import_vggish
from dhishoom.train.models.vggish import FORMS, PARAMETERS, Form, as_form, embed, layout, parameters, recognised
from tests.train.models.files import weights, write_torch


@pytest.fixture(scope="module")
def whole() -> dict[str, np.ndarray]:
    """Weights of VGGish's full size; embeddings deviate about as much as the published ones do."""
    drawn = weights()
    drawn["vggish/fc2/weights"] *= 0.05
    return drawn


@pytest.fixture(scope="module")
def golden(shared: Path) -> dict[str, np.ndarray]:
    """Waveforms and pictures by the reference algorithm."""
    with np.load(shared / "weights" / "vggish_golden.npz") as kept:
        return dict(kept)


def run(graph: bytes, audio: np.ndarray, output: str = "embedding") -> np.ndarray:
    """The graph's answer to [batch, samples]."""
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    return np.asarray(session.run([output], {"audio": audio.astype(np.float32)})[0])


def test_names_and_shapes_are_the_published_ones_in_all_three_forms(shared: Path) -> None:
    """72 141 184 numbers."""
    with (shared / "weights" / "vggish_layout.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))

    for form in FORMS:
        listed = {row["name"]: tuple(map(int, row["shape"].split("x"))) for row in rows if row["form"] == form}
        assert layout(form) == listed
    assert parameters() == PARAMETERS == int(rows[-1]["shape"])


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_weights(whole: dict[str, np.ndarray], form: Form) -> None:
    """Names and order of axes changed, and back."""
    arrays = as_form(whole, form)
    assert {name: array.shape for name, array in arrays.items()} == layout(form)

    found, back = recognised(arrays | {"pproc.pca_means": np.zeros((128, 1)), "global_step": np.zeros(())})

    assert found == form
    assert all(np.array_equal(back[name], array) for name, array in whole.items())


def test_the_front_end_in_the_graph_is_the_published_one(golden: dict[str, np.ndarray]) -> None:
    """Pictures of three sounds to 1e-4, in float32."""
    graph = Graph()
    pictures(graph, VGGISH)
    made = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "front end",
            [helper.make_tensor_value_info("audio", TensorProto.FLOAT, ["batch", "samples"])],
            [helper.make_tensor_value_info("pictures", TensorProto.FLOAT, ["n", 1, 96, 64])],
            graph.weights,
        ),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=9,
    )
    onnx.checker.check_model(made)

    for name in ("sine1k_3s", "noise_2p5s", "bursts_4s"):
        told = run(made.SerializeToString(), golden[f"{name}_wave"][None], "pictures")
        np.testing.assert_allclose(told[:, 0], golden[f"{name}_examples"], atol=1e-4)


@pytest.mark.parametrize("last_relu", [False, True])
def test_the_graph_embeds_as_numpy_does(golden: dict[str, np.ndarray], last_relu: bool) -> None:
    """With and without the last ReLU; a batch keeps its sounds apart, the rest of a picture is dropped."""
    thin, sound = weights(thin=True), golden["bursts_4s_wave"]
    graph = vggish_graph(thin, VGGISH, last_relu=last_relu)

    told = run(graph, np.stack([sound, sound[::-1]]))

    for one, samples in zip(told, (sound, sound[::-1]), strict=True):
        expected = embed(thin, examples(samples, 16_000, VGGISH), last_relu=last_relu)
        assert one.shape == (4, 128)
        np.testing.assert_allclose(one, expected, atol=1e-5 * max(1, np.abs(expected).max()))
    assert (told.min() >= 0) == last_relu


def test_the_postprocessor_in_the_graph_is_the_published_one(shared: Path, golden: dict[str, np.ndarray]) -> None:
    """What comes out is what YouTube-8M's readers make of the eight bits, but for a bit on the edge of two levels."""
    how = read_postprocessor(shared / "weights" / "vggish_pca_params.npz")
    thin, sound = weights(thin=True), golden["noise_2p5s_wave"]

    told = run(vggish_graph(thin, VGGISH, last_relu=False, postprocessor=how), sound[None])[0]

    expected = dequantise(how.quantise(embed(thin, examples(sound, 16_000, VGGISH), last_relu=False)))
    assert np.mean(np.abs(told - expected) < 1e-5) > 0.99
    assert np.abs(told - expected).max() < 4 / 255 + 1e-5


def test_an_import_embeds_as_its_weights_do_to_1e_5(
    whole: dict[str, np.ndarray], golden: dict[str, np.ndarray], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From a PyTorch file of full size to an ONNX file with a card, by the command; new weights are told."""
    monkeypatch.setenv("DHISHOOM_MODELS", str(tmp_path / "models"))
    file = write_torch(tmp_path / "vggish.pth", as_form(whole, "pytorch"))
    given = ["models", "import", "vggish", str(file), "--no-last-relu", "--json"]

    result = CliRunner().invoke(application(given), given)

    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert (told["form"], told["as_published"], told["last_relu"]) == ("pytorch", False, False)
    assert "smoke test does not hold" in result.stderr
    embedder = Embedder(tmp_path / "models" / "embedders" / "vggish.onnx")
    assert (embedder.card.parameters, embedder.card.licence) == (PARAMETERS, "")
    listed = CliRunner().invoke(application(["models"]), ["models", "list", "--json"]).stdout.splitlines()
    assert [json.loads(line)["name"] for line in listed if json.loads(line)["type"] == "embedder"] == ["vggish"]
    sound = golden["noise_2p5s_wave"][: VGGISH.example_samples]
    expected = embed(whole, examples(sound, 16_000, VGGISH), last_relu=False)
    np.testing.assert_allclose(embedder.embed(sound[None].astype(np.float32))[0], expected, atol=1e-5)


def test_weights_that_no_test_knows_need_a_word_about_the_relu(whole: dict[str, np.ndarray], tmp_path: Path) -> None:
    """Nobody can tell whether one follows the last layer; nothing is kept."""
    file = tmp_path / "x.npz"
    np.savez(file, **whole)  # type: ignore[arg-type]

    with pytest.raises(ModelError, match="Say --last-relu"):
        import_vggish(file, tmp_path / "models")
    assert not list((tmp_path / "models").rglob("*.onnx"))
    assert not list((tmp_path / "models").rglob("*.trial"))


def test_the_published_figures_agree_with_themselves_alone() -> None:
    """Within a tenth, as the published test has it; those with and without the ReLU are told apart."""
    assert PUBLISHED[False].agrees(Smoke(0.0007, 0.35, 125.0, 90.0))
    assert not PUBLISHED[False].agrees(Smoke(0.000657, 0.343, 150.0, 89.3))
    assert not PUBLISHED[False].agrees(Smoke(0.131, 0.238))
    assert PUBLISHED[True].agrees(Smoke(0.13, 0.24))
    assert not PUBLISHED[True].agrees(Smoke(0.000657, 0.343))


@pytest.mark.parametrize("wrong", ["other", "missing", "shape", "nan"])
def test_another_network_is_refused_with_what_does_not_fit(tmp_path: Path, wrong: str) -> None:
    """By the first thing that is not VGGish's."""
    shapes = layout("tf_slim")
    arrays = {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}
    expected = {"other": "another network", "missing": "fc2/biases is missing", "shape": r"\(64,\)", "nan": "finite"}
    if wrong == "other":
        arrays = {"resnet/conv1/weights": np.zeros((7, 7, 3, 64), np.float32)}
    elif wrong == "missing":
        del arrays["vggish/fc2/biases"]
    elif wrong == "shape":
        arrays["vggish/conv1/biases"] = np.zeros(65, np.float32)
    else:
        arrays["vggish/conv1/biases"] = np.full(64, np.nan, np.float32)

    with pytest.raises(ModelError, match=expected[wrong]):
        recognised(arrays)


def test_only_vggish_can_be_imported(tmp_path: Path) -> None:
    """Other names are told so."""
    given = ["models", "import", "openl3", str(tmp_path)]

    assert "vggish can" in str(CliRunner().invoke(application(given), given).exception)


def test_a_postprocessor_of_the_identity_changes_nothing_but_the_levels() -> None:
    """Whitening by an identity, then eight bits."""
    identity = Postprocessor(np.eye(128), np.zeros(128))

    np.testing.assert_allclose(identity.whiten(np.full(128, 3.0)), 2.0)
