"""Clips brought from a server that misbehaves: what is gone becomes a row, the rest comes, and nothing comes twice."""

from __future__ import annotations

import csv
import io
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner, Result

from dhishoom.cli import application
from dhishoom.datasets.fetching import Pacer, Unfetched, fetch_all
from dhishoom.datasets.segments import Segment
from dhishoom.datasets.youtube import Videos, reason_of
from dhishoom.errors import UsageError
from tests.datasets.lists import CAP_GUN, CAR, GUNSHOT, video, write_list, write_ontology
from tests.datasets.studio import RATE, studio

pytest.importorskip("yt_dlp", reason="yt-dlp is not installed (pip install 'dhishoom[download]')")
pytest.importorskip("av", reason="PyAV is not installed (pip install 'dhishoom[download]')")


def segment(number: int, start_s: float = 30.0) -> Segment:
    """Ten seconds of a video."""
    return Segment(video(number), start_s, start_s + 10, (GUNSHOT,), "eval")


def at_once() -> Pacer:
    """Does not wait."""
    return Pacer(0.0, wait=lambda _: None)


def test_exactly_the_ten_seconds_of_a_video_come() -> None:
    """From second 30 to 40 of 45: each second's sine says which it is."""
    with studio({}) as place:
        content = Videos(place.address)(segment(1))

    samples, rate = soundfile.read(io.BytesIO(content))
    assert (rate, len(samples)) == (RATE, 10 * RATE)
    for second in (0, 4, 9):
        piece = samples[second * RATE : (second + 1) * RATE]
        assert np.abs(np.fft.rfft(piece)).argmax() == 200 + 40 * (30 + second)


@pytest.mark.parametrize(
    ("manner", "why", "asked"),
    [
        (401, "private", 1), (404, "deleted", 1), (410, "deleted", 1), (451, "region", 1), (403, "refused", 1),
        (429, "busy", 3), (500, "network", 3), ("hangs up", "network", 3), ("cut short", "cut short", 3),
        ("page", None, None),
    ],
)  # fmt: skip
def test_what_a_server_does_becomes_a_row_not_a_crash(
    tmp_path: Path, manner: int | str, why: str | None, asked: int | None
) -> None:
    """What may be better in a moment is asked three times, what is gone once; a good clip beside it comes."""
    with studio({video(1): manner}) as place:
        bring = Videos(place.address, timeout_s=10)
        told = {one.segment.video: one for one in fetch_all([segment(1), segment(2)], tmp_path, bring, pacer=at_once())}

    assert told[video(2)].why is None
    assert (tmp_path / "clips" / f"{video(2)}_30000.flac").is_file()
    assert told[video(1)].why is not None
    assert sorted(one.name for one in (tmp_path / "clips").iterdir()) == [f"{video(2)}_30000.flac"]
    if why is not None:
        assert told[video(1)].why == why, told[video(1)].detail
    if asked == 1:
        assert place.asked[video(1)] <= 2  # yt-dlp looks at an address once or twice


@pytest.mark.parametrize(
    ("message", "why"),
    [
        ("ERROR: [youtube] x: Private video. Sign in if you've been granted access to this video", "private"),
        ("ERROR: [youtube] x: Video unavailable. This video has been removed by the uploader", "deleted"),
        ("ERROR: [youtube] x: Video unavailable. The account of this video has been terminated.", "deleted"),
        ("ERROR: [youtube] x: Video unavailable. Its uploader has not made it available in your country", "region"),
        ("ERROR: [youtube] x: Sign in to confirm your age. This video may be inappropriate for some users.", "age"),
        ("ERROR: [youtube] x: Join this channel to get access to members-only content", "paid"),
        ("ERROR: [youtube] x: Sign in to confirm you’re not a bot.", "busy"),
        ("ERROR: Unable to download webpage: <urlopen error timed out>", "network"),
    ],
)  # fmt: skip
def test_the_words_of_a_refusal_are_understood(message: str, why: str) -> None:
    """As yt-dlp tells them."""
    assert reason_of(message) == why


def test_a_server_that_asks_for_patience_gets_it() -> None:
    """Each refusal for haste doubles the pause; turns are that far apart, however many wait."""
    now, waited = [0.0], list[float]()
    pacer = Pacer(2.0, clock=lambda: now[0], wait=waited.append)

    pacer.turn()
    pacer.turn()
    pacer.turn()
    pacer.slow_down()
    pacer.turn()
    pacer.turn()

    assert waited == [2.0, 4.0, 6.0, 10.0]


def test_a_busy_server_gives_in_at_the_next_try(tmp_path: Path) -> None:
    """Refused once for haste, then brought."""
    tries: list[str] = []

    def bring(one: Segment) -> bytes:
        tries.append(one.video)
        if len(tries) == 1:
            raise Unfetched("busy", "HTTP Error 429")
        return b"sound"

    pacer = at_once()
    (told,) = fetch_all([segment(1)], tmp_path, bring, pacer=pacer)

    assert (told.why, len(tries), pacer.interval_s) == (None, 2, 1.0)


def test_what_is_there_and_what_is_gone_is_not_asked_for_again(tmp_path: Path) -> None:
    """A second run asks only for what might come now; --again asks for all that is missing."""
    asked: list[str] = []
    answers = {video(1): "deleted", video(2): "network"}

    def bring(one: Segment) -> bytes:
        asked.append(one.video)
        if one.video in answers:
            raise Unfetched(answers[one.video], "no")  # type: ignore[arg-type]
        return b"sound"

    wanted = [segment(number) for number in (1, 2, 3)]

    def run(*, again: bool = False) -> tuple[dict[str, str | None], list[str]]:
        asked.clear()
        told = fetch_all(wanted, tmp_path, bring, jobs=1, pacer=at_once(), tries=1, again=again)
        return {one.segment.video: one.why for one in told}, sorted(asked)

    first, second, third = run(), run(), run(again=True)

    assert first == ({video(1): "deleted", video(2): "network", video(3): None}, [video(1), video(2), video(3)])
    assert second == (first[0], [video(2)])
    assert third == (first[0], [video(1), video(2)])


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 64 kB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = shutil.which("mount")
    command = [str(mount), "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)]
    if mount is None or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("a small disk can be mounted by root alone")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


def test_a_disk_that_fills_ends_the_download_with_whole_clips_alone(tiny_disk: Path) -> None:
    """It is told with what to do; nothing half-written stays, and running again goes on from there."""
    wanted = [segment(number) for number in range(9)]
    outcomes = fetch_all(wanted, tiny_disk, lambda _: b"x" * 20_000, jobs=1, pacer=at_once())

    with pytest.raises(UsageError, match="No space left on device") as told:
        list(outcomes)

    kept = list((tiny_disk / "clips").iterdir())
    assert "run it again" in str(told.value)
    assert 0 < len(kept) < 9
    assert {one.stat().st_size for one in kept} == {20_000}


def _run(*arguments: object) -> Result:
    given = ["dataset", "audioset", *(str(one) for one in arguments)]
    return CliRunner().invoke(application(given), given)


def test_the_command_fetches_what_it_chose_and_tells_what_is_gone(tmp_path: Path) -> None:
    """A manifest that `evaluate` reads, onsets from the strong labels, and a table of the missing."""
    rows = [(video(1), 30.0, GUNSHOT), (video(2), 0.0, CAP_GUN), (video(3), 10.0, CAR)]
    listing = write_list(tmp_path / "eval_segments.csv", rows)
    write_ontology(tmp_path / "ontology.json")
    strong = tmp_path / "strong.tsv"
    strong.write_text(
        f"segment_id\tstart_time_seconds\tend_time_seconds\tlabel\n{video(1)}_30000\t1.5\t1.9\t{GUNSHOT}\n"
    )
    out = tmp_path / "set"
    with studio({video(2): 404}) as place:
        result = _run(
            "--segments", listing, "--strong", strong, "--out", out, "--download", "--per-minute", 60_000,
            "--address", place.address, "--json",
        )  # fmt: skip

    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["download"] == {"there": 2, "deleted": 1}
    with (out / "gone.csv").open(newline="") as file:
        assert [(one["video"], one["why"]) for one in csv.DictReader(file)] == [(video(2), "deleted")]
    with (out / "manifest.csv").open(newline="") as file:
        table = {one["video"]: one for one in csv.DictReader(file)}
    assert table[video(1)]["onsets"] == "1.5"
    assert {one["group"] for one in table.values()} == {video(1), video(2), video(3)}
    assert (out / table[video(1)]["path"]).is_file()


def test_clips_on_disk_are_chosen_among(tmp_path: Path) -> None:
    """Under the names that other tools give them; what is not there is not chosen."""
    rows = [(video(n), 30.0, GUNSHOT if n < 5 else CAR) for n in range(9)]
    listing = write_list(tmp_path / "eval_segments.csv", rows)
    write_ontology(tmp_path / "ontology.json")
    clips = tmp_path / "clips"
    clips.mkdir()
    for name in (
        f"{video(0)}.wav",
        f"Y{video(1)}.wav",
        f"{video(2)}_30000.flac",
        f"{video(3)}_30.000_40.000.wav",
        f"{video(6)}_30.m4a",
        f"{video(4)}_99.wav",
        "notes.txt",
    ):
        (clips / name).touch()

    result = _run("--segments", listing, "--out", tmp_path / "set", "--audio", clips, "--json")

    assert result.exit_code == 0, result.output
    with (tmp_path / "set" / "manifest.csv").open(newline="") as file:
        assert {one["video"] for one in csv.DictReader(file)} == {video(n) for n in (0, 1, 2, 3, 6)}
