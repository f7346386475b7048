"""One sensor at a glance: its latest sound, red after a gunshot and blue otherwise, refreshed every few seconds."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dhishoom.core.timestamps import to_rfc3339
from dhishoom.errors import DhishoomError, UsageError
from dhishoom.nouns import Chunk
from dhishoom.plot.paper import BLUE, INK, PALE, RED, blank_figure, plain, png
from dhishoom.plot.sound import envelope

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from dhishoom.nouns import Detection
    from dhishoom.seams import Store
    from dhishoom.stores.logged_clip import LoggedClip

EVERY_S = 5.0
CLASSES_SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Latest:
    """What is shown of a sensor.

    Attributes:
        sound: None where it was not kept or cannot be read; why is in `silence`.
    """

    start_ns: int
    gunshot: bool
    classes: Mapping[str, float]
    sound: Chunk | None
    silence: str = ""


Look = Callable[[str], Latest | None]


class Dashboard:
    """Draws itself as a picture wherever a notebook shows it."""

    def __init__(self, sensor_id: str, look: Look) -> None:
        self.sensor_id, self._look = sensor_id, look

    def latest(self) -> Latest | None:
        """What there is of the sensor now; None where nothing is."""
        return self._look(self.sensor_id)

    def figure(self) -> Figure:
        """Sensor and capture time, the waveform, the predicted classes."""
        figure, latest = blank_figure(11, 3.2), self.latest()
        left, right = figure.subplots(1, 2, width_ratios=[2.4, 1])
        colour = PALE if latest is None else RED if latest.gunshot else BLUE
        figure.suptitle(_headline(self.sensor_id, latest), x=0.01, ha="left", fontsize=13, color=colour, weight="bold")
        _draw_sound(left, latest, colour)
        _draw_classes(right, latest, colour)
        return figure

    def watch(self, *, every: float = EVERY_S, times: int | None = None) -> None:
        """Show it in a notebook and draw it again every so many seconds, until interrupted or `times` were drawn."""
        try:
            from IPython.display import display
        except ModuleNotFoundError as error:
            raise UsageError("watch() needs a notebook: pip install notebook. figure() needs none.") from error
        shown = display(self, display_id=True)  # type: ignore[no-untyped-call]
        drawn = 1
        try:
            while times is None or drawn < times:
                time.sleep(every)
                shown.update(self)
                drawn += 1
        except KeyboardInterrupt:
            return

    def _repr_png_(self) -> bytes:
        return png(self.figure(), dots_per_inch=90)


def dashboard(sensor_id: str, log: str | Path | None = None, store: Store | str | Path | None = None) -> Dashboard:
    """A sensor's dashboard: of a log (`audio_clips.csv`, also one that others wrote), or of the live store.

    Args:
        log: Its path; the sound is read from where each line says.
        store: The store, or its folder; with neither, that of `dhishoom.toml` here.
    """
    if log is not None and store is not None:
        raise UsageError("dashboard() shows a log or a store; give one of them.")
    if log is not None:
        path = Path(log)
        return Dashboard(sensor_id, lambda name: _of_log(path, name))
    kept = _store_of(store)
    return Dashboard(sensor_id, lambda name: _of_store(kept, name))


def _store_of(store: Store | str | Path | None) -> Store:
    from dhishoom.settings import FILE_NAME, Settings, StoreSettings, read_settings
    from dhishoom.wiring import open_kept_store

    if store is None:
        settings = read_settings(Path(FILE_NAME)) if Path(FILE_NAME).is_file() else Settings()
        return open_kept_store(settings.store)
    return open_kept_store(StoreSettings(folder=str(store))) if isinstance(store, str | Path) else store


def _of_log(path: Path, sensor_id: str) -> Latest | None:
    from dhishoom.stores.ancestor_log import latest

    row = latest(path, sensor_id)
    if row is None:
        return None
    sound, silence = _heard(lambda: _clip_of_log(row, path.parent), sensor_id, row.start_ns)
    return Latest(start_ns=row.start_ns, gunshot=row.gunshot, classes=row.classes, sound=sound, silence=silence)


def _clip_of_log(row: LoggedClip, folder: Path) -> bytes | None:
    from dhishoom.stores.places import open_place

    if not row.clip:
        return None
    base, _, name = row.clip.rpartition("/")
    return open_place(base if "://" in base else str(folder / base)).read(name)


def _of_store(store: Store, sensor_id: str) -> Latest | None:
    found = store.detections(sensor_id=sensor_id, limit=1)
    if not found:
        return None
    one: Detection = found[0]
    sound, silence = _heard(lambda: store.read_clip(one.clip) if one.clip else None, sensor_id, one.onset_ns)
    return Latest(start_ns=one.onset_ns, gunshot=one.is_gunshot, classes=one.classes, sound=sound, silence=silence)


def _heard(read: Callable[[], bytes | None], sensor_id: str, start_ns: int) -> tuple[Chunk | None, str]:
    """The sound, or why there is none."""
    import soundfile

    try:
        body = read()
        if body is None:
            return None, "its sound was not kept"
        samples, rate = soundfile.read(io.BytesIO(body), dtype="float32", always_2d=True)
    except (DhishoomError, soundfile.LibsndfileError) as error:
        return None, str(error)
    mono = np.asarray(samples.mean(axis=1), np.float32)
    return Chunk(sensor_id=sensor_id, start_ns=start_ns, sample_rate=rate, samples=mono), ""


def _headline(sensor_id: str, latest: Latest | None) -> str:
    if latest is None:
        return f"{sensor_id}   nothing heard yet"
    what = "GUNSHOT" if latest.gunshot else "no gunshot"
    return f"{sensor_id}   {to_rfc3339(latest.start_ns)[:19].replace('T', ' ')} UTC   {what}"


def _draw_sound(axes: Axes, latest: Latest | None, colour: str) -> None:
    axes.set_xlabel("seconds", fontsize=8)
    axes.set_ylabel("pressure, re full scale", fontsize=8)
    plain(axes)
    if latest is None or latest.sound is None:
        why = latest.silence if latest is not None else ""
        axes.text(0.5, 0.5, why, transform=axes.transAxes, ha="center", va="center", fontsize=8, color=PALE, wrap=True)
        return
    times_s, lowest, highest = envelope(latest.sound)
    axes.fill_between(times_s, lowest, highest, color=colour, linewidth=0.5, step="mid")
    peak = max(1e-3, float(np.abs(latest.sound.samples).max(initial=0)))
    axes.set_ylim(-1.05 * peak, 1.05 * peak)
    axes.set_xlim(0, latest.sound.duration_s)


def _draw_classes(axes: Axes, latest: Latest | None, colour: str) -> None:
    """The likeliest on top."""
    classes = list((latest.classes if latest else {}).items())[:CLASSES_SHOWN]
    rows = range(len(classes))
    axes.barh(rows, [score for _, score in classes], color=[colour, *[PALE] * len(classes)][: len(classes)], height=0.6)
    for row, (_, score) in zip(rows, classes, strict=True):
        axes.text(min(score, 0.85) + 0.02, row, f"{score:.2f}", va="center", fontsize=8, color=INK)
    axes.set_yticks(rows, [name for name, _ in classes], fontsize=9)
    axes.set_ylim(CLASSES_SHOWN - 0.5, -0.5)
    axes.set_xlim(0, 1)
    axes.set_xlabel("probability", fontsize=8)
    plain(axes)
