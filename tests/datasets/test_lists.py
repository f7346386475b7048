"""Lists, strong labels and the ontology: what is wrong with them is told, the rest is used."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhishoom.datasets.classes import read_ontology
from dhishoom.datasets.segments import problems, read_listing
from dhishoom.datasets.strong import read_strong
from dhishoom.errors import SourceError
from tests.datasets.lists import GUNSHOT, video, write_list, write_ontology

GOOD = f'{video(1)}, 30.000, 40.000, "/m/032s66,/m/04zjc"'


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("", "columns"),
        ("abc", "columns"),
        (f'{video(2)}, x, 40.000, "/m/1"', "float"),
        (f'{video(2)}, nan, 40.000, "/m/1"', "no stretch"),
        (f'{video(2)}, 40.000, 30.000, "/m/1"', "no stretch"),
        (f'{video(2)}, 30.000, inf, "/m/1"', "no stretch"),
        ('short, 30.000, 40.000, "/m/1"', "no video id"),
        ('../../../x, 30.000, 40.000, "/m/1"', "no video id"),
        (f'{video(2)}, 30.000, 40.000, ""', "no labels"),
        (f'{video(2)}, 30.000, 40.000, "gunshot"', "no labels"),
    ],
)
def test_a_broken_line_is_left_out_and_told_with_its_number(tmp_path: Path, line: str, why: str) -> None:
    """The lines about it are read."""
    path = tmp_path / "balanced_train_segments.csv"
    path.write_text(f"{GOOD}\n{line}\n{GOOD.replace(video(1), video(3))}\n", encoding="utf-8")

    listing = read_listing(path)

    assert [one.video for one in listing.segments] == [video(1), video(3)]
    (told,) = listing.broken
    assert told.startswith("line 2: ")
    assert why in told
    assert "1 lines left out" in next(problems(listing))


@given(st.binary(max_size=200))
def test_no_bytes_at_all_break_the_reader(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    """Either there are segments, or an error of ours says why not."""
    path = tmp_path_factory.mktemp("lists") / "x.csv"
    path.write_bytes(content)
    with contextlib.suppress(SourceError):
        assert read_listing(path).segments


def test_a_list_that_was_cut_short_is_told(tmp_path: Path) -> None:
    """Its header promises more than it holds."""
    listing = read_listing(write_list(tmp_path / "eval_segments.csv", [(video(1), 0, GUNSHOT)], promised=20371))

    assert "promises 20371 segments, it has 1" in next(problems(listing))


def test_strong_labels_give_when_each_shot_begins(shared: Path) -> None:
    """All four published files, nothing left out."""
    labels = read_strong(sorted((shared / "audioset" / "strong").glob("*.tsv")))

    assert labels.broken == ()
    assert [round(one.start_s, 3) for one in labels.stretches["052BOxtN3G0_130000"]][:2] == [0.015, 1.053]


def test_broken_strong_labels_are_told_and_another_table_is_refused(tmp_path: Path) -> None:
    """A stretch that ends before it begins, and a table of something else."""
    path = tmp_path / "strong.tsv"
    path.write_text("segment_id\tstart_time_seconds\tend_time_seconds\tlabel\na_0\t3\t1\t/m/1\na_0\t1\t2\t/m/1\nb\n")
    labels = read_strong([path])
    path.write_text("x\ty\n1\t2\n")

    assert [one.startswith(f"strong.tsv line {number}") for one, number in zip(labels.broken, (2, 4), strict=True)]
    assert list(labels.stretches) == ["a_0"]
    with pytest.raises(SourceError, match="no file of strong labels"):
        read_strong([path])


@pytest.mark.parametrize("content", ["", "[]", "{}", "[1]", '[{"id": "/m/032s66", "name": "Dog", "child_ids": []}]'])
def test_another_ontology_is_refused(tmp_path: Path, content: str) -> None:
    """The classes must go by the names that we know."""
    path = tmp_path / "ontology.json"
    path.write_text(content, encoding="utf-8")

    with pytest.raises(SourceError, match="ontology"):
        read_ontology(path)


def test_a_circle_in_the_ontology_ends(tmp_path: Path) -> None:
    """A class below itself is counted once."""
    path = write_ontology(tmp_path / "ontology.json")
    path.write_text(
        path.read_text().replace(
            '"/m/02z32qm", "name": "Fusillade", "child_ids": []',
            '"/m/02z32qm", "name": "Fusillade", "child_ids": ["/m/032s66"]',
        )
    )

    assert "/m/02z32qm" in read_ontology(path).with_descendants([GUNSHOT])
