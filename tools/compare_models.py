"""Models beside each other by quality and CPU: `python tools/compare_models.py --page docs/networks.md A.onnx B.onnx`.

Every model hears the same recordings, none of which any of them has learnt from; the shipped detector, YAMNet and mn04
hear them too. What came of it is written between two marks of the page; the rest of the page is kept.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dhishoom.detectors.catalogue import DEFAULT
from dhishoom.evaluate.contestants import Contestant, enter
from dhishoom.evaluate.hearing import Answer, hear, prepare
from dhishoom.evaluate.intervals import Figure, resampled, with_interval
from dhishoom.evaluate.kept import KeptAnswers
from dhishoom.evaluate.live_fire_tables import matched_all
from dhishoom.evaluate.pittsburgh import live_fire_tests
from dhishoom.evaluate.ranking import average_precision, recall_at_rate, threshold_for
from dhishoom.evaluate.recordings import Recording, live_fire_recordings, read_manifest, thinned
from dhishoom.evaluate.report import Asked, hear_all

TIMED = 24
BEGIN, END = "<!-- written by tools/compare_models.py -->", "<!-- until here -->"
COLUMNS = (
    "model", "AP, clips", "recall at 1 false clip/h", "AP, events", "recall of shots at 1 false event/h",
    "ms CPU per s", "MB",
)  # fmt: skip


@dataclass(frozen=True)
class Heard:
    """What one model said, and what it cost."""

    contestant: Contestant
    clips: tuple[Answer, ...]
    shots: tuple[Answer, ...]
    cpu_ms: float


def never_learnt(recordings: Sequence[Recording], contestants: Sequence[Contestant]) -> list[Recording]:
    """Those of which every model's answer is held out."""
    return [
        one for one in recordings if all(each.listener(one)[1] in ("held out", "out of fold") for each in contestants)
    ]


def listen(
    clips: Sequence[Recording], shots: Sequence[Recording], contestants: Sequence[Contestant], cache: Path, seed: int
) -> list[Heard]:
    """Every recording by every model; what they said is kept in `cache` between runs."""
    asked = Asked(manifest="", pittsburgh="", clips=tuple(clips), live_fire=tuple(shots), missing=(), seed=seed)
    heard, unreadable = hear_all(contestants, asked, lambda these, _, __: iter(these), KeptAnswers(cache))
    for why in unreadable:
        print(why)
    return [Heard(one.contestant, one.clips, one.live_fire, cpu_ms(one.contestant, clips)) for one in heard]


def cpu_ms(contestant: Contestant, clips: Sequence[Recording]) -> float:
    """Processor time per second of sound of a few recordings, listening alone; the first, which warms up, apart."""
    few = [prepare(one) for one in thinned(clips, TIMED + 1)]
    hear(few[0], contestant.detector, "held out")
    began = time.process_time()
    for one in few[1:]:
        hear(one, contestant.detector, "held out")
    return 1000 * (time.process_time() - began) / sum(one.sound.duration_s for one in few[1:])


def clip_figures(answers: Sequence[Answer], seed: int) -> tuple[Figure, Figure]:
    """AP and recall at one false clip an hour; intervals over original recordings."""
    used = [one for one in answers if one.recording.is_gunfire or one.recording.is_negative]
    scores = np.array([one.score for one in used])
    positive = np.array([one.recording.is_gunfire for one in used])
    lengths = np.array([one.duration_s for one in used])
    groups = [one.recording.block for one in used]
    weights = resampled(groups, [one.recording.source for one in used], seed)
    about = {"count": len(used), "groups": len(set(groups))}
    precise = with_interval(lambda given: average_precision(scores, positive, given), weights, **about)
    recall = with_interval(lambda given: recall_at_rate(scores, positive, lengths, given), weights, **about)
    return precise, recall


@dataclass(frozen=True)
class Told:
    """An event or a listed shot: its score (below 0 for a shot that nothing found), and what is resampled as one."""

    score: float
    is_shot: bool
    block: str
    stratum: str


def events_of(heard: Heard) -> list[Told]:
    """Listed shots and false events of the live fire, then every event of the clips without gunfire."""
    told: list[Told] = []
    for one in matched_all(heard.shots):
        test = one.answer.recording.test
        told += [Told(score, True, test, "live fire") for score in one.scores()]
        told += [Told(event.score, False, test, "live fire") for event in one.matched.false]
    for clip in heard.clips:
        if clip.recording.is_negative:
            told += [Told(event.score, False, clip.recording.block, clip.recording.source) for event in clip.events]
    return told


def event_figures(heard: Heard, seed: int) -> tuple[Figure | None, Figure | None]:
    """AP of events, and recall of listed shots at one false event an hour of the clips without gunfire.

    None for a model that found no listed shot at all: it tells no events, or there was nothing to find.
    """
    told = events_of(heard)
    if not any(one.is_shot and one.score >= 0 for one in told):
        return None, None
    scores, shot = np.array([one.score for one in told]), np.array([one.is_shot for one in told])
    quiet_s = sum(one.duration_s for one in heard.clips if one.recording.is_negative)
    false = np.array([one.score for one in told if one.stratum != "live fire"])
    limit = threshold_for(false, np.array([quiet_s]), 1.0)
    weights = resampled([one.block for one in told], [one.stratum for one in told], seed)
    about = {"count": int(shot.sum()), "groups": len({one.block for one in told if one.is_shot})}

    def recall(given: np.ndarray) -> np.ndarray:
        return (given * (shot & (scores >= limit))).sum(axis=-1) / np.maximum((given * shot).sum(axis=-1), 1e-9)

    precise = with_interval(lambda given: average_precision(scores, shot, given), weights, **about)
    return precise, with_interval(recall, weights, **about)


def shown(figure: Figure) -> str:
    """With its interval."""
    return f"{figure.value:.3f} ({figure.low:.3f} to {figure.high:.3f})" if np.isfinite(figure.value) else "none"


def lines(heard: Sequence[Heard], seed: int) -> Iterator[str]:
    """The table."""
    clips = [one for one in heard[0].clips if one.recording.is_gunfire or one.recording.is_negative]
    gunfire = sum(one.recording.is_gunfire for one in clips)
    shots = heard[0].shots
    hours = sum(one.duration_s for one in clips) / 3600
    originals = len({one.recording.block for one in clips})
    arrivals = sum(len(one.recording.arrivals) for one in shots)
    positions = ", ".join(sorted({one.recording.group for one in shots})) or "no position"
    yield (
        f"{len(clips)} clips ({gunfire} of gunfire, {hours:.2f} h, {originals} originals). Events: {arrivals} listed "
        f"arrivals in {len(shots)} recordings of {positions}, and the clips without gunfire. No model has learnt from "
        "any of them. 95 % intervals by the bootstrap over originals, and over tests."
    )
    yield ""
    yield f"| {' | '.join(COLUMNS)} |"
    yield "|---" * len(COLUMNS) + "|"
    for one in heard:
        precise, recall = clip_figures(one.clips, seed)
        events = event_figures(one, seed)
        told = [shown(figure) if figure else "none" for figure in (precise, recall, *events)]
        megabytes = one.contestant.size_bytes / 1e6
        yield f"| {one.contestant.name} | {' | '.join(told)} | {one.cpu_ms:.2f} | {megabytes:.1f} |"


def main() -> None:
    """As the arguments say."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("models", type=Path, nargs="+", help="networks with their cards beside them")
    parser.add_argument("--page", type=Path, required=True, help="page with the two marks")
    parser.add_argument("--only-named", action="store_true", help="without the shipped detector")
    parser.add_argument("--folds", type=Path, default=Path(f"benchmarks/folds/{DEFAULT}/folds.json"))
    parser.add_argument("--limit", type=int, help="at most so many clips")
    parser.add_argument("--cache", type=Path, default=Path("build/answers"), help="what models said, between runs")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    names = [*([] if given.only_named else [DEFAULT]), *map(str, given.models)]
    folds = [given.folds] if given.folds.is_file() and not given.only_named else []
    entered = enter(names, ["yamnet", "mn04"], given.shared / "weights", folds)
    clips = never_learnt(read_manifest(given.shared / "data" / "clips" / "manifest.csv").recordings, entered)
    tests = live_fire_tests(given.shared / "data" / "pittsburgh")
    shots = [one for one in never_learnt(live_fire_recordings(tests).recordings, entered) if one.arrivals]
    heard = listen(thinned(clips, given.limit), shots, entered, given.cache, given.seed)
    table = list(lines(heard, given.seed))
    page = given.page.read_text(encoding="utf-8")
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    given.page.write_text("\n".join((before + BEGIN, "", *table, "", END + after)), encoding="utf-8")
    print("\n".join(table))


if __name__ == "__main__":
    main()
