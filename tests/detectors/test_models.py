"""Models that do not fit their cards, cards that do not hold together, names that are not there: one sentence each."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhishoom.detectors import catalogue
from dhishoom.detectors.cards import CARD_BYTES_MAX, card_from_json, read_card, write_card
from dhishoom.detectors.catalogue import PREFERRED, SHIPPED, card_of, names, open_detector
from dhishoom.detectors.energy import CARD, EnergyDetector
from dhishoom.detectors.onnx import OnnxDetector
from dhishoom.detectors.stretches import AT_ONCE
from dhishoom.errors import DhishoomError, ModelError

NETWORK = sorted(SHIPPED.glob("*.onnx"))[0]


@pytest.fixture
def model(tmp_path):
    """A copy of a shipped network whose card is changed as asked; returns the path of the network."""

    def make(**changes):
        path = tmp_path / "mine.onnx"
        shutil.copy(NETWORK, path)
        told = json.loads(NETWORK.with_suffix(".json").read_bytes())
        path.with_suffix(".json").write_text(json.dumps(told | {"name": "mine"} | changes), encoding="utf-8")
        return path

    return make


def refusal(path):
    """The one sentence with which opening it fails."""
    with pytest.raises(ModelError) as caught:
        OnnxDetector(path)
    message = str(caught.value)
    assert len(message) < 500
    assert "Traceback" not in message
    assert caught.value.exit_code == 6
    return message


def test_a_network_and_its_card_open_together(model):
    """By path, with the card's name."""
    assert open_detector(str(model())).card.name == "mine"


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"sample_rate": 16_000}, "do not belong together"),
        ({"left_s": 0.6}, "do not belong together"),
        ({"left_s": 0.04, "right_s": 0.04, "step_s": 0.1}, "does not take windows of 2160 samples"),
        ({"classes": ["gunshot", "door"]}, "do not belong together"),
        ({"hop_s": 0.01}, "do not belong together"),
        ({"gunshot_classes": ["bang"]}, "bang"),
        ({"guard_s": 0.9}, "guard_s"),
        ({"possible": 0.9, "alert": 0.2}, "possible <= alert"),
        ({"calibration": [[0.0, 0.5], [1.0, 0.2]]}, "does not rise"),
        ({"sample_rate": 100}, "sample_rate 100"),
        ({"samplerate": 12_000}, "did you mean 'sample_rate'"),
        ({"alert": "high"}, "alert"),
        ({"classes": []}, "classes"),
    ],
)
def test_a_card_that_does_not_fit_is_refused(model, changes, says):
    """It names the file and what does not fit."""
    message = refusal(model(**changes))
    assert says in message
    assert "mine" in message


def test_a_missing_card_and_a_missing_network_are_named(model, tmp_path):
    """What lacks, and where it belongs."""
    path = model()
    path.with_suffix(".json").unlink()
    assert "belongs beside the .onnx" in refusal(path)
    shutil.copy(NETWORK.with_suffix(".json"), tmp_path / "gone.json")
    assert "gone.onnx" in refusal(tmp_path / "gone.onnx")


@pytest.mark.parametrize("kept", [0, 10, 1000, 100_000])
def test_a_truncated_network_is_refused(model, kept):
    """A download that broke off."""
    path = model()
    path.write_bytes(NETWORK.read_bytes()[:kept])
    assert "mine.onnx" in refusal(path)


def test_what_is_no_network_at_all_is_refused(model):
    """A web page that was saved under its name; a card that is no JSON, or no card."""
    path = model()
    path.write_text("<html>not found</html>", encoding="utf-8")
    assert "mine.onnx" in refusal(path)
    path.with_suffix(".json").write_text("{", encoding="utf-8")
    assert "is not JSON" in refusal(path)
    path.with_suffix(".json").write_text("x" * (CARD_BYTES_MAX + 1), encoding="utf-8")
    assert "no model card" in refusal(path)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=6,
    ),
    st.sampled_from([*json.loads(NETWORK.with_suffix(".json").read_bytes()), "other"]),
)
def test_any_field_of_a_card_may_hold_anything(value, name):
    """A card or a refusal in words."""
    told = json.loads(NETWORK.with_suffix(".json").read_bytes()) | {name: value}
    try:
        card = card_from_json(told, where="card.json")
    except ModelError as error:
        card = None
        message = str(error)
    assert card is not None or "card.json" in message


def test_a_card_is_written_whole_and_read_again(tmp_path):
    """The same card; nothing half-written beside it."""
    write_card(CARD, tmp_path / "a.json")
    assert read_card(tmp_path / "a.json") == replace(CARD, card=dict(CARD.card))
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_the_default_is_the_best_that_is_shipped_and_comes_first():
    """Whoever names no model gets one that opens."""
    assert catalogue.DEFAULT in PREFERRED
    assert names()[0] == catalogue.DEFAULT
    assert names()[-1] == "energy" or catalogue.DEFAULT == "energy"
    assert open_detector().card.name == catalogue.DEFAULT == card_of(catalogue.DEFAULT).name


def test_a_misspelt_name_is_corrected():
    """The nearest name; else all of them."""
    with pytest.raises(ModelError, match="Did you mean energy"):
        open_detector("enrgy")
    with pytest.raises(ModelError, match="There are: "):
        open_detector("qqqqqq")
    with pytest.raises(ModelError, match=r"ending in \.onnx"):
        open_detector("/no/such/file.onnx")


def test_the_operators_own_models_are_found(model, monkeypatch):
    """By name, in the folder that the environment tells; one of a shipped name comes before it."""
    path = model()
    monkeypatch.setenv("DHISHOOM_MODELS", str(path.parent))
    assert "mine" in names()
    assert open_detector("mine").card.name == "mine"
    for suffix in (".onnx", ".json"):
        path.with_suffix(suffix).rename(path.with_name(NETWORK.stem + suffix))
    assert card_of(NETWORK.stem).name == "mine"


def test_batches_larger_than_go_through_at_once_are_cut_and_joined():
    """In order, none lost."""
    detector = OnnxDetector(NETWORK)
    length = round(detector.card.window_s * detector.card.sample_rate)
    batch = 0.1 * np.random.default_rng(0).standard_normal((2 * AT_ONCE + 3, length)).astype(np.float32)
    assert (detector.scores(batch) == np.concatenate([detector.scores(one[None]) for one in batch])).all()


@pytest.mark.parametrize("takes_one_length", [False, True])
def test_a_network_that_listens_to_its_whole_window_never_gets_a_longer_one(tmp_path, takes_one_length: bool):
    """Its input names no length, but it takes one alone, or says of an instant what depends on all of the window."""
    onnx = pytest.importorskip("onnx")
    node, value = onnx.helper.make_node, onnx.helper.make_tensor_value_info
    nodes = [
        node("Reshape", ["audio", "window"], ["one"]) if takes_one_length else node("Identity", ["audio"], ["one"]),
        node("Unsqueeze", ["one", "axis"], ["sound"]),
        node("AveragePool", ["sound"], ["level"], kernel_shape=[480], strides=[240], pads=[120, 120]),
        node("ReduceMean", ["level"], ["mean"], axes=[2]),
        node("Sub", ["level", "mean"], ["above"]),
        node("Sigmoid", ["above"], ["told"]),
        node("Transpose", ["told"], ["scores"], perm=[0, 2, 1]),
    ]
    graph = onnx.helper.make_graph(
        nodes,
        "whole",
        [value("audio", onnx.TensorProto.FLOAT, ["batch", "samples"])],
        [value("scores", onnx.TensorProto.FLOAT, ["batch", "frames", 1])],
        [
            onnx.numpy_helper.from_array(np.array([1]), "axis"),
            onnx.numpy_helper.from_array(np.array([0, 12_960]), "window"),
        ],
    )
    path = tmp_path / "whole.onnx"
    onnx.save(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8), path)
    card = replace(read_card(NETWORK.with_suffix(".json")), name="whole", classes=("gunshot",), calibration=())
    write_card(replace(card, left_s=0.04, right_s=0.04, guard_s=0.04), path.with_suffix(".json"))
    detector = OnnxDetector(path)
    sound = np.random.default_rng(0).standard_normal(12_960 + 12_000).astype(np.float32)
    pair = np.stack([sound[:12_960], sound[12_000:]])
    assert not detector.any_length
    assert (detector.scores(pair) == np.concatenate([detector.scores(one[None]) for one in pair])).all()


def test_digital_silence_among_sound_is_what_the_network_says_of_it():
    """Answered from memory, in its place; a single sample that is not zero is sound."""
    detector = OnnxDetector(NETWORK)
    length = round(detector.card.window_s * detector.card.sample_rate)
    batch = np.zeros((5, length), np.float32)
    batch[1], batch[3, 12_345] = 0.1 * np.random.default_rng(0).standard_normal(length), 0.5
    assert (detector.scores(batch) == detector._run(batch)).all()
    assert (detector.scores(batch[[0, 2]]) == detector._run(batch[[0, 2]])).all()


def test_energy_rises_with_the_level_of_a_bang():
    """The baseline: half at 20 dB over the quarter second before, and monotonic."""
    rng = np.random.default_rng(0)
    length = round(CARD.window_s * CARD.sample_rate)
    peaks = []
    for rise_db in (0, 10, 20, 30, 40):
        sound = 0.001 * rng.standard_normal(length)
        sound[9600:9720] *= 10 ** (rise_db / 20)
        peaks.append(float(EnergyDetector().scores(sound[None].astype(np.float32)).max()))
    assert peaks == sorted(peaks)
    assert peaks[0] < 0.05 < 0.3 < peaks[2] < 0.7 < 0.95 < peaks[-1]


def test_every_refusal_is_one_of_ours():
    """So that the command line shows a sentence and no traceback."""
    assert issubclass(ModelError, DhishoomError)
