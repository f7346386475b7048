"""Frame-level models: published sizes and names, what they make of sequences, and the detectors they become."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed (pip install 'dhishoom[train]')")

from dhishoom.detectors.catalogue import open_detector  # noqa: E402
from dhishoom.detectors.front_ends import VGGISH, examples  # noqa: E402
from dhishoom.errors import ModelError  # noqa: E402
from dhishoom.train.models.assemble import Trained, exported, write_detector  # noqa: E402
from dhishoom.train.models.embedders import Embedder, EmbedderCard, write_embedder_card  # noqa: E402
from dhishoom.train.models.frame_level import KINDS, BasicLstmCell, MoeHead, frame_level  # noqa: E402
from dhishoom.train.models.graphs import write  # noqa: E402
from dhishoom.train.models.light import LightVgg, folded  # noqa: E402
from dhishoom.train.models.light_plan import WIDTH, levelled, light_graph  # noqa: E402
from dhishoom.train.models.sequences import FRAMES, LENGTH, RATE  # noqa: E402
from dhishoom.train.models.sizes import PUBLISHED, SMALL  # noqa: E402
from dhishoom.train.recordings import Recording  # noqa: E402

MOE = {
    "head.gates_weights": (1024, 3862 * 3),
    "head.experts_weights": (1024, 3862 * 2),
    "head.experts_biases": (3862 * 2,),
}
YOUTUBE8M = {
    "logistic": {"fully_connected_weights": (1152, 3862), "fully_connected_biases": (3862,)},
    "dbof": {
        "input_bn.weight": (1152,), "cluster_weights": (1152, 8192), "cluster_bn.weight": (8192,),
        "hidden1_weights": (8192, 1024), "hidden1_bn.weight": (1024,), **MOE,
    },
    "lstm": {
        "cells.0.kernel": (1152 + 1024, 4096), "cells.0.bias": (4096,), "cells.1.kernel": (2048, 4096),
        "cells.1.bias": (4096,), **MOE,
    },
    "netvlad": {
        "input_bn.weight": (1152,), "gating_weights_2": (1024, 1024), "gating_bn.weight": (1024,),
        "video_VLAD.cluster_weights": (1024, 64), "video_VLAD.cluster_weights2": (1, 1024, 64),
        "audio_VLAD.cluster_weights": (128, 32), "audio_VLAD.cluster_weights2": (1, 128, 32),
        "hidden1_weights": (1024 * 64 + 128 * 32, 1024), **MOE,
    },
}  # fmt: skip


def shapes(model: object) -> dict[str, tuple[int, ...]]:
    """Of every learnt number."""
    return {name: tuple(one.shape) for name, one in model.named_parameters()}  # type: ignore[attr-defined]


@pytest.mark.parametrize("kind", YOUTUBE8M)
def test_layouts_of_youtube_8m_have_their_published_names_and_sizes(kind: str) -> None:
    """Picture and sound, 3862 classes; nothing is allocated."""
    with torch.device("meta"):
        found = shapes(frame_level(kind, 1152, 3862, PUBLISHED[kind]))

    assert found.items() >= YOUTUBE8M[kind].items()


def test_multi_level_attention_has_its_published_names_and_sizes() -> None:
    """527 classes of AudioSet on embeddings of 128."""
    with torch.device("meta"):
        found = shapes(frame_level("attention", 128, 527, PUBLISHED["attention"]))

    assert found.items() >= {
        "emb.bn0.weight": (128,), "emb.conv1.weight": (1024, 128, 1, 1), "emb.conv3.weight": (1024, 1024, 1, 1),
        "attention.att.weight": (527, 1024, 1, 1), "attention.cla.bias": (527,), "fc_final.weight": (527, 1054),
    }.items()  # fmt: skip


@pytest.mark.parametrize("classes", [2, 527])
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_gives_probabilities_that_do_not_depend_on_the_batch(kind: str, classes: int) -> None:
    """Of two classes or of AudioSet's 527."""
    torch.manual_seed(0)
    model = frame_level(kind, 128, classes, SMALL[kind]).eval()
    frames = torch.randn(4, FRAMES, 128)

    with torch.no_grad():
        told, one = model(frames), model(frames[2:3])

    assert told.shape == (4, classes)
    assert ((told >= 0) & (told <= 1)).all()
    torch.testing.assert_close(told[2:3], one)


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"lstm"}))
def test_only_an_lstm_minds_the_order_of_the_frames(kind: str) -> None:
    """The others judge a bag."""
    torch.manual_seed(0)
    frames = torch.randn(2, FRAMES, 128)
    model, lstm = (frame_level(one, 128, 2, SMALL[one]).eval() for one in (kind, "lstm"))

    with torch.no_grad():
        torch.testing.assert_close(model(frames), model(frames.flip(1)))
        assert not torch.allclose(lstm(frames), lstm(frames.flip(1)))


def test_experts_vote_by_their_gates_and_the_last_gate_votes_for_nothing() -> None:
    """By hand, for one class: gates of equal weight, experts of certainty."""
    head = MoeHead(1, 1)
    with torch.no_grad():
        head.gates_weights.zero_()
        head.experts_weights.fill_(100.0)

    assert head(torch.ones(1, 1)).item() == pytest.approx(2 / 3)


def test_an_lstm_cell_is_that_of_pytorch_with_its_gates_in_another_order() -> None:
    """i, j, f, o with a forget bias of one, against i, f, g, o."""
    torch.manual_seed(0)
    own, theirs = BasicLstmCell(3, 4), torch.nn.LSTMCell(3, 4)
    order = [0, 2, 1, 3]
    blocks, biases = own.kernel.chunk(4, dim=1), list(own.bias.detach().chunk(4))
    biases[2] = biases[2] + 1
    with torch.no_grad():
        theirs.weight_ih.copy_(torch.cat([blocks[at][:3].T for at in order]))
        theirs.weight_hh.copy_(torch.cat([blocks[at][3:].T for at in order]))
        theirs.bias_ih.copy_(torch.cat([biases[at] for at in order]))
        theirs.bias_hh.zero_()
        signal, state = torch.randn(2, 3), (torch.randn(2, 4), torch.randn(2, 4))

        torch.testing.assert_close(own(signal, state), theirs(signal, state))


def test_a_kind_there_is_not_says_which_there_are() -> None:
    """By name."""
    with pytest.raises(ModelError, match="netvlad"):
        frame_level("transformer", 128, 2, SMALL["dbof"])


def test_a_bag_of_frames_learns_from_frames_drawn_at_random() -> None:
    """While it learns, of a long sequence; afterwards it takes all and says the same twice."""
    torch.manual_seed(0)
    model = frame_level("dbof", 128, 2, SMALL["dbof"])
    frames = torch.randn(8, 60, 128)

    with torch.no_grad():
        assert not torch.equal(model.train()(frames), model(frames))
        assert torch.equal(model.eval()(frames), model(frames))


@pytest.fixture(scope="module")
def embedder(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, LightVgg]:
    """An untaught light variant, as a file and as a network."""
    torch.manual_seed(0)
    network = LightVgg()
    with torch.no_grad():
        network(torch.randn(8, 96, 64))  # so that its norms have seen something
    network.eval()
    path = tmp_path_factory.mktemp("models") / "embedders" / "light.onnx"
    write(light_graph(folded(network), VGGISH), path)
    card = EmbedderCard(name="light", front_end="vggish", width=WIDTH, parameters=1, licence="Apache-2.0", summary="")
    write_embedder_card(card, path.with_suffix(".json"))
    return path, network


def bang(at_s: float) -> np.ndarray:
    """Quiet noise with one burst, as long as a window."""
    rng = np.random.default_rng(0)
    sound = 1e-3 * rng.standard_normal(LENGTH)
    start = round(at_s * RATE)
    sound[start : start + 800] += 0.5 * rng.standard_normal(800) * np.exp(-np.arange(800) / 200)
    return sound.astype(np.float32)


def test_the_light_variant_s_graph_embeds_as_its_network_does(embedder: tuple[Path, LightVgg]) -> None:
    """Levelling and pictures inside, batch norms folded; however loud the sound is."""
    path, network = embedder
    sound = np.stack([bang(1.0), 1e-3 * bang(3.0)])

    told = Embedder(path).embed(sound)

    with torch.no_grad():
        for one, samples in zip(told, sound, strict=True):
            expected = network(torch.from_numpy(examples(levelled(samples), RATE, VGGISH))).numpy()
            np.testing.assert_allclose(one, expected, atol=1e-4 * max(1, np.abs(expected).max()))


@pytest.mark.parametrize("kind", KINDS)
def test_a_frame_level_model_becomes_a_detector_that_places_its_score(
    embedder: tuple[Path, LightVgg], tmp_path: Path, kind: str
) -> None:
    """Opened by its path as any other; the largest score is the sequence's, and a burst's frame has its second's."""
    torch.manual_seed(0)
    path, network = embedder
    model = frame_level(kind, WIDTH, 2, SMALL[kind]).eval()
    trained = Trained(kind=kind, classes=("gunshot", "other"), minutes=0.1, examples=1)
    judged = [
        Recording(key=str(n), path=tmp_path, source="x", group=str(n), label=label, use="validate")
        for n, label in enumerate(["gunshot", "gunshot", "rain", "door_slam"])
    ]
    scores = np.array([[0.9, 0.1], [0.7, 0.2], [0.1, 0.9], [0.3, 0.8]], np.float32)

    with torch.no_grad():
        heard = np.stack(
            [network(torch.from_numpy(examples(levelled(bang(at_s)), RATE, VGGISH))).numpy() for at_s in (1, 2, 3, 4)]
        )

    card = write_detector(model, trained, path, heard, scores, np.arange(4), judged, tmp_path)

    detector = open_detector(str(tmp_path / f"{card.name}.onnx"))
    assert detector.card == card
    assert card.name == f"light-{kind}-2"
    sound = np.stack([bang(2.5), bang(0.4)])
    told = detector.scores(sound)
    assert told.shape == (2, 240, 2)
    np.testing.assert_allclose(told[1], detector.scores(sound[1:])[0], atol=1e-5)
    with torch.no_grad():
        pictures = torch.from_numpy(examples(levelled(sound[0]), RATE, VGGISH))
        whole = model(network(pictures)[None]).numpy()[0]
    np.testing.assert_allclose(told[0].max(axis=0), whole, atol=1e-3)
    assert np.count_nonzero(told[0, :, 0]) == FRAMES
    assert told[0, 125, 0] > 0
    assert told[1, 20, 0] > 0


def test_a_network_that_onnx_computes_otherwise_is_not_kept() -> None:
    """Noise in the network: the two never agree."""

    class Noisy(torch.nn.Module):  # type: ignore[misc]
        def forward(self, frames: torch.Tensor) -> torch.Tensor:
            """Another answer each time."""
            return torch.rand_like(frames[:, 0, :2])

    with pytest.raises(ModelError, match="ONNX and torch differ"):
        exported(Noisy(), np.zeros((3, FRAMES, WIDTH), np.float32))


def test_many_classes_hear_a_gun_by_their_gun_classes_and_never_by_an_explosion() -> None:
    """As the forerunner did it."""
    trained = Trained(
        kind="dbof", classes=("Speech", "Explosion", "Gunshot, gunfire", "Cap gun"), minutes=0.0, examples=0
    )

    assert trained.guns == ("Gunshot, gunfire", "Cap gun")
    assert trained.gun_score(np.array([[0.1, 0.9, 0.2, 0.3]], np.float32)).tolist() == pytest.approx([0.3])
