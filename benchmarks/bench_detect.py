"""What does it cost to hear a second of sound? `make bench-detect SECONDS_AUDIO=600`

Decode, window, score and decide, on one thread, in process CPU time, beside YAMNet on the same recordings in the same
run. Each recording is gone through several times, ours and the peer's in turn; the least time of each stage counts, so
that a busy machine does not. The loads: street sound (live fire) without padding as FLAC files of a minute, which is
the headline; the recordings it comes from, padded with zeros as published; short clips of every kind; and many sensors
at once whose chunks of a second come as messages and are scored together. Recordings are read from DHISHOOM_SHARED
(default: ../shared); where it is not there, FLAC files of synthetic noise and bangs stand in, YAMNet is left out, and
both are said. The last line is one JSON object.
"""

# ruff: noqa: E402 (threads are counted when NumPy is first imported)

from __future__ import annotations

import argparse
import json
import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import platform
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import soundfile
from numpy.typing import NDArray

from dhishoom.buses.audio_message import chunk_from_message, chunk_to_message
from dhishoom.core.decision import decide
from dhishoom.core.framing import grid, index_at
from dhishoom.core.listening import Window, begin, finish, push
from dhishoom.core.onset import pick
from dhishoom.core.resampling import resampler
from dhishoom.core.silence import silent
from dhishoom.detectors.catalogue import DEFAULT, model_files, open_detector
from dhishoom.nouns import NS_PER_S, Chunk, Detection
from dhishoom.seams import Detector
from dhishoom.sources.files import decode, read_audio

BUDGET_MS, BUDGET_RATIO = 0.6, 0.2
REPEATS = 5
CHUNK_S = 10.0
SENSORS = 64
STREAM_S = 12
STAGES = ("decode", "window", "net", "decide")
PARTS = {"window": "of it resample", "decide": "of it onset"}
PEER_RATE = 16_000
Samples = NDArray[np.float32]


@dataclass
class Least:
    """Seconds of CPU by stage, the least of all repetitions of each piece of work; and how much sound that was."""

    audio_s: float = 0.0
    detections: int = 0
    windows: int = 0
    silent: int = 0
    times: dict[tuple[str, object], float] = field(default_factory=dict)

    def run(self, stage: str, piece: object, work: Callable[[], Any]) -> Any:
        """Do the work and keep the time it took if it is the least."""
        began = time.process_time_ns()
        result = work()
        took = (time.process_time_ns() - began) / NS_PER_S
        self.times[stage, piece] = min(took, self.times.get((stage, piece), np.inf))
        return result

    def ms_per_s(self, *stages: str) -> float:
        """Milliseconds of CPU per second of sound."""
        return 1000 * sum(took for (stage, _), took in self.times.items() if stage in stages) / self.audio_s


def cut(sensor_id: str, chunks: Sequence[Chunk], detector: Detector) -> list[Window]:
    """All windows of one recording."""
    state, windows = begin(sensor_id, detector.card), list[Window]()
    for chunk in chunks:
        hearing = push(state, chunk)
        state = hearing.state
        windows += hearing.windows
    return windows + list(finish(state).windows)


def hear(path: Path, detector: Detector, least: Least) -> None:
    """One recording, stage by stage; then the parts of two of them alone."""
    chunks = least.run("decode", path, lambda: list(decode(path, chunk_s=CHUNK_S)))
    windows = least.run("window", path, lambda: cut("file", chunks, detector))
    scores = least.run("net", path, lambda: detector.scores(np.stack([window.audio for window in windows])))
    found = least.run("decide", path, lambda: judge(windows, scores, detector))
    place = grid(detector.card, chunks[0].sample_rate)
    least.run("of it resample", path, lambda: [place.resampler.apply(one.raw, place.length) for one in windows])
    least.run("of it onset", path, lambda: [pick_again(*one) for one in found])
    if ("seen", path) not in least.times:
        least.times["seen", path] = 0.0
        least.audio_s += sum(chunk.duration_s for chunk in chunks)
        least.windows += len(windows)
        least.silent += sum(not one.audio.any() for one in windows)
        least.detections += len(found)


def judge(windows: Sequence[Window], scores: Samples, detector: Detector) -> list[tuple[Window, Detection]]:
    """Every detection with its window."""
    pairs = zip(windows, scores, strict=True)
    return [(window, one) for window, its_own in pairs for one in decide(window, its_own, detector.card)]


def pick_again(window: Window, detection: Detection) -> None:
    """The pick alone, at the place where it was found."""
    pick(window.raw, window.raw_rate, index_at(detection.onset_ns, window.raw_rate) - window.raw_start_index)


def hear_peer(path: Path, peer: onnxruntime.InferenceSession, least: Least, heard: dict[Path, Samples]) -> None:
    """YAMNet alone, on sound that is decoded and resampled already: nothing but its own work is counted."""
    if path not in heard:
        sound = read_audio(path)
        convert = resampler(sound.sample_rate, PEER_RATE)
        padded = np.pad(sound.samples, convert.margin)
        heard[path] = convert.apply(padded, round(sound.duration_s * PEER_RATE))
    least.run("yamnet", path, lambda: peer.run(["scores"], {"waveform": heard[path]}))


def hear_together(streams: Sequence[Sequence[Chunk]], detector: Detector, least: Least) -> None:
    """Many sensors, a second of each at a time as `.npy` messages, their windows scored in one batch."""
    states = [begin(chunks[0].sensor_id, detector.card) for chunks in streams]
    first = not least.audio_s
    for at in range(len(streams[0])):
        messages = [(chunks[at].sensor_id, *chunk_to_message(chunks[at])) for chunks in streams]
        chunks = least.run("decode", at, lambda m=messages: [chunk_from_message(*one, timestamp_ns=0) for one in m])
        heard = least.run("window", at, lambda c=chunks, s=states: list(map(push, s, c)))
        states = [one.state for one in heard]
        windows = [window for one in heard for window in one.windows]
        if not windows:
            continue
        scores = least.run("net", at, lambda w=windows: detector.scores(np.stack([one.audio for one in w])))
        found = least.run("decide", at, lambda w=windows, s=scores: judge(w, s, detector))
        least.run("of it onset", at, lambda f=found: [pick_again(*one) for one in f])
        if first:
            least.windows += len(windows)
            least.detections += len(found)
    if first:
        least.audio_s = sum(chunk.duration_s for chunks in streams for chunk in chunks)


def street_sound(paths: Sequence[Path]) -> tuple[Samples, int]:
    """What the recordings of one rate hold, one after the other, without their padding."""
    sounds = [read_audio(path) for path in paths]
    rate = sounds[0].sample_rate
    return np.concatenate([one.samples[~silent(one.samples, rate)] for one in sounds if one.sample_rate == rate]), rate


def minutes_of(paths: Sequence[Path], folder: Path) -> list[Path]:
    """The same sound as FLAC files of a minute: a sensor that never rests."""
    sound, rate = street_sound(paths)
    files = []
    for at in range(0, len(sound), 60 * rate):
        files.append(folder / f"minute{len(files)}.flac")
        soundfile.write(files[-1], sound[at : at + 60 * rate], rate, subtype="PCM_16")
    return files


def streams_of(paths: Sequence[Path], count: int, seconds: int) -> list[list[Chunk]]:
    """Sensors that hear it in turn, each from another place on, in chunks of a second."""
    sound, rate = street_sound(paths)
    streams = []
    for sensor in range(count):
        its_own = np.resize(np.roll(sound, -sensor * len(sound) // count), seconds * rate)
        start_ns = NS_PER_S * 1_767_268_800
        chunks = [
            Chunk(sensor_id=f"s{sensor}", start_ns=start_ns + at * NS_PER_S, sample_rate=rate, samples=piece)
            for at, piece in enumerate(its_own.reshape(-1, rate))
        ]
        streams.append(chunks)
    return streams


def shared() -> Path:
    """Where recordings and weights may be."""
    return Path(os.environ.get("DHISHOOM_SHARED", Path(__file__).parent.parent.parent / "shared"))


def thinned(paths: Sequence[Path], seconds: float) -> list[Path]:
    """Evenly spread recordings that hold about as much sound."""
    total = sum(soundfile.info(path).duration for path in paths)
    count = max(1, min(len(paths), round(len(paths) * seconds / total)))
    return [paths[index * len(paths) // count] for index in range(count)]


def synthetic(folder: Path, seconds: float) -> list[Path]:
    """Ten-second FLAC files of noise with a bang a second."""
    rng = np.random.default_rng(0)
    paths = []
    for index in range(max(1, round(seconds / 10))):
        sound = 0.01 * rng.standard_normal(120_000)
        for onset in range(6_000, 120_000, 12_000):
            sound[onset : onset + 1200] += 0.5 * rng.standard_normal(1200) * np.exp(-np.arange(1200) / 300)
        paths.append(folder / f"{index}.flac")
        soundfile.write(paths[-1], np.clip(sound, -1, 1), 12_000)
    return paths


def loads(seconds: float, folder: Path) -> dict[str, list[Path]]:
    """Recordings by load."""
    live_fire = sorted((shared() / "data" / "pittsburgh").glob("*/*/*.flac"))
    clips = sorted((shared() / "data" / "clips").glob("**/*.flac"))
    if not live_fire:
        print(f"No recordings at {shared()}: synthetic noise and bangs stand in.")
        return {"synthetic recordings": synthetic(folder, seconds)}
    street = thinned(live_fire, seconds)
    found = {"a street sensor": minutes_of(street, folder), "its recordings of 10 s, padded": street}
    return found | ({"clips of all kinds": thinned(clips, seconds / 2)} if clips else {})


def peer_session() -> onnxruntime.InferenceSession | None:
    """YAMNet on one thread, if it is here."""
    path = shared() / "weights" / "yamnet.onnx"
    if not path.is_file():
        print(f"No {path}: nothing is compared.")
        return None
    return onnxruntime.InferenceSession(str(path), one_thread(), providers=["CPUExecutionProvider"])


def one_thread() -> onnxruntime.SessionOptions:
    """As our own detector is run."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return options


def macs_per_window(detector: Detector, path: Path) -> float:
    """Multiply-adds of the network's convolutions for one window, from the shapes that a profile tells."""
    options = one_thread()
    options.enable_profiling = True
    with tempfile.TemporaryDirectory() as folder:
        options.profile_file_prefix = f"{folder}/profile"
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        length = round(detector.card.window_s * detector.card.sample_rate)
        session.run(None, {session.get_inputs()[0].name: np.zeros((1, length), np.float32)})
        events = json.loads(Path(session.end_profiling()).read_text(encoding="utf-8"))
    nodes = [one["args"] for one in events if one["name"].endswith("_kernel_time") and "Conv" in one["args"]["op_name"]]
    return float(sum(map(macs_of_node, nodes)))


def macs_of_node(node: dict[str, list[dict[str, list[int]]]]) -> int:
    """Every output of a convolution takes as many as one of its filters has weights."""
    (weights,), (out,) = node["input_type_shape"][1].values(), node["output_type_shape"][0].values()
    return int(np.prod(out) * np.prod(weights[1:]))


def gemm_macs_per_s() -> float:
    """What one thread reaches on a matrix product that fits the cache: the floor of what must be computed."""
    left, right = np.ones((128, 256), np.float32), np.ones((256, 256), np.float32)
    took = min(timed(lambda: left @ right) for _ in range(200))
    return float(128 * 256 * 256 / took)


def timed(work: Callable[[], object]) -> float:
    """Seconds."""
    began = time.perf_counter_ns()
    work()
    return (time.perf_counter_ns() - began) / NS_PER_S


def figures(least: Least) -> dict[str, float]:
    """Of one load, rounded to what is told."""
    told = {stage: least.ms_per_s(stage) for stage in (*STAGES, *PARTS.values())}
    told["total"] = least.ms_per_s(*STAGES)
    yamnet = least.ms_per_s("yamnet")
    told |= {"yamnet": yamnet, "ratio": told["total"] / yamnet} if yamnet else {}
    counts = {
        "audio_s": least.audio_s,
        "windows": least.windows,
        "silent": least.silent,
        "detections": least.detections,
    }
    return {key: round(value, 4) for key, value in (told | counts).items()}


def rows(load: str, told: dict[str, float], floor_ms: float) -> Iterator[str]:
    """One load as lines of the table."""
    counts = f"{told['windows']:.0f} windows ({told['silent']:.0f} of digital silence)"
    yield f"{load}: {told['audio_s']:.0f} s, {counts}, {told['detections']:.0f} detections"
    for stage in STAGES:
        heard = 1 - told["silent"] / told["windows"]
        floor = f"   floor {floor_ms * heard:.3f}: its multiply-adds, every second once" if stage == "net" else ""
        yield f"  {stage:16}{told[stage]:8.3f} ms{floor}"
        part = PARTS.get(stage)
        if part and told[part]:
            yield f"    {part:14}{told[part]:8.3f} ms"
    yield f"  {'total':16}{told['total']:8.3f} ms"
    if "yamnet" in told:
        yield f"  {'YAMNet, net only':16}{told['yamnet']:8.3f} ms   ratio {told['ratio']:.3f}"


def measure(seconds: float, repeats: int, model: str, folder: Path) -> dict[str, object]:
    """Every load, printed as it is measured; the figures of the first are the headline."""
    detector, peer = open_detector(model), peer_session()
    macs = macs_per_window(detector, model_files()[model]) if model in model_files() else 0.0
    floor_ms = 1000 * macs / detector.card.window_s / gemm_macs_per_s()
    print(f"{detector.card.name} on {processor()}, one thread; milliseconds of CPU per second of sound")
    told: dict[str, dict[str, float]] = {}
    by_load = loads(seconds, folder)
    for load, paths in by_load.items():
        least, heard = Least(), dict[Path, Samples]()
        for _ in range(repeats):
            for path in paths:
                hear(path, detector, least)
                if peer is not None:
                    hear_peer(path, peer, least, heard)
        told[load] = figures(least)
        print("\n".join(rows(load, told[load], floor_ms)))
    together, streams = Least(), streams_of(next(iter(by_load.values())), SENSORS, STREAM_S)
    for _ in range(repeats):
        hear_together(streams, detector, together)
    told[f"{SENSORS} sensors at once"] = figures(together)
    print("\n".join(rows(f"{SENSORS} sensors at once", figures(together), floor_ms)))
    return headline(told, detector, macs)


def headline(told: dict[str, dict[str, float]], detector: Detector, macs: float) -> dict[str, object]:
    """The last line."""
    first, *_ = told.values()
    return {
        "cpu_ms_per_audio_s": first["total"],
        "yamnet_ms_per_audio_s": first.get("yamnet"),
        "ratio": first.get("ratio"),
        "budget_ms": BUDGET_MS,
        "budget_ratio": BUDGET_RATIO,
        "model": detector.card.name,
        "macs_per_window": macs,
        "machine": processor(),
        "stages": {stage: first[stage] for stage in (*STAGES, *PARTS.values())},
        "loads": told,
    }


def processor() -> str:
    """The machine's name for it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def main() -> None:
    """Print the tables and the JSON line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--seconds", type=float, default=600.0, help="of sound, of the first load; half as much of clips"
    )
    parser.add_argument("--repeats", type=int, default=REPEATS)
    parser.add_argument("--model", default=DEFAULT)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(measure(asked.seconds, asked.repeats, asked.model, Path(folder))))


if __name__ == "__main__":
    main()
