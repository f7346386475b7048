"""Which segments are chosen from lists, the real ones and small ones."""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhishoom.datasets.choice import Choice, choose
from dhishoom.datasets.classes import NEGATIVE, POSITIVE, read_ontology
from dhishoom.datasets.segments import Segment, label_counts, read_listing
from dhishoom.errors import UsageError
from tests.datasets.lists import CAP_GUN, CAR, FUSILLADE, GUNSHOT, MACHINE_GUN, SPEECH, video

GUNS = frozenset({GUNSHOT, MACHINE_GUN, CAP_GUN, FUSILLADE})
MIDS = [one.mid for one in (*POSITIVE, *NEGATIVE)]


def segment(number: int, *labels: str, start: float = 30.0, listing: str = "balanced_train") -> Segment:
    """One stretch of the video of that number."""
    return Segment(video(number), start, start + 10, labels, listing)


@pytest.fixture(scope="module")
def lists(shared: Path) -> dict[str, list[Segment]]:
    """The real lists by the column of class_counts.csv."""
    files = {
        "balanced": "balanced_train_segments",
        "eval": "eval_segments",
        "in_subset": "unbalanced_train_segments_subset",
    }
    return {name: list(read_listing(shared / "audioset" / f"{file}.csv").segments) for name, file in files.items()}


@pytest.fixture(scope="module")
def real(lists: dict[str, list[Segment]], shared: Path) -> Choice:
    """Two thousand of each from the real lists."""
    guns = read_ontology(shared / "audioset" / "ontology.json").with_descendants(one.mid for one in POSITIVE)
    return choose([one for part in lists.values() for one in part], guns=guns)


def test_every_class_of_the_real_lists_is_counted_as_published(shared: Path, lists: dict[str, list[Segment]]) -> None:
    """Forty-eight classes in three lists."""
    counts = {name: label_counts(segments) for name, segments in lists.items()}

    with (shared / "audioset" / "class_counts.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) > 40
    for row in rows:
        for name, found in counts.items():
            assert found[row["mid"]] == int(row[name]), (row["display_name"], name)


def test_two_thousand_of_each_are_chosen_evenly_from_the_real_lists(real: Choice) -> None:
    """Every class gives its share, to one clip, as the pools are large enough."""
    guns = [one for one in real.chosen if one.wanted in POSITIVE]

    assert (len(guns), len(real.chosen)) == (2000, 4000)
    for tally in real.tallies:
        assert 0 <= tally.chosen - tally.fair <= 1, tally


def test_no_negative_of_the_real_lists_has_a_label_of_gunfire(real: Choice) -> None:
    """Fusillade and artillery count too, as they lie below Gunshot."""
    guns = {"/m/032s66", "/m/04zjc", "/m/02z32qm", "/m/0_1c", "/m/073cg4"}

    assert all(guns.isdisjoint(one.segment.labels) for one in real.chosen if one.wanted in NEGATIVE)


def test_the_evaluation_list_is_for_testing(real: Choice) -> None:
    """So that figures are comparable with published ones."""
    assert {one.side for one in real.chosen if one.segment.listing == "eval"} == {"test"}
    assert {one.side for one in real.chosen} == {"train", "validate", "test"}


segments = st.builds(
    lambda number, labels, start, listing: segment(number, *labels, start=start, listing=listing),
    st.integers(0, 20),
    st.lists(st.sampled_from([*MIDS, FUSILLADE, "/m/04rlf"]), min_size=1, max_size=3, unique=True),
    st.sampled_from([0.0, 30.0, 60.0]),
    st.sampled_from(["balanced_train", "eval"]),
)


@given(st.lists(segments, min_size=1, max_size=60), st.integers(0, 9), st.randoms())
def test_the_choice_keeps_its_rules_and_does_not_depend_on_the_order_of_lines(found, seed, random) -> None:
    """No video on two sides, nothing twice, no gunfire among negatives, never more than asked; same seed, same rows."""
    found = list({(one.video, one.start_s): one for one in found}.values())
    shuffled = random.sample(found, len(found))
    try:
        choice = choose(found, guns=GUNS, positives=12, negatives=12, seed=seed)
    except UsageError:
        return

    assert choose(shuffled, guns=GUNS, positives=12, negatives=12, seed=seed) == choice
    keys = [one.segment.key for one in choice.chosen]
    assert len(keys) == len(set(keys))
    sides = defaultdict(set)
    for one in choice.chosen:
        sides[one.segment.video].add(one.side)
        assert one.wanted.mid in one.segment.labels
        assert one.wanted in POSITIVE or GUNS.isdisjoint(one.segment.labels)
    assert all(len(each) == 1 for each in sides.values())
    assert max(Counter(one.wanted in POSITIVE for one in choice.chosen).values()) <= 12


def test_what_a_small_class_cannot_give_the_others_give() -> None:
    """Thirty wanted, one cap gun there: the other two give the rest, and the shortfall is told."""
    pool = [segment(number, GUNSHOT) for number in range(40)]
    pool += [segment(100 + number, MACHINE_GUN, GUNSHOT) for number in range(40)]
    pool += [segment(200, CAP_GUN, GUNSHOT), segment(300, CAR)]

    tallies = {one.wanted.mid: one for one in choose(pool, guns=GUNS, positives=30, negatives=1).tallies}

    assert (tallies[CAP_GUN].chosen, tallies[CAP_GUN].short) == (1, 9)
    assert {tallies[GUNSHOT].chosen, tallies[MACHINE_GUN].chosen} == {14, 15}


def test_a_video_of_two_lists_is_tested_with() -> None:
    """One segment in training's list and another in evaluation's: both are for testing."""
    pool = [segment(1, GUNSHOT, start=0.0), segment(1, GUNSHOT, start=60.0, listing="eval"), segment(2, SPEECH)]

    sides = {
        one.side for one in choose(pool, guns=GUNS, positives=3, negatives=1).chosen if one.segment.video == video(1)
    }

    assert sides == {"test"}


def test_a_side_without_any_segment_is_refused() -> None:
    """There is nothing to learn from speech alone."""
    with pytest.raises(UsageError, match="no segment holds a positive class"):
        choose([segment(1, SPEECH)], guns=GUNS)
