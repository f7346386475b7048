"""Which recordings a model had learnt from, and who answers for them."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from dhishoom.detectors.catalogue import DEFAULT, model_files
from dhishoom.detectors.energy import CARD, EnergyDetector
from dhishoom.errors import ModelError, UsageError
from dhishoom.evaluate.contestants import Contestant, Fold, TrainedOn, enter, folds_of, trained_on
from dhishoom.evaluate.recordings import LIVE_FIRE, Recording


def clip(group="a", train_ok="yes", source="street"):
    """A recording of which only the name matters."""
    return Recording(key="x", path=Path("x"), source=source, group=group, label="rain", train_ok=train_ok)


def test_a_card_may_say_what_it_learnt_from():
    """By licence column, source, group or firing position."""
    card = replace(CARD, card={"trained_on": {"train_ok": ["nc"], "groups": ["street/a"], "positions": ["FP1"]}})
    learnt = trained_on(card)
    assert learnt is not None
    assert learnt.holds(clip("a", "validate"))
    assert not learnt.holds(clip("b", "yes"))
    assert learnt.holds(clip("b", "nc"))
    assert learnt.holds(clip("FP1", "yes", LIVE_FIRE))
    assert not learnt.holds(clip("FP2", "yes", LIVE_FIRE))


@pytest.mark.parametrize(("licence", "expected"), [("CC BY 4.0", ("yes",)), ("CC BY-NC 4.0", ("yes", "nc"))])
def test_a_trained_network_that_does_not_say_learnt_from_all_its_licence_allows(licence, expected):
    """Doubt counts against it."""
    card = replace(CARD, licence=licence, card={"trained_with": "dhishoom train x.toml"})
    assert trained_on(card) == TrainedOn(train_ok=expected)


def test_a_card_that_says_nothing_is_unknown():
    """Every row of such a model is marked."""
    assert trained_on(replace(CARD, card={})) is None
    contestant = Contestant(name="x", detector=EnergyDetector(), trained_on=None)
    assert contestant.listener(clip())[1] == "unknown"


def test_a_baseline_without_training_is_held_out_everywhere():
    """`energy` learnt from nothing."""
    contestant = Contestant(name="energy", detector=EnergyDetector(), trained_on=trained_on(CARD))
    assert contestant.listener(clip())[1] == "held out"


def test_a_fold_answers_for_what_it_left_out():
    """Out of fold where one left the group out; trained on where none did; the model itself elsewhere."""
    whole, part = EnergyDetector(), EnergyDetector()
    fold = Fold(model="f.onnx", positions=("FP1",), groups=("street/a",))
    contestant = Contestant(name="x", detector=whole, trained_on=TrainedOn(train_ok=("yes",)), folds={fold: part})
    assert contestant.listener(clip("a")) == (part, "out of fold")
    assert contestant.listener(clip("b")) == (whole, "trained on")
    assert contestant.listener(clip("b", "validate")) == (whole, "held out")
    assert contestant.listener(clip("FP1", "yes", LIVE_FIRE)) == (part, "out of fold")
    assert contestant.listener(clip("a", "yes", LIVE_FIRE)) == (whole, "trained on")


def test_a_table_of_folds_of_another_form_is_refused_with_the_form(tmp_path):
    """What it has to look like is shown."""
    path = tmp_path / "folds.json"
    path.write_text('{"folds": [{"modell": "a.onnx"}]}', encoding="utf-8")
    with pytest.raises(UsageError, match=r"modell.*has to look like"):
        enter(["energy"], [], None, [path])


def test_a_misspelt_claim_on_a_card_is_said():
    """`positions` is a list."""
    with pytest.raises(ModelError, match="trained_on"):
        trained_on(replace(CARD, card={"trained_on": {"positions": 3}}))


def test_a_peer_without_its_folder_is_refused():
    """YAMNet is not shipped."""
    with pytest.raises(ModelError, match="--weights"):
        enter(["yamnet"], [], None, [])


def test_folds_go_to_the_model_whose_recipe_they_are(tmp_path):
    """Each file names its model; one that names none is the first model's, as before."""
    model = model_files()[DEFAULT]
    for name in ("a", "b"):
        for ending in (".onnx", ".json"):
            shutil.copy(model.with_suffix(ending), tmp_path / f"{name}{ending}")
    first, other = str(tmp_path / "a.onnx"), str(tmp_path / "b.onnx")
    for of, file in ((other, "other.json"), ("", "first.json")):
        table = {"of": of, "folds": [{"model": "a.onnx", "groups": [f"x/{file}"]}]}
        (tmp_path / file).write_text(json.dumps(table), encoding="utf-8")

    entered = enter([first, other], [], None, [tmp_path / "other.json", tmp_path / "first.json"])

    assert [[fold.groups for fold in one.folds] for one in entered] == [[("x/first.json",)], [("x/other.json",)]]
    assert folds_of(other, [tmp_path / "other.json"]) == (tmp_path / "a.onnx",)
    assert folds_of(first, [tmp_path / "other.json"]) == ()
