"""Multi-sensor recordings, played with their true clocks and places; docs/formats.md describes the three forms."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from dhishoom.errors import SourceError
from dhishoom.nouns import Chunk, Sensor, Site
from dhishoom.sources.files import is_audio_name
from dhishoom.sources.pacing import Pacer
from dhishoom.sources.riff import missing_bytes
from dhishoom.sources.scenes import Recording, Scene, make_scene, same_place, some_of
from dhishoom.sources.sensors_csv import read_sensors_csv
from dhishoom.sources.sidecars import read_sidecars
from dhishoom.sources.smj0 import read_smj0

FOLDERS_MAX = 100_000


class Replay:
    """Every scene below a directory, one after another.

    Attributes:
        scenes: In the order of their folders' names; each is a Source with a site of its own.
        problems: What should be a scene but cannot be, one sentence each; what is wrong in a scene is in its own.
        remarks: Sound that is in no scene, because nothing says who heard it where and when.
    """

    def __init__(self, directory: Path | str, rate: float | None = None) -> None:
        """Find the scenes; raises SourceError where there are none.

        Args:
            rate: 1 plays as fast as it was recorded, 10 ten times as fast; None as fast as possible.
        """
        self.problems: list[str] = []
        self.remarks: list[str] = []
        self.scenes = find_scenes(Path(directory), self.problems, self.remarks)
        self._pacer = Pacer(rate)

    def site(self) -> Site:
        """The sensors of all scenes; raises SourceError where two scenes disagree about their places."""
        first = self.scenes[0].site()
        sensors: dict[str, Sensor] = {}
        for scene in self.scenes:
            for sensor_id, sensor in scene.site().sensors.items():
                known = sensors.setdefault(sensor_id, sensor)
                if scene.site().origin != first.origin or not same_place(known.position, sensor.position):
                    why = f"sensor {sensor_id} is not where it was before"
                    raise SourceError(f"{scene.folder} does not fit the scenes before it: {why}. Replay it by itself.")
        return Site(name=first.name, sensors=dict(sorted(sensors.items())), origin=first.origin, weather=first.weather)

    def chunks(self) -> Iterator[Chunk]:
        """Seconds of all sensors of a scene, interleaved in the order of time, then the next scene's."""
        for scene in self.scenes:
            yield from self.play(scene)

    def play(self, scene: Scene) -> Iterator[Chunk]:
        """The chunks of one of the scenes, at the replay's rate."""
        return self._pacer.paced(scene.chunks())

    def close(self) -> None:
        """End `chunks` at its next chunk; wakes it where it waits for its time."""
        self._pacer.stop()
        for scene in self.scenes:
            scene.close()


def find_scenes(directory: Path, problems: list[str], remarks: list[str]) -> list[Scene]:
    """Every folder below `directory`, itself included, whose recordings say who heard them, when and where."""
    if not directory.is_dir():
        raise SourceError(f"cannot replay {directory}: no such folder. Give the folder that holds the recordings.")
    scenes: list[Scene] = []
    claimed: set[Path] = set()
    for folder in _folders(directory, problems):
        name = folder.relative_to(directory).as_posix()
        told: list[str] = []
        try:
            recordings = _recordings(folder, told, claimed)
            if recordings:
                scenes.append(make_scene(name, recordings, told))
            else:
                problems.extend(told)
            if not told:
                remarks.extend(map(_unexplained, _unclaimed(folder, claimed)))
        except SourceError as error:
            problems.append(str(error))
        except OSError as error:
            problems.append(_unlisted(error))
    if not scenes:
        raise SourceError(" ".join(filter(None, (f"{_NOTHING} {directory}.", some_of([*problems, *remarks]), _HOW_TO))))
    return scenes


_NOTHING = "nothing to replay: no recordings with sensors' clocks and places in"
_HOW_TO = "`dhishoom init --replay` writes a sensors.csv to fill in."


def _unlisted(error: OSError) -> str:
    return f"cannot list {error.filename}: {error.strerror}. Check its permissions."


def _folders(directory: Path, problems: list[str]) -> Iterator[Path]:
    """The directory and all below it in the order of names; hidden ones are not entered, closed ones are told."""
    walk = os.walk(directory, onerror=lambda error: problems.append(_unlisted(error)))
    for count, (root, names, _) in enumerate(walk, 1):
        names[:] = sorted(name for name in names if not name.startswith("."))
        if count > FOLDERS_MAX:
            raise SourceError(f"{directory} holds more than {FOLDERS_MAX} folders. Name one further down.")
        yield Path(root)


def _recordings(folder: Path, told: list[str], claimed: set[Path]) -> list[Recording]:
    """By the first form that the folder has."""
    found = read_sensors_csv(folder, told)
    if not found:
        beside = read_sidecars(folder, told)
        known = {recording.path for recording in beside}
        found = beside + [recording for recording in read_smj0(folder, told) if recording.path not in known]
    claimed.update(recording.path.with_suffix("") for recording in found)
    return found


def _unclaimed(folder: Path, claimed: set[Path]) -> list[Path]:
    """Sound that is in no scene; a recording kept in two formats counts once."""
    files = (path for path in folder.iterdir() if is_audio_name(path) and path.is_file())
    return sorted(path for path in files if path.with_suffix("") not in claimed)


def _unexplained(path: Path) -> str:
    cut = missing_bytes(path)
    why = f"the file breaks off {cut} bytes early, and with it" if cut else "nothing says"
    return f"{path} is left out: {why} which sensor heard it, when and where. Add it to a sensors.csv."
