"""A folder of clips as simulated sensors: who sends what, when."""

from __future__ import annotations

import itertools
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile

from dhishoom.errors import SourceError
from dhishoom.nouns import NS_PER_S
from dhishoom.sources.clip_players import ClipPlayers, clips_of

BEGIN_NS = 1_700_000_000 * NS_PER_S


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two shots and four other clips, and a manifest."""
    rows = ["path,label,note"]
    for number in range(6):
        label = "gunshot" if number < 2 else "dog_bark"
        soundfile.write(tmp_path / f"{number}.wav", np.full(3000, 0.1 + number / 10), 1000)
        rows.append(f"{number}.wav,{label},")
    (tmp_path / "manifest.csv").write_text("\n".join([*rows, "gone.wav,gunshot,"]))
    return tmp_path


def players(folder: Path, **changes: object) -> ClipPlayers:
    """Three sensors, a clip every two seconds."""
    gunfire, others = clips_of(folder, folder / "manifest.csv")
    return ClipPlayers(gunfire, others, sensors=3, every_s=2.0, begin_ns=BEGIN_NS, paced=False, **changes)  # type: ignore[arg-type]


def test_gunfire_and_others_come_by_turns_at_every_sensor(folder: Path) -> None:
    """Half and half, though there are twice as many others."""
    kinds: dict[str, list[bool]] = {}
    for chunk in itertools.islice(players(folder).chunks(), 24):
        kinds.setdefault(chunk.sensor_id, []).append(bool(chunk.samples[0] < 0.25))

    assert set(kinds) == {"Sensor1", "Sensor2", "Sensor3"}
    assert all(Counter(one) == {True: 4, False: 4} for one in kinds.values())
    assert kinds["Sensor1"][:3] != kinds["Sensor2"][:3]


def test_a_sensors_clips_follow_on_each_other(folder: Path) -> None:
    """Cut to the time between two, with no gap and no overlap; sensors are spread over that time."""
    chunks = list(itertools.islice(players(folder).chunks(), 9))

    for name in ("Sensor1", "Sensor2", "Sensor3"):
        mine = [one for one in chunks if one.sensor_id == name]
        assert [two.start_ns for two in mine[1:]] == [one.end_ns for one in mine[:-1]]
    ends = [one.end_ns for one in chunks]
    assert ends == sorted(ends)
    assert ends[0] == BEGIN_NS + 2 * NS_PER_S


def test_the_same_seed_is_the_same_choice(folder: Path) -> None:
    """And another is not."""

    def choice(seed: int) -> list[float]:
        return [float(one.samples[0]) for one in itertools.islice(players(folder, seed=seed).chunks(), 20)]

    assert choice(1) == choice(1) != choice(2)


@pytest.mark.parametrize(
    ("text", "words"), [("a,b\n1,2\n", "one named path"), ("path,label\ngone.wav,x\n", "names no clip")]
)
def test_a_manifest_that_is_none_says_what_it_lacks(folder: Path, text: str, words: str) -> None:
    """And one that is not there."""
    (folder / "other.csv").write_text(text)
    with pytest.raises(SourceError, match=words):
        clips_of(folder, folder / "other.csv")
    with pytest.raises(SourceError, match="cannot read"):
        clips_of(folder, folder / "none.csv")
