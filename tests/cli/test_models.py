"""`dhishoom models`: every card in full, for people and for programs."""

from __future__ import annotations

import json
import shutil
from dataclasses import fields
from pathlib import Path

import pytest

from dhishoom.cli.models import list_models, show
from dhishoom.detectors.catalogue import DEFAULT, SHIPPED, card_of, names
from dhishoom.nouns import ModelCard


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The operator's own folder of models: one that works, one whose card is damaged."""
    monkeypatch.setenv("DHISHOOM_MODELS", str(tmp_path))
    for suffix in (".onnx", ".json"):
        shutil.copy(SHIPPED / f"{DEFAULT}{suffix}", tmp_path / f"mine{suffix}")
        shutil.copy(SHIPPED / f"{DEFAULT}{suffix}", tmp_path / f"damaged{suffix}")
    (tmp_path / "damaged.json").write_text("{")
    return tmp_path


def test_every_model_is_listed_with_its_licence(run) -> None:
    """As a table and as JSON lines; exactly one is the default."""
    told = [json.loads(line) for line in run(list_models, "--json").out.splitlines()]
    table = run(list_models).out

    assert [one["name"] for one in told] == names()
    assert [one["name"] for one in told if one["default"]] == [DEFAULT]
    assert all(one["licence"] for one in told)
    assert all(one["name"] in table and one["licence"] in table for one in told)


def test_a_damaged_card_hides_no_other_model(run, own: Path) -> None:
    """It is told and left out; one's own model is listed by its file's name."""
    result = run(list_models, "--json")

    listed = [json.loads(line)["name"] for line in result.out.splitlines()]
    assert "mine" in listed
    assert "damaged" not in listed
    assert str(own / "damaged.json") in result.err


@pytest.mark.parametrize("name", names())
def test_a_card_is_shown_whole_as_json(run, name: str) -> None:
    """Every field of the card, with what its maker wrote beside."""
    told = json.loads(run(show, name, "--json").out)

    card = card_of(name)
    assert told.keys() == {"type", *(field.name for field in fields(ModelCard))}
    assert (told["name"], told["licence"]) == (card.name, card.licence)
    assert told["card"] == json.loads(json.dumps(card.card))


def test_a_card_for_people_gives_licence_limits_and_figures_with_intervals(run) -> None:
    """Limits stand before figures; a figure has its interval and number beside it."""
    out = run(show, DEFAULT).out
    card = card_of(DEFAULT)

    assert card.licence in out.splitlines()[0]
    assert out.index("limits") < out.index("metrics")
    assert " to " in out[out.index("metrics") :]
    for word in ("thresholds", "classes", "data"):
        assert word in out


def test_figures_are_written_on_one_line(run, own: Path) -> None:
    """Value, interval and counts; lists by item; what was not measured is said, markup is only text."""
    card = json.loads((own / "mine.json").read_text())
    card["card"] = {
        "recall": {"value": 0.91234, "interval": [0.8, 0.95], "recordings": 78},
        "per_hour": {"count": 3, "interval": [1, 5]},
        "deep": {"er": {"a": [1, 2], "b": None}},
        "data": ["[red]one[/]", "two"],
        "tested": True,
    }
    (own / "mine.json").write_text(json.dumps(card))

    lines = run(show, "mine").out.splitlines()

    assert "recall: 0.9123 (0.8 to 0.95; recordings 78)" in lines
    assert "per hour: count 3, interval 1 to 5" in lines
    assert "    a: 1, 2" in lines
    assert "    b: not measured" in lines
    assert "  - [red]one[/]" in lines
    assert "tested: yes" in lines


def test_a_misspelt_model_is_told_the_nearest(run) -> None:
    """With the exit code of models."""
    result = run(show, "enrgy")

    assert result.exit_code == 6
    assert "Did you mean energy?" in result.err
