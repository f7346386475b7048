"""Thresholds for a site: few enough false alerts in its quiet hours, and none that somebody dismissed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from dhishoom.cli import application
from dhishoom.cli.calibrate import with_thresholds
from dhishoom.detectors.energy import CARD
from dhishoom.errors import UsageError
from dhishoom.evaluate.site import SiteSound, thresholds_for
from dhishoom.nouns import Detection, Review
from dhishoom.service.reviewed import reviewed
from dhishoom.settings import read_settings
from dhishoom.stores.memory import MemoryStore

scores = st.lists(st.floats(0.0, 0.99), max_size=40).map(tuple)


@given(quiet=scores, dismissed=scores, hours=st.floats(0.5, 200.0), per_hour=st.floats(0.0, 2.0))
def test_quiet_hours_keep_to_the_wished_rate(
    quiet: tuple[float, ...], dismissed: tuple[float, ...], hours: float, per_hour: float
) -> None:
    """Whatever the site sounds like; and what was dismissed alerts no more."""
    found = thresholds_for(SiteSound(quiet=quiet, hours=hours, dismissed=dismissed), CARD, per_hour)

    assert sum(score >= found.alert for score in quiet) <= per_hour * hours
    assert not any(score >= found.alert for score in dismissed)
    assert 0 < found.possible <= found.alert < 1


def test_the_last_verdict_counts_and_its_own_before_its_incidents() -> None:
    """Reviews of detections, by the model that made them."""
    store = MemoryStore()
    heard = [
        Detection(
            detection_id=name, sensor_id="s", onset_ns=1, sigma_s=0.001, score=score, label="gunshot", classes={},
            snr_db=20.0, model=model,
        )
        for name, score, model in (("a", 0.9, "m"), ("b", 0.8, "m"), ("c", 0.7, "other"))
    ]  # fmt: skip
    store.put_detections(heard)
    for number, (name, verdict) in enumerate(
        [("a", "confirmed"), ("a", "dismissed"), ("b", "confirmed"), ("c", "dismissed")]
    ):
        store.put_review(Review(subject_id=name, verdict=verdict, reviewer="me", time_ns=number))  # type: ignore[arg-type]

    assert reviewed(store, "m") == ((0.9,), (0.8,))


def test_nothing_known_is_refused() -> None:
    """Thresholds out of thin air help nobody."""
    with pytest.raises(UsageError, match="quiet hours"):
        thresholds_for(SiteSound(quiet=(), hours=0.0), CARD, 1.0)


def test_thresholds_are_written_beside_what_was_there() -> None:
    """Old values go, comments and other sections stay."""
    text = '# site\n[model]\nname = "energy"\npossible = 0.2\n\n[web]\nport = 1\n'

    changed = with_thresholds(text, 0.9, 0.5)

    assert changed == '# site\n[model]\nalert = 0.900\npossible = 0.500\nname = "energy"\n\n[web]\nport = 1\n'
    assert with_thresholds("", 0.9, 0.5).endswith("[model]\nalert = 0.900\npossible = 0.500\n")


def test_a_site_is_calibrated_from_the_command_line(tmp_path: Path) -> None:
    """A door that slams every second in the quiet hour no longer alerts once the threshold stands above it."""
    rate = 12_000
    sound = np.random.default_rng(0).standard_normal(20 * rate) * 1e-3
    for second in range(2, 18, 4):
        sound[second * rate : second * rate + 600] += 0.2 * np.random.default_rng(second).standard_normal(600)
    soundfile.write(tmp_path / "quiet.wav", sound, rate)
    settings = tmp_path / "dhishoom.toml"
    settings.write_text('[model]\nname = "energy"\n', encoding="utf-8")
    arguments = ["calibrate", str(tmp_path / "quiet.wav"), "--model", "energy", "--write", str(settings), "--json"]

    result = CliRunner().invoke(application(arguments), arguments)

    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout.splitlines()[-1])
    assert told["false_alerts"] == 0
    assert told["alert"] > CARD.possible
    model = read_settings(settings).model
    assert (model.alert, model.possible) == (told["alert"], told["possible"])
