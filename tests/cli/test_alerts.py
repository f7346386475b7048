"""`dhishoom alerts`: what was told, what could not be, and taking an incident on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dhishoom.cli.alerts import acknowledge, list_alerts, retry_alert
from dhishoom.stores.sql import SqlStore
from tests.contracts.examples import NOON_NS, a_letter, an_alert, an_incident


def opened(folder: Path) -> SqlStore:
    """The store in a folder."""
    return SqlStore(f"sqlite:///{folder}/dhishoom.db", folder / "clips")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A store's folder: an alert that the radio got and the pager never will, and one that waits."""
    made = opened(tmp_path / "kept")
    made.put_incidents([an_incident("i1")], [a_letter(), a_letter(sink="pager")])
    made.put_incidents([an_incident("i2")], [a_letter(an_alert(an_incident("i2")))])
    made.settle_letter("radio", "i1.1.new", state="delivered", why="200 OK", now_ns=NOON_NS)
    made.settle_letter("pager", "i1.1.new", state="dead", why="410, gone", now_ns=NOON_NS)
    made.close()
    return tmp_path / "kept"


def objects(text: str) -> list[dict[str, Any]]:
    """JSON lines."""
    return [json.loads(line) for line in text.splitlines()]


def test_alerts_are_listed_newest_first(run, folder: Path) -> None:
    """As in the API with --json, else a delivery a row with what was said."""
    found = objects(run(list_alerts, "--store", folder, "--json").out)

    assert [one["id"] for one in found] == ["i2.1.new", "i1.1.new"]
    assert [delivery["sink"] for delivery in found[1]["deliveries"]] == ["pager", "radio"]
    assert "410, gone" in run(list_alerts, "--store", folder).out


def test_dead_letters_are_asked_for_by_state(run, folder: Path) -> None:
    """The one thing to look at each morning."""
    (dead,) = objects(run(list_alerts, "--store", folder, "--state", "dead", "--json").out)
    assert [one["sink"] for one in dead["deliveries"]] == ["pager"]
    assert run(list_alerts, "--store", folder, "--sink", "chief").out == ""


def test_a_dead_letter_can_be_queued_again(run, folder: Path) -> None:
    """It is due at once with a fresh limit; what was delivered is not sent twice."""
    assert "1 delivery of i1.1.new" in run(retry_alert, "i1.1.new", "--store", folder).err

    store = opened(folder)
    states = {one.letter.sink: one.state for one in store.letters_of("i1")}
    store.close()
    assert states == {"radio": "delivered", "pager": "queued"}


@pytest.mark.parametrize(
    ("command", "arguments", "words"),
    [
        (retry_alert, ["i1.1.nwe"], "Did you mean i1.1.new"),
        (retry_alert, ["i2.1.new"], "is dead or expired"),
        (acknowledge, ["i3"], "`dhishoom incidents` lists them"),
        (list_alerts, ["--state", "daed"], "Did you mean dead"),
    ],
)
def test_what_is_not_there_is_an_error_that_helps(run, folder: Path, command, arguments, words: str) -> None:
    """Exit code 2, and the nearest there is."""
    result = run(command, *arguments, "--store", folder)
    assert result.exit_code == 2
    assert words in result.err


def test_an_incident_is_acknowledged_from_the_command_line(run, folder: Path) -> None:
    """The first time counts."""
    for _ in range(2):
        result = run(acknowledge, "i1", "--by", "Desk 2", "--store", folder, "--json")
    store = opened(folder)
    (said,) = store.acknowledgements(["i1"])
    store.close()
    assert said.by == "Desk 2"
    (told,) = objects(result.out)
    assert (told["type"], told["incident_id"], told["by"]) == ("acknowledgement", "i1", "Desk 2")
