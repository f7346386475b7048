"""`dhishoom incidents`, `detections` and `review`: the store as people and programs read it."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from dhishoom.cli.records import detections, incidents, review
from dhishoom.core.geometry import geographic_place, local_place
from dhishoom.messages import detection_to_json, incident_to_json
from dhishoom.nouns import NS_PER_S, Origin
from dhishoom.stores.sql import SqlStore
from tests.contracts.examples import NOON_NS, a_detection, an_incident

HOUR_NS = 3600 * NS_PER_S


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A store's folder: three incidents an hour apart, each of one detection."""
    made = opened(tmp_path / "kept")
    for number in range(3):
        when = NOON_NS + number * HOUR_NS
        label = ("gunshot", "gunshot", "door")[number]
        made.put_detections([a_detection(f"d{number}", onset_ns=when, sensor_id=f"s{number}", label=label)])
        made.put_incidents([an_incident(f"i{number}", time_ns=when, hears=(f"d{number}",))])
    made.close()
    return tmp_path / "kept"


def opened(folder: Path) -> SqlStore:
    """The store in a folder."""
    return SqlStore(f"sqlite:///{folder}/dhishoom.db", folder / "clips")


def objects(text: str) -> list[dict]:
    """JSON lines."""
    return [json.loads(line) for line in text.splitlines()]


def ids(text: str) -> list[str]:
    """Of JSON lines."""
    return [one["id"] for one in objects(text)]


def test_incidents_are_printed_as_everywhere_else(run, folder: Path) -> None:
    """--json gives the objects of the API and the topics, newest first."""
    result = run(incidents, "--store", folder, "--json")

    store = opened(folder)
    assert objects(result.out) == [incident_to_json(one, local_place) for one in store.incidents()]
    assert ids(result.out) == ["i2", "i1", "i0"]
    store.close()


def test_places_of_a_geographic_site_are_degrees(run, folder: Path) -> None:
    """The store knows where its metres are counted from; no settings are needed."""
    store, origin = opened(folder), Origin(lat=41.8, lon=-87.6)
    store.put_origin(origin)
    store.close()

    first = objects(run(incidents, "--store", folder, "--json").out)[0]

    assert first["position"] == geographic_place(origin)(an_incident().position)
    assert "41.79998, -87.59999" in run(incidents, "--store", folder).out


def test_detections_are_asked_for_by_sensor_label_time_and_number(run, folder: Path) -> None:
    """Newest first; --since is included, --until is not."""

    def asked(*options: str) -> list[str]:
        return ids(run(detections, "--store", folder, "--json", *options).out)

    assert asked() == ["d2", "d1", "d0"]
    assert asked("--sensor", "s1") == ["d1"]
    assert asked("--label", "door", "--label", "none") == ["d2"]
    assert asked("--limit", "1") == ["d2"]
    assert asked("--since", "2026-01-01T13:00:00Z", "--until", "2026-01-01T14:00:00Z") == ["d1"]
    assert asked("--since", "2026-01-02") == []
    assert objects(run(detections, "--store", folder, "--json", "--limit", "1").out) == [
        detection_to_json(a_detection("d2", onset_ns=NOON_NS + 2 * HOUR_NS, sensor_id="s2", label="door"))
    ]


def test_a_time_may_be_so_long_ago(run, folder: Path) -> None:
    """A day, an hour, a week: counted back from now."""
    store = opened(folder)
    store.put_detections([a_detection("recent", onset_ns=time.time_ns() - 3 * HOUR_NS)])
    store.close()

    assert ids(run(detections, "--store", folder, "--json", "--since", "1d", "--until", "2h").out) == ["recent"]
    assert ids(run(detections, "--store", folder, "--json", "--since", "90m").out) == []


@pytest.mark.parametrize(
    "options", [("--since", "yesterday"), ("--until", "2026-13-01"), ("--since", "1h", "--until", "2h")]
)
def test_what_is_no_time_is_refused(run, folder: Path, options: tuple[str, ...]) -> None:
    """With the option named and how a time is written."""
    result = run(incidents, "--store", folder, *options)

    assert result.exit_code == 2
    assert options[0] in result.err


def test_tables_show_the_latest_verdict(run, folder: Path) -> None:
    """For people: place, ellipse, rounds with their interval, and what was said."""
    run(review, "i1", "dismissed", "--store", folder)
    run(review, "i1", "confirmed", "--store", folder)

    row = next(line for line in run(incidents, "--store", folder).out.splitlines() if "i1" in line)

    for text in ("2026-01-01 13:00:00Z", "x 1.2, y -2.5", "6 × 3", "1 (1-2)", "confirmed"):
        assert text in row
    assert "gunshot" in run(detections, "--store", folder).out


def test_nothing_found_is_said_on_standard_error(run, folder: Path) -> None:
    """Standard output stays empty for other programs."""
    result = run(incidents, "--store", folder, "--until", "2020-01-01")

    assert (result.exit_code, result.out) == (0, "")
    assert "No incidents" in result.err


def test_a_review_is_taken_back_by_a_later_one(run, folder: Path) -> None:
    """Both are kept; each answer says how to take it back."""
    first = run(review, "i0", "confirmed", "--note", "two casings", "--reviewer", "Desk 2", "--store", folder)
    second = run(review, "i0", "unsure", "--reviewer", "Desk 3", "--store", folder / "dhishoom.db", "--json")

    store = opened(folder)
    assert [(one.verdict, one.reviewer, one.note) for one in store.reviews("i0")] == [
        ("confirmed", "Desk 2", "two casings"),
        ("unsure", "Desk 3", ""),
    ]
    store.close()
    assert "dhishoom review i0 unsure" in first.err
    assert objects(second.out)[0]["verdict"] == "unsure"


def test_a_detection_may_be_reviewed(run, folder: Path) -> None:
    """One that is in no incident too."""
    assert run(review, "d2", "dismissed", "--store", folder).exit_code == 0


def test_a_wrong_id_or_verdict_is_told_the_nearest(run, folder: Path) -> None:
    """And nothing is kept."""
    wrong_id = run(review, "d11", "confirmed", "--store", folder)
    wrong_verdict = run(review, "i1", "confirm", "--store", folder)
    no_verdict = run(review, "i1", "yes", "--store", folder)
    long = run(review, "i1", "unsure", "--note", "x" * 2001, "--store", folder)

    assert [one.exit_code for one in (wrong_id, wrong_verdict, no_verdict, long)] == [2, 2, 2, 2]
    assert "Did you mean d1?" in wrong_id.err
    assert "Did you mean confirmed?" in wrong_verdict.err
    assert "confirmed, dismissed, unsure" in no_verdict.err
    assert "2000" in long.err
    store = opened(folder)
    assert list(store.reviews()) == []
    store.close()


def test_the_store_is_the_one_the_settings_name(run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Relative to the folder of the settings; without settings, the default folder where one is."""
    config = folder.parent / "dhishoom.toml"
    config.write_text('[store]\nfolder = "kept"\n')
    assert len(objects(run(incidents, "--config", config, "--json").out)) == 3

    monkeypatch.chdir(folder.parent)
    assert len(objects(run(incidents, "--json").out)) == 3

    config.unlink()
    folder.rename(folder.parent / "dhishoom-data")
    assert len(objects(run(incidents, "--json").out)) == 3


def test_reading_makes_no_store(run, tmp_path: Path) -> None:
    """Where there is none, that is said, and nothing is left behind."""
    result = run(incidents, "--store", tmp_path / "none")

    assert result.exit_code == 7
    assert "there is no store at" in result.err
    assert list(tmp_path.iterdir()) == []
