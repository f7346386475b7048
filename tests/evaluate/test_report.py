"""The command from end to end on small sets whose truth is known."""

from __future__ import annotations

import csv
import json

import pytest
import typer
from typer.testing import CliRunner

from dhishoom.cli.evaluate import evaluate
from dhishoom.errors import UsageError

app = typer.Typer()
app.command()(evaluate)


@pytest.fixture
def run(monkeypatch, tmp_path):
    """Runs the command with `energy` alone; returns report.json and the output folder."""
    monkeypatch.setenv("DHISHOOM_SHARED", str(tmp_path / "nowhere"))

    def call(*arguments):
        out = tmp_path / "out"
        result = CliRunner().invoke(app, [*map(str, arguments), "--model", "energy", "--out", str(out)])
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == 0, result.output
        return json.loads((out / "report.json").read_bytes()), out

    return call


def test_clips_are_told_by_source_with_intervals_and_counts(run, clips):
    """Six clear shots against seven other sounds, one of them a knock like a shot."""
    report, _ = run(clips, "--no-plots")
    (model,) = report["models"]
    (row,) = model["clips"]["sources"]
    assert row["source"] == "range"
    assert row["standing"] == "held out"
    assert (row["average_precision"]["count"], row["average_precision"]["groups"]) == (6, 3)
    assert 0.5 < row["average_precision"]["value"] <= 1
    assert row["average_precision"]["low"] <= row["average_precision"]["value"] <= row["average_precision"]["high"]
    false = {one["name"]: one for one in model["clips"]["false_alarms"]}
    assert false["all other sound"]["clips"] == 7
    assert false["fireworks left out"]["clips"] == 6
    assert false["all other sound"]["false_clips"] == 1
    kinds = {one["kind"]: one["called"]["value"] for one in model["clips"]["kinds"]}
    assert kinds["knocks"] == 1.0
    assert kinds["percussion"] == 0.0


def test_live_fire_is_told_by_position_and_altogether(run, live_fire):
    """Every shot is found, to the millisecond, with no false event; padding is no quiet hour."""
    report, _ = run("--pittsburgh", live_fire, "--no-location", "--no-plots")
    (model,) = report["models"]
    rows = {row["position"]: row for row in model["live_fire"]["positions"]}
    assert set(rows) == {"FP1", "FP2", "all positions"}
    together = rows["all positions"]
    assert together["arrivals"] == 4
    assert together["recall_no_false"]["value"] == 1.0
    assert together["recall_alert"]["value"] == 1.0
    assert together["onset_median_ms"] < 1.5
    assert together["quiet_hours"] == pytest.approx(4 * (4.5 - 1.6) / 3600, rel=0.01)
    assert together["recall_one_an_hour"]["value"] is None
    assert [band["recall"]["count"] for band in model["live_fire"]["by_distance"]] == [4]


def test_reports_repeat_byte_for_byte(run, clips):
    """Same recordings, same seed, same report."""
    _, out = run(clips, "--no-plots")
    first = (out / "report.json").read_bytes()
    run(clips, "--no-plots")
    assert (out / "report.json").read_bytes() == first


def test_events_are_exported_as_dcase_tables(run, clips, live_fire):
    """Reference and estimates: filename, onset, offset, event_label; four listed shots, found again."""
    _, out = run(clips, "--pittsburgh", live_fire, "--no-location", "--no-plots")
    tables = {}
    for name in ("reference", "energy"):
        with (out / "dcase" / f"{name}.tsv").open(newline="", encoding="utf-8") as file:
            tables[name] = list(csv.DictReader(file, delimiter="\t"))
    assert len(tables["reference"]) == 4
    assert tables["reference"][0]["filename"].endswith(".flac")
    assert {row["event_label"] for row in tables["reference"] + tables["energy"]} == {"gunshot"}
    told = {(row["filename"], round(float(row["onset"]), 1)) for row in tables["energy"]}
    assert {(row["filename"], round(float(row["onset"]), 1)) for row in tables["reference"]} <= told


def test_figures_and_report_are_drawn_for_people(run, clips, live_fire, tmp_path):
    """Every figure the report shows is there, in the docs too, and what fails is named."""
    pytest.importorskip("matplotlib")
    docs = tmp_path / "docs" / "evaluation.md"
    docs.parent.mkdir()
    _, out = run(clips, "--pittsburgh", live_fire, "--no-location", "--docs", docs)
    text = (out / "report.md").read_text(encoding="utf-8")
    shown = [line.split("](")[1].rstrip(")") for line in text.splitlines() if line.startswith("![")]
    assert {"pr.png", "det.png", "distance.png", "snr.png", "reliability.png", "worst-false.png"} <= set(shown)
    assert all((out / name).stat().st_size > 1000 for name in shown)
    in_docs = docs.read_text(encoding="utf-8")
    assert all((docs.parent / "images" / "evaluation" / name).is_file() for name in shown)
    assert "images/evaluation/pr.png" in in_docs
    assert "`other6.flac`" in text


def test_the_report_names_no_folder_of_one_machine(run, clips, monkeypatch):
    """How to do it again is told from the folder one is in, whatever was typed."""
    monkeypatch.chdir(clips.parent)
    monkeypatch.setattr("sys.argv", ["dhishoom", "evaluate", str(clips), "--no-plots"])
    _, out = run(clips, "--no-plots")
    assert f"dhishoom evaluate {clips.name} --no-plots" in (out / "report.md").read_text(encoding="utf-8")


def test_what_cannot_be_read_is_counted_and_the_rest_goes_on(run, clips):
    """One file is no audio, one is not there."""
    (clips.parent / "gun1.flac").write_text("not audio", encoding="utf-8")
    (clips.parent / "gun2.flac").unlink()
    report, out = run(clips, "--no-plots")
    assert report["clips"] == 12
    assert report["missing"] == ["gun2.flac"]
    assert "gun1.flac" in report["unreadable"][0]
    assert "Left out" in (out / "report.md").read_text(encoding="utf-8")


def test_nothing_to_score_is_said(run):
    """Neither clips nor live fire."""
    with pytest.raises(UsageError, match=r"give a MANIFEST\.csv"):
        run()
