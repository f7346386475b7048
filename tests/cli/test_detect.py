"""`dhishoom detect`: what users see, and what other programs read."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from dhishoom.cli.detect import detect
from dhishoom.cli.exports import RAVEN_COLUMNS

WriteBangs = Callable[..., Path]
ENERGY = ("--model", "energy")


def lines(text: str) -> list[dict]:
    """JSON lines as objects."""
    return [json.loads(line) for line in text.splitlines()]


def test_json_tells_the_file_then_its_events(run, write_bangs: WriteBangs) -> None:
    """One line a file with score and classes, then one an event with its onset to the millisecond, as documented."""
    path = write_bangs("a.wav", 2.0, 4.5)

    file, *events = lines(run(detect, path, "--json", *ENERGY).out)

    assert list(file) == ["type", "path", "duration_s", "sample_rate", "score", "classes"]
    assert (file["type"], file["path"], file["duration_s"], file["sample_rate"]) == ("file", str(path), 6.0, 12_000)
    assert file["score"] == file["classes"]["gunshot"] > 0.9
    assert list(events[0]) == ["type", "path", "onset_s", "offset_s", "score", "label", "classes"]
    assert [event["onset_s"] for event in events] == pytest.approx([2.0, 4.5], abs=0.003)
    assert all(event["onset_s"] < event["offset_s"] <= 6.0 for event in events)


def test_a_quiet_file_has_a_score_and_no_event(run, write_bangs: WriteBangs) -> None:
    """Noise alone gives one line with a low score."""
    (file,) = lines(run(detect, write_bangs("quiet.wav"), "--json", *ENERGY).out)

    assert file["score"] < 0.5


def test_the_table_names_every_file_and_its_times(run, write_bangs: WriteBangs, tmp_path: Path) -> None:
    """Without --json a table shows path, length, score, number of events and when."""
    write_bangs("folder/b.wav", 3.0)
    write_bangs("folder/a.wav")

    result = run(detect, tmp_path / "folder", *ENERGY)

    rows = [line for line in result.out.splitlines() if ".wav" in line]
    assert result.exit_code == 0
    assert ["a.wav" in rows[0], "b.wav" in rows[1], "3.00" in rows[1]] == [True, True, True]


def test_bad_files_are_told_and_the_rest_goes_on(run, write_bangs: WriteBangs, tmp_path: Path) -> None:
    """Each bad file costs one message on standard error and the exit code of a source; good files are heard."""
    good = write_bangs("good.wav", 2.0)
    empty, text, missing = tmp_path / "empty.wav", tmp_path / "text.wav", tmp_path / "missing.wav"
    empty.write_bytes(b"")
    text.write_text("no sound in here")

    result = run(detect, empty, text, missing, good, "--json", *ENERGY)

    assert [line["path"] for line in lines(result.out)] == [str(good), str(good)]
    assert result.exit_code == 4
    assert [result.err.count(str(path)) for path in (empty, text, missing)] == [1, 1, 1]
    assert "1 files were heard; 3 could not be read" in result.err


def test_a_folder_without_audio_is_an_error_of_its_own(run, tmp_path: Path) -> None:
    """Nothing to hear is not success."""
    result = run(detect, tmp_path, *ENERGY)

    assert (result.exit_code, result.out) == (4, "")
    assert "no recordings in" in result.err


def test_a_truncated_file_is_heard_as_far_as_it_goes(run, write_bangs: WriteBangs) -> None:
    """The shot in the part that is there is told, and that the rest is missing."""
    path = write_bangs("cut.wav", 1.0, 5.0)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    result = run(detect, path, "--json", *ENERGY)

    assert [line["type"] for line in lines(result.out)] == ["file", "event"]
    assert (result.exit_code, "breaks off early" in result.err) == (4, True)


def test_silence_is_no_failure_but_is_remarked_upon(run, tmp_path: Path) -> None:
    """A recording of zeros exits with 0 and says on standard error that nothing can be heard."""
    path = tmp_path / "zeros.wav"
    soundfile.write(path, np.zeros(24_000, np.float32), 12_000)

    result = run(detect, path, "--json", *ENERGY)

    assert result.exit_code == 0
    assert "every sample is zero" in result.err
    assert lines(result.out)[0]["score"] < 0.5


@pytest.mark.parametrize("rate", [8_000, 44_100, 96_000])
def test_the_sample_rate_does_not_move_the_onset(run, write_bangs: WriteBangs, rate: int) -> None:
    """A burst at 2.5 s is found at 2.5 s at any rate."""
    result = run(detect, write_bangs("a.wav", 2.5, rate=rate), "--json", *ENERGY)

    assert [line["onset_s"] for line in lines(result.out)[1:]] == pytest.approx([2.5], abs=0.003)


def test_one_channel_can_be_heard_alone(run, write_bangs: WriteBangs, tmp_path: Path) -> None:
    """With --channel 2 a shot on channel 1 is not heard."""
    shot, _ = soundfile.read(write_bangs("shot.wav", 2.0), dtype="float32")
    quiet, _ = soundfile.read(write_bangs("quiet.wav"), dtype="float32")
    path = tmp_path / "stereo.wav"
    soundfile.write(path, np.stack([shot, quiet], axis=1), 12_000)

    assert len(lines(run(detect, path, "--json", "--channel", 1, *ENERGY).out)) == 2
    assert len(lines(run(detect, path, "--json", "--channel", 2, *ENERGY).out)) == 1


def test_the_threshold_decides_what_is_an_event(run, write_bangs: WriteBangs) -> None:
    """Nothing is above a threshold of 1; one outside 0..1 is refused with exit code 2."""
    path = write_bangs("a.wav", 2.0)

    assert len(lines(run(detect, path, "--json", "--threshold", 1, *ENERGY).out)) == 1
    refused = run(detect, path, "--threshold", 3, *ENERGY)
    assert (refused.exit_code, "is no probability" in refused.err) == (2, True)


def test_raven_tables_have_its_header_and_only_rows_with_sound(run, write_bangs: WriteBangs, tmp_path: Path) -> None:
    """A selection table: Raven's columns, one row an event within the file; a quiet file has the header alone."""
    write_bangs("in/shots.wav", 2.0, 5.97)
    write_bangs("in/quiet.wav")
    run(detect, tmp_path / "in", "--labels", "raven", "--out", tmp_path / "out", *ENERGY)

    with (tmp_path / "out/in/shots.wav.Table.1.selections.txt").open(newline="") as file:
        header, *rows = list(csv.reader(file, delimiter="\t"))
    assert header == list(RAVEN_COLUMNS)
    assert header[:5] == ["Selection", "View", "Channel", "Begin Time (s)", "End Time (s)"]
    assert header[5:7] == ["Low Freq (Hz)", "High Freq (Hz)"]
    assert header[7] == "Begin File"
    assert [row[0] for row in rows] == ["1", "2"]
    assert all(0 <= float(row[3]) < float(row[4]) <= 6 and row[7] == "shots.wav" for row in rows)
    quiet = (tmp_path / "out/in/quiet.wav.Table.1.selections.txt").read_text()
    assert quiet.splitlines() == ["\t".join(RAVEN_COLUMNS)]


def test_audacity_and_csv_labels_agree_with_the_json(run, write_bangs: WriteBangs, tmp_path: Path) -> None:
    """Read back, both forms give the same events as --json, to the tenth of a millisecond."""
    path = write_bangs("shots, two.wav", 2.0, 4.0)
    events = [(line["onset_s"], line["offset_s"]) for line in lines(run(detect, path, "--json", *ENERGY).out)[1:]]
    for form in ("audacity", "csv"):
        run(detect, path, "--labels", form, "--out", tmp_path, *ENERGY)

    track = [line.split("\t") for line in (tmp_path / "shots, two.wav.audacity.txt").read_text().splitlines()]
    with (tmp_path / "shots, two.wav.events.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert [(float(a), float(b)) for a, b, _ in track] == [pytest.approx(event, abs=1e-4) for event in events]
    assert [(float(row["onset_s"]), float(row["offset_s"])) for row in table] == [
        pytest.approx(event, abs=1e-4) for event in events
    ]
    assert {row["path"] for row in table} == {str(path)}


def test_labels_replace_old_ones_whole_and_leave_nothing_else(run, write_bangs: WriteBangs, tmp_path: Path) -> None:
    """An older label file is replaced; no part of a file stays behind."""
    path, out = write_bangs("a.wav", 2.0), tmp_path / "out"
    out.mkdir()
    (out / "a.wav.audacity.txt").write_text("old" * 1000)
    run(detect, path, "--labels", "audacity", "--out", out, *ENERGY)

    assert [file.name for file in out.iterdir()] == ["a.wav.audacity.txt"]
    assert "old" not in (out / "a.wav.audacity.txt").read_text()


def test_labels_that_cannot_be_written_say_why(run, write_bangs: WriteBangs, tmp_path: Path) -> None:
    """A file where the folder should be: one message, the exit code of storing."""
    (tmp_path / "out").write_text("in the way")
    result = run(detect, write_bangs("a.wav", 2.0), "--labels", "csv", "--out", tmp_path / "out", *ENERGY)

    assert (result.exit_code, "cannot write" in result.err) == (7, True)


def test_recordings_of_one_name_keep_labels_apart(run, write_bangs: WriteBangs, tmp_path: Path) -> None:
    """Two files called a.wav in different folders give two label files."""
    first, second = write_bangs("x/a.wav", 1.0), write_bangs("y/a.wav", 2.0)
    run(detect, first, second, "--labels", "audacity", "--out", tmp_path / "out", *ENERGY)

    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == ["2-a.wav.audacity.txt", "a.wav.audacity.txt"]


def test_plots_are_pictures_named_after_the_recording(run, write_bangs: WriteBangs, tmp_path: Path) -> None:
    """--plot leaves one PNG a file, quiet or not."""
    pytest.importorskip("matplotlib")
    run(detect, write_bangs("a.wav", 2.0), write_bangs("b.wav", seconds=0.01), "--plot", tmp_path / "p", *ENERGY)

    pictures = sorted((tmp_path / "p").iterdir())
    assert [picture.name for picture in pictures] == ["a.wav.png", "b.wav.png"]
    assert all(picture.read_bytes().startswith(b"\x89PNG") for picture in pictures)


def test_standard_input_is_heard(run, write_bangs: WriteBangs) -> None:
    """`-` reads a recording that is piped in, and calls it `-`."""
    result = run(detect, "-", "--json", *ENERGY, stdin=write_bangs("a.wav", 2.0).read_bytes())

    assert [(line["type"], line["path"]) for line in lines(result.out)] == [("file", "-"), ("event", "-")]


def test_a_misspelt_model_names_the_nearest(run, write_bangs: WriteBangs) -> None:
    """`energi` is answered with `energy`, and the exit code of models."""
    result = run(detect, write_bangs("a.wav"), "--model", "energi")

    assert (result.exit_code, "energy" in result.err) == (6, True)


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_ctrl_c_keeps_what_was_done_and_exits_130(write_bangs: WriteBangs, tmp_path: Path) -> None:
    """Interrupted after the first line, the command ends with 130, whole lines and no traceback."""
    for number in range(400):
        os.link(write_bangs("first.wav", 2.0), tmp_path / f"folder-{number:03d}.wav") if number else None
    program = "import typer; from dhishoom.cli.detect import detect; typer.run(detect)"
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path), "--json", *ENERGY],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    first = process.stdout.readline()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)

    assert process.returncode == 130
    assert all(line["type"] in ("file", "event") for line in lines(first + out))
    assert ("Interrupted" in err, "Traceback" in err) == (True, False)
