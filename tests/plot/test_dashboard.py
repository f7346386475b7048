"""The dashboard shows a sensor's latest sound, red after a gunshot; the example notebook does what it says."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from matplotlib.colors import to_hex

from dhishoom import plot
from dhishoom.errors import UsageError
from dhishoom.nouns import Chunk, Detection
from dhishoom.plot.paper import BLUE, RED
from dhishoom.stores.ancestor_log import AncestorLog
from dhishoom.stores.clips import ClipFolder
from dhishoom.stores.logged_clip import LoggedClip
from dhishoom.stores.memory import MemoryStore

NOTEBOOK = Path(__file__).parents[2] / "examples" / "dashboard.ipynb"
START_NS = 1_543_529_982 * 10**9
CHUNK = Chunk(
    sensor_id="s",
    start_ns=START_NS,
    sample_rate=8000,
    samples=np.sin(np.arange(16_000) / 9).astype(np.float32) * np.float32(0.5),
)
ROW = LoggedClip(
    sensor_id="s", start_ns=START_NS, duration_s=2.0, gunshot=True, score=0.9, classes={"gunshot": 0.9, "door": 0.05}
)
NB_S_MAX = 120


def logged(folder: Path, *rows: LoggedClip) -> Path:
    """A log of the rows, all with one clip."""
    kept = ClipFolder(folder / "clips", free_bytes_min=0).keep(CHUNK).clip
    AncestorLog(folder / "log.csv").put("x", [replace(row, clip=f"clips/{kept}") for row in rows])
    return folder / "log.csv"


def texts(figure: Any) -> str:
    """All that is written in a figure."""
    labels = [label for axes in figure.axes for label in (*axes.texts, *axes.get_yticklabels())]
    return " ".join([figure.get_suptitle(), *(label.get_text() for label in labels)])


@pytest.mark.parametrize(("gunshot", "colour"), [(True, RED), (False, BLUE)])
def test_a_log_shows_the_latest_clip_in_its_colour(tmp_path: Path, gunshot: bool, colour: str) -> None:
    """Sensor, capture time, waveform and classes of the last line of that sensor."""
    log = logged(tmp_path, ROW, replace(ROW, gunshot=gunshot, start_ns=START_NS + 10**10), replace(ROW, sensor_id="t"))
    figure = plot.dashboard("s", log=log).figure()

    assert {"s", "22:19:52", "gunshot", "door", "0.90"} <= set(texts(figure).split())
    wave = figure.axes[0].collections[0]
    assert to_hex(wave.get_facecolor()[0]) == colour
    assert wave.get_datalim(figure.axes[0].transData).width == pytest.approx(2.0, abs=0.01)


def test_a_line_without_its_sound_is_still_shown(tmp_path: Path) -> None:
    """On a file system that is not there; the reason stands where the waveform would."""
    path = tmp_path / "audio_clips.csv"
    path.write_text("a,b,c\nSensor1|2018-11-29_22:19:42|1|[('Gunshot, gunfire', 0.98)]|file:///nowhere/x.flac\n")
    figure = plot.dashboard("Sensor1", log=path).figure()

    assert "Gunshot, gunfire" in texts(figure)
    assert "cannot be read" in texts(figure)


def test_a_store_shows_the_latest_detection() -> None:
    """With its clip."""
    store = MemoryStore()
    clip = store.keep_clip(CHUNK)
    one = Detection(
        detection_id="d",
        sensor_id="s",
        onset_ns=START_NS,
        sigma_s=0.001,
        score=0.2,
        label="door",
        classes={"door": 0.7},
        snr_db=20.0,
        model="m",
        clip=clip,
    )
    store.put_detections([one])
    latest = plot.dashboard("s", store=store).latest()

    assert latest is not None
    assert not latest.gunshot
    assert latest.sound is not None
    assert "nothing heard" in texts(plot.dashboard("t", store=store).figure())


def test_a_log_and_a_store_exclude_each_other(tmp_path: Path) -> None:
    """One of them is shown."""
    with pytest.raises(UsageError):
        plot.dashboard("s", log=tmp_path, store=tmp_path)


def test_watch_draws_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As often as it is asked, each time with what is new."""
    display = pytest.importorskip("IPython.display")
    drawn: list[bytes] = []

    class Shown:
        def update(self, board: Any) -> None:
            """As IPython's handle."""
            drawn.append(board._repr_png_())

    def show(board: Any, **_: Any) -> Shown:
        Shown().update(board)
        AncestorLog(log).put("y", [replace(ROW, gunshot=False, start_ns=START_NS + 10**10)])
        return Shown()

    log = logged(tmp_path, ROW)
    monkeypatch.setattr(display, "display", show)
    plot.dashboard("s", log=log).watch(every=0, times=3)

    assert len(drawn) == 3
    assert drawn[0] != drawn[1] == drawn[2]


def run_notebook(monkeypatch: pytest.MonkeyPatch, environment: Mapping[str, str]) -> list[bytes]:
    """Execute it whole in a kernel of its own; return its pictures."""
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbclient.NotebookClient(notebook, timeout=NB_S_MAX, kernel_name="python3").execute()
    outputs = [one for cell in notebook.cells if cell.cell_type == "code" for one in cell.outputs]
    return [base64.b64decode(one["data"]["image/png"]) for one in outputs if "image/png" in one.get("data", {})]


def test_the_example_notebook_runs_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """And shows two pictures: at once, and watched."""
    pictures = run_notebook(monkeypatch, {"DHISHOOM_TIMES": "1"})

    assert len(pictures) == 2
    if folder := os.environ.get("DHISHOOM_PICTURES"):
        Path(folder, "dashboard.png").write_bytes(pictures[0])
