"""Reviews: a shipped network goes on from its file, and what was dismissed stays away. Needs torch; skipped without."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed (pip install 'dhishoom[train]')")

from dhishoom.cli.train import train  # noqa: E402
from dhishoom.detectors.catalogue import SHIPPED  # noqa: E402
from dhishoom.detectors.onnx import OnnxDetector  # noqa: E402
from dhishoom.errors import ModelError, UsageError  # noqa: E402
from dhishoom.evaluate.hearing import hear, prepare  # noqa: E402
from dhishoom.evaluate.pittsburgh import live_fire_tests  # noqa: E402
from dhishoom.evaluate.recordings import Recording, live_fire_recordings, read_manifest  # noqa: E402
from dhishoom.nouns import Chunk, Detection, Review  # noqa: E402
from dhishoom.stores.memory import MemoryStore  # noqa: E402
from dhishoom.train import reviews  # noqa: E402
from dhishoom.train.network import Scorer  # noqa: E402
from dhishoom.train.reviews import Reviewed, learn_from, network_of_file  # noqa: E402
from dhishoom.train.site_sounds import reviewed_sounds  # noqa: E402

MODEL = SHIPPED / "dhishoom-small-1.onnx"
RATE = 16_000
FALSE_ALARM = "audioset_fireworks/firework_yt_ewJuQI95FEU_00.flac"

if not MODEL.is_file():
    pytest.skip("dhishoom-small-1 is not here", allow_module_level=True)


def test_a_network_goes_on_from_its_file() -> None:
    """Read back from ONNX, it scores what the file scores."""
    detector = OnnxDetector(MODEL)
    audio = (np.random.default_rng(0).standard_normal((2, 23_760)) * 0.1).astype(np.float32)

    with torch.no_grad():
        told = Scorer(network_of_file(MODEL, detector.card))(torch.as_tensor(audio)).numpy()

    assert np.allclose(told, detector.scores(audio), atol=1e-4)


def test_a_reviewed_false_alarm_stays_away(shared: Path, tmp_path: Path) -> None:
    """After learning from its dismissal a video of fireworks is no possible shot any more, and live fire still is."""
    detector = OnnxDetector(MODEL)
    clips = read_manifest(shared / "data" / "clips" / "manifest.csv").recordings
    (firework,) = [one for one in clips if one.key == FALSE_ALARM]
    heard = hear(prepare(firework), detector, "held out")
    dismissed = [event.onset_s for event in heard.events if event.score >= detector.card.possible]
    sound = prepare(firework).sound
    shots = live_fire_recordings(live_fire_tests(shared / "data" / "pittsburgh")).recordings
    shots = tuple(one for one in shots if one.arrivals)[::40]

    reviewed = [Reviewed(sound.samples, sound.sample_rate, at, shot=False) for at in dismissed]
    learn_from(MODEL, reviewed, tmp_path, "taught", lambda step, loss: None)

    taught = OnnxDetector(tmp_path / "taught.onnx")
    assert dismissed, "choose a sound that is a false alarm to begin with"
    assert hear(prepare(firework), taught, "held out").score < taught.card.possible
    assert _found(taught, shots) >= _found(detector, shots) - 1


def _found(detector: OnnxDetector, recordings: tuple[Recording, ...]) -> int:
    answers = [hear(prepare(one), detector, "held out") for one in recordings]
    return sum(answer.score >= detector.card.possible for answer in answers)


def test_reviewed_sounds_come_from_the_store() -> None:
    """A dismissed detection with its clip: the sound, and where in it the onset was."""
    store = MemoryStore()
    clip = store.keep_clip(Chunk(sensor_id="s", start_ns=10**18, sample_rate=RATE, samples=np.zeros(RATE, np.float32)))
    one = Detection(
        detection_id="a", sensor_id="s", onset_ns=10**18 + 250_000_000, sigma_s=0.001, score=0.9, label="gunshot",
        classes={}, snr_db=20.0, model="m", clip=clip,
    )  # fmt: skip
    store.put_detections([one])
    assert reviewed_sounds(store) == ()

    store.put_review(Review(subject_id="a", verdict="dismissed", reviewer="me", time_ns=1))

    (sound,) = reviewed_sounds(store)
    assert (sound.sample_rate, sound.shot) == (RATE, False)
    assert sound.onset_s == pytest.approx(0.25, abs=1e-6)


def test_without_a_mistake_there_is_nothing_to_learn(tmp_path: Path) -> None:
    """Confirmed shots alone would only make the network surer of itself."""
    assert reviews.STEPS > 0
    with pytest.raises(ModelError, match="dismissed"):
        learn_from(MODEL, [Reviewed(np.zeros(RATE, np.float32), RATE, 0.5, shot=True)], tmp_path, "t", lambda *_: None)


def test_a_gpu_is_not_promised_to_reviews(tmp_path: Path) -> None:
    """Asked to learn from reviews on a GPU, the command says that it does not."""
    with pytest.raises(UsageError, match="leave --device out"):
        train(from_reviews=tmp_path, device="cuda")
